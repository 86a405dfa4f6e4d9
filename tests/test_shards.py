"""Shards: part of a planned job, read elsewhere by nothing but ids, and finished by the run that planned."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.small_documents import ENGINE, truth, write_documents
from model.engine import EngineSpec
from pipeline.batch import open_batch, run_batch
from pipeline.confidence.trust import Trust
from pipeline.job import Job
from pipeline.shards import Shard, open_shard, shards_of
from schemas.errors import UsageError
from tests.papers import write_invoice


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    write_documents(tmp_path / "docs", 5)
    return tmp_path / "docs"


@pytest.fixture
def job(docs: Path, tmp_path: Path, postgres_url: str) -> Job:
    schema, engine = str(tmp_path / "ticket.json"), EngineSpec("fake", ENGINE)
    return Job((str(docs),), (schema,), tmp_path / "out", engine, postgres_url, workers=1, trust=Trust(escalations=0))


def planned(job: Job, size: int) -> list[Shard]:
    with open_batch(job) as batch:
        return shards_of(batch.plan, batch.ledger, size)


def read(job: Job, shard: Shard) -> list[str]:
    with open_shard(job, shard) as batch:
        return sorted(row.name for row in batch.read())


def test_shards_hold_every_document_once_and_travel_as_json(job: Job) -> None:
    shards = planned(job, 2)
    assert [len(shard.documents) for shard in shards] == [2, 2, 1]
    assert len({ids for shard in shards for ids in shard.documents}) == 5
    for shard in shards:
        sent = json.loads(json.dumps(asdict(shard)))
        assert Shard(sent["schema"], tuple(tuple(ids) for ids in sent["documents"])) == shard


def test_the_run_that_planned_finishes_what_was_read_elsewhere(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shards' job names no place, and nothing is looked for."""
    away = replace(job, places=())
    with open_batch(job) as batch:
        first, *others = shards_of(batch.plan, batch.ledger, 2)
        assert read(away, first) == ["0000.pdf", "0001.pdf"]
        assert not job.jsonl.exists()
        assert sorted(row.name for row in batch.collect()) == ["0000.pdf", "0001.pdf"]
        assert batch.summary.left == 3
        for shard in others:
            read(away, shard)
        assert len(batch.collect()) == 3 and batch.collect() == []
    assert batch.summary.statuses["review"] == 5 and batch.summary.read == 0
    lines = [json.loads(line) for line in job.jsonl.read_text().splitlines()]
    assert [line["data"] for line in lines] == [truth(f"{number:04}.pdf") for number in range(5)]
    assert len(list(job.out.glob("*.json"))) == 5


def test_a_shard_that_is_opened_again_reads_nothing_twice(job: Job) -> None:
    [shard] = planned(job, 10)
    assert len(read(job, shard)) == 5
    assert read(job, shard) == []
    run_batch(job)
    assert len(job.jsonl.read_text().splitlines()) == 5


def test_a_document_that_vanished_fails_and_says_so_and_is_read_when_it_is_back(job: Job, docs: Path) -> None:
    [shard] = planned(job, 10)
    (docs / "0003.pdf").unlink()
    assert len(read(job, shard)) == 5
    run_batch(job)
    record = json.loads((job.out / "0003.pdf.json").read_text())
    assert record["status"] == "failed" and record["issues"][0]["code"] == "missing-document"
    assert "0003.pdf" in record["issues"][0]["message"]
    write_invoice(docs / "0003.pdf", "INV-33")
    assert run_batch(job).statuses["failed"] == 0


def test_documents_with_the_same_bytes_stay_one(job: Job, docs: Path) -> None:
    (docs / "copy.pdf").write_bytes((docs / "0000.pdf").read_bytes())
    [shard] = planned(job, 10)
    assert sorted(len(ids) for ids in shard.documents) == [1, 1, 1, 1, 2]
    read(job, shard)
    run_batch(job)
    assert len(job.jsonl.read_text().splitlines()) == 5


def test_each_shard_has_one_schema(job: Job, tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "forms" / "a.pdf")
    mixed = replace(job, schemas=("forms=form", *job.schemas))
    shards = planned(mixed, 10)
    assert sorted((shard.schema, len(shard.documents)) for shard in shards) == [(job.schemas[0], 5), ("form", 1)]
    for shard in shards:
        read(mixed, shard)
    assert run_batch(mixed).statuses.total() == 6
    assert json.loads((job.out / "forms" / "a.pdf.json").read_text())["contract"]["name"] == "Form"


def test_a_shard_of_another_folder_is_wrong_use(job: Job, tmp_path: Path) -> None:
    [shard] = planned(job, 10)
    with (
        pytest.raises(UsageError, match="same --out and --ledger"),
        open_shard(replace(job, out=tmp_path / "other"), shard),
    ):
        pass


def test_a_name_that_is_no_utf_8_is_found_again(tmp_path: Path, job: Job) -> None:
    odd = bytes(tmp_path / "docs") + b"/od\xff.pdf"
    Path(os.fsdecode(odd)).write_bytes((tmp_path / "docs" / "0000.pdf").read_bytes() + b"\n%")
    [shard] = planned(job, 10)
    assert len(read(job, shard)) == 6
    assert run_batch(job).statuses["failed"] == 0 and len(job.jsonl.read_text().splitlines()) == 6
