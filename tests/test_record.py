"""The output envelope."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.page import Box
from schemas.record import (
    SCHEMA_VERSION,
    ContractInfo,
    DocumentInfo,
    EngineInfo,
    Evidence,
    FieldResult,
    Issue,
    PageInfo,
    Record,
    Usage,
)

fraction = st.floats(0, 1)
boxes = st.tuples(fraction, fraction, fraction, fraction).map(lambda corners: Box(*corners))
evidence = st.builds(Evidence, page=st.integers(1, 999), box=boxes, text=st.text(max_size=9), score=fraction)
results = st.builds(
    FieldResult,
    value=st.none() | st.text(max_size=9),
    evidence=st.lists(evidence, max_size=2).map(tuple),
    confidence=fraction,
    status=st.sampled_from(["accepted", "review", "absent"]),
)


def record(**more: Any) -> Record:
    return Record(
        document=DocumentInfo(
            uri="a.pdf",
            sha256="0" * 64,
            media_type="application/pdf",
            bytes=9,
            pages=(PageInfo(number=1, width=595.0, height=842.0, source="text", words=3),),
        ),
        contract=ContractInfo(name="Bill", fingerprint="f" * 16),
        engine=EngineInfo(name="fake", model="none", revision="1", fingerprint="e" * 16),
        **{"status": "review", "usage": Usage(seconds={"read": 0.1}), **more},
    )


@given(st.dictionaries(st.text(max_size=9), results, max_size=3))
def test_a_record_survives_json(fields: dict[str, FieldResult]) -> None:
    before = record(data={"total": 3.5, "who": None}, fields=fields, issues=(Issue(code="missing", message="m"),))
    after = Record.model_validate_json(before.model_dump_json())
    assert after == before
    assert all(isinstance(item.box, Box) for field in after.fields.values() for item in field.evidence)


def test_its_json_is_what_programs_rely_on() -> None:
    written = json.loads(
        record(fields={"/total": FieldResult(
            value="3.5", evidence=(Evidence(page=2, box=Box(0.1, 0.2, 0.3, 0.4), text="3,50", score=1.0),),
            confidence=0.97, status="accepted",
        )}).model_dump_json()
    )  # fmt: skip
    assert written["schema_version"] == SCHEMA_VERSION
    assert set(written) == {"schema_version", "document", "contract", "engine", "data", "fields", "issues", "status",
                            "usage", "thoughts", "precision"}  # fmt: skip
    assert written["fields"]["/total"]["evidence"] == [
        {"page": 2, "box": [0.1, 0.2, 0.3, 0.4], "text": "3,50", "score": 1.0}
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "perhaps"},
        {"more": 1},
        {"fields": {"/a": {"value": "1", "confidence": 1.2, "status": "accepted"}}},
        {"fields": {"/a": {"value": "1", "confidence": 1.0, "status": "sure"}}},
        {"fields": {"/a": {"value": "1", "confidence": 1.0, "status": "review", "evidence": [
            {"page": 0, "box": [0, 0, 1, 1], "text": "", "score": 1}]}}},
        {"issues": [{"code": "x", "message": "y", "severity": "loud"}]},
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Record.model_validate({**record().model_dump(), **change})


def test_a_record_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        record().status = "accepted"  # type: ignore[misc]
