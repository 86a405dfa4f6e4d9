"""The flows' parameters: a form for Prefect's page, with bounds, and nothing in it that must not be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.parameters import IngestParameters
from model.engine import EngineSpec
from pipeline.confidence.trust import Trust
from pipeline.job import Job

LEAST: dict[str, Any] = {"places": ["inbox"], "schemas": ["invoice"]}


def form() -> dict[str, Any]:
    """The fields as Prefect's page gets them."""
    from prefect.utilities.callables import parameter_schema

    from flows.ingest import ingest

    schema = parameter_schema(ingest).model_dump()
    assert list(schema["properties"]) == ["job"] and schema["required"] == ["job"]
    (model,) = schema["definitions"].values()
    return model["properties"]


def test_every_field_of_the_form_has_a_title_and_one_plain_type_with_its_bounds() -> None:
    for name, field in form().items():
        assert field["title"][0].isupper(), name
        assert field["type"] in ("string", "integer", "number", "boolean", "array"), name
        assert not {"anyOf", "allOf", "$ref"} & set(field), name
        if field["type"] in ("integer", "number"):
            assert {"minimum", "maximum", "default"} <= set(field), name
    assert form()["engine"]["enum"] == ["embedded", "gemma", "served"]
    assert form()["thinking"]["enum"] == ["off", "on", "asked"]
    assert form()["places"]["items"] == {"type": "string"}


def test_only_places_and_schemas_have_to_be_filled_in_and_no_field_is_for_a_secret() -> None:
    required = IngestParameters.model_json_schema()["required"]
    assert required == ["places", "schemas"]
    assert not [
        name for name in form() if "password" in name or "key" in name or "token" in name.removesuffix("tokens")
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"places": []},
        {"schemas": []},
        {"workers": -1},
        {"precision": 1.0},
        {"engine": "nonesuch"},
        {"seconds": 0},
        {"quantisation": "int2"},
        {"password": "x"},
        {"places": ["https://user:secret@host.test/a/"]},
        {"places": ["https://host.test/a.pdf?X-Amz-Signature=0f1e"]},
        {"ledger": "postgresql://me:secret@db.test/ledger"},
        {"ledger": "postgresql://me@db.test/ledger?password=secret"},
    ],
)
def test_what_is_out_of_bounds_or_secret_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as told:
        IngestParameters(**{**LEAST, **wrong})
    assert next(iter(wrong)) in str(told.value)


jobs = st.builds(
    Job,
    places=st.lists(st.sampled_from(["a", "s3://b/c", "https://x.test/a?b=1"]), min_size=1).map(tuple),
    schemas=st.just(("invoice", "a=receipt")),
    out=st.just(Path("out")),
    engine=st.builds(
        EngineSpec,
        name=st.sampled_from(["embedded", "served", "fake"]),
        model=st.sampled_from(["", "m"]),
        thinking=st.sampled_from(["off", "on", "asked"]),
        keep_thoughts=st.booleans(),
        output_tokens=st.integers(16, 9999),
        url=st.sampled_from(["", "http://127.0.0.1:8000/v1"]),
        concurrency=st.integers(1, 99),
    ),
    ledger=st.sampled_from(["", "postgresql://me@db.test/ledger", "sqlite:////tmp/x.sqlite"]),
    workers=st.none() | st.integers(1, 64),
    seconds=st.floats(1, 1000),
    retry_failed=st.booleans(),
    trust=st.builds(Trust, precision=st.floats(0.5, 0.99), calibration=st.just(""), escalations=st.integers(0, 9)),
    traces=st.booleans(),
    settle=st.floats(0, 60),
)


@given(jobs)
def test_a_job_without_secrets_is_the_same_after_it_was_parameters(job: Job) -> None:
    assert IngestParameters(**IngestParameters.of(job).model_dump(mode="json")).job() == job


def test_a_job_with_secrets_loses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(
        ("https://me:0SECRET0@host.test/a.pdf?sig=0SECRET0",),
        ("invoice",),
        Path("out"),
        EngineSpec("served", url="http://me:0SECRET0@host.test/v1"),
        "postgresql+psycopg://me:0SECRET0@db.test/ledger?password=0SECRET0",
        passwords=("0SECRET0",),
    )
    kept = IngestParameters.of(job)
    assert "0SECRET0" not in kept.model_dump_json()
    assert kept.ledger == "postgresql+psycopg://me@db.test/ledger"
    monkeypatch.setenv("INTAGLIO_PASSWORDS", "one two")
    monkeypatch.setenv("INTAGLIO_LEDGER", "sqlite:////tmp/l.sqlite")
    assert kept.job().passwords == ("one", "two")
    assert IngestParameters(**LEAST).job().ledger == "sqlite:////tmp/l.sqlite"


@pytest.mark.parametrize(
    ("places", "title"),
    [
        (["/srv/in/invoices/"], "invoices · invoice"),
        (["s3://bucket/2024", "mail"], "2024 and 1 more · invoice"),
        (["https://me:pw@host.test/a.pdf?sig=x"], "a.pdf · invoice"),
    ],
)
def test_a_run_is_named_by_source_and_schema(places: list[str], title: str) -> None:
    job = Job(tuple(places), ("invoice",), Path("out"))
    assert IngestParameters.of(job).title == title
