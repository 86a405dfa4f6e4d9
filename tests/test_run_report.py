"""The report of a run: what it says after real runs, that it loses nothing, and what it never says."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from pipeline import run_report
from pipeline.batch import open_batch, run_batch
from pipeline.job import Job, Planned, Row, Watch
from pipeline.prices import FREE, Prices, prices_of
from pipeline.run_report import RunReport, read_reports, run_name, shown_source, write_report
from pipeline.tally import Tally
from schemas.errors import EngineUnavailable, UsageError
from schemas.record import Usage
from tests.papers import write_invoice, write_invoices


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run: three invoices, one of them twice, and two documents that fail."""
    docs, out = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("run") / "out"
    first, *_ = write_invoices(docs, 3)
    (docs / "again.pdf").write_bytes(first.read_bytes())
    write_invoice(docs / "locked.pdf", password="secret")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    prices = Prices(per_hour=3600.0)
    run_batch(Job((str(docs),), ("invoice",), out, workers=1, prices=prices))
    return out


@pytest.fixture
def report(out: Path) -> RunReport:
    return next(read_reports(out))


def report_command(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["report", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]


def test_it_agrees_with_the_records_of_its_run(out: Path, report: RunReport) -> None:
    found = records(out)
    assert report.state == "completed" and report.error == ""
    assert report.documents.found == report.documents.read == len(found) == 5
    assert report.documents.same == 1 and report.documents.left == report.documents.done_before == 0
    for status in ("accepted", "review", "failed"):
        assert getattr(report.documents, status) == sum(record["status"] == status for record in found)
    assert report.failures == {"damaged-document": 1, "encrypted-document": 1}
    assert report.pages == sum(len(record["document"]["pages"]) for record in found) == 3
    leaves = [leaf["status"] for record in found for leaf in record["fields"].values()]
    assert report.values == {status: leaves.count(status) for status in ("accepted", "review")}
    for stage, spent in report.stage_seconds.items():
        stages = [record["usage"]["seconds"].get(stage, 0.0) for record in found]
        assert spent == pytest.approx(sum(stages), abs=0.001)
    assert {"open", "read", "ask"} <= set(report.stage_seconds)


def test_it_says_which_schema_and_engine_made_the_records(out: Path, report: RunReport) -> None:
    (schema,) = report.schemas
    record = records(out)[0]
    assert schema.given == "invoice"
    assert {"name": schema.name, "fingerprint": schema.fingerprint} == record["contract"]
    assert report.engine.model_dump(mode="json") == record["engine"]
    assert report.reader.startswith(report.engine.fingerprint)


def test_its_times_fit_together(report: RunReport) -> None:
    assert 0 < report.reading_seconds <= report.seconds
    assert abs((report.ended - report.started).total_seconds() - report.seconds) < 1
    assert report.documents_per_second == pytest.approx(5 / report.reading_seconds, rel=0.01)
    assert report.pages_per_second == pytest.approx(3 / report.reading_seconds, rel=0.01)
    assert report.pages_per_minute == pytest.approx(180 / report.reading_seconds, rel=0.01)
    busy = report.stage_seconds["ask"] / report.reading_seconds
    assert report.engine_busy_share == pytest.approx(busy, abs=0.001)


def test_a_run_at_one_unit_a_second_costs_its_seconds(report: RunReport) -> None:
    assert report.cost is not None and report.cost.per_thousand_pages is not None
    assert report.cost.total == report.cost.machine == pytest.approx(report.seconds, abs=1e-5)
    assert report.cost.per_thousand_pages == pytest.approx(report.seconds * 1000 / 3, abs=0.001)


def test_a_run_with_nothing_to_read_leaves_no_report(out: Path, report: RunReport) -> None:
    (docs,) = report.sources
    summary = run_batch(Job((docs,), ("invoice",), out, workers=1))
    assert summary.read == 0 and summary.report is None
    assert [found.run for found in read_reports(out)] == [report.run]


def test_planning_alone_leaves_no_report(tmp_path: Path) -> None:
    write_invoices(tmp_path / "docs", 1)
    job = Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out")
    with open_batch(job) as batch:
        assert len(batch.plan.todo) == 1
    with pytest.raises(UsageError, match="no report"):
        next(read_reports(job.out))


def test_a_stopped_run_says_what_it_left(tmp_path: Path) -> None:
    write_invoices(tmp_path / "docs", 4)
    stop = threading.Event()
    watch = Watch(lambda event: stop.set() if isinstance(event, Row) else None, stop)
    summary = run_batch(Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", workers=1), watch)
    report = next(read_reports(tmp_path / "out"))
    assert report == summary.report
    assert report.state == "interrupted"
    assert report.documents.read == 1 and report.documents.left == 3


def test_a_run_that_an_error_ends_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_invoices(tmp_path / "docs", 1)

    def ends(*_: object) -> None:
        raise EngineUnavailable("its weights are gone.")

    monkeypatch.setattr("pipeline.workers.Workers.read", ends)
    with pytest.raises(EngineUnavailable):
        run_batch(Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", workers=1))
    report = next(read_reports(tmp_path / "out"))
    assert (report.state, report.error, report.documents.left) == ("failed", "engine-unavailable", 1)
    assert report.pages_per_second == 0 and report.cost is None


def test_the_command_shows_one_run_or_all(out: Path, report: RunReport) -> None:
    shown = report_command(out)
    assert report.run in shown and "5 documents read, 3 pages" in shown
    assert "Failed: 1 damaged-document, 1 encrypted-document." in shown and "per 1,000 pages" in shown
    assert json.loads(report_command(out, "--json")) == report.model_dump(mode="json")
    assert report_command(out, "--all").splitlines() == [shown.splitlines()[0] + f" Cost: {costs(shown)}"]
    assert [json.loads(line)["run"] for line in report_command(out, "--all", "--json").splitlines()] == [report.run]
    assert report_command(out, "--run", report.run[:8]) == shown


def costs(shown: str) -> str:
    return next(line for line in shown.splitlines() if line.startswith("Cost: ")).removeprefix("Cost: ")


def test_another_price_can_be_set_on_a_run_that_is_over(out: Path, report: RunReport) -> None:
    cheaper = json.loads(report_command(out, "--json", "--price-per-hour", "1.8"))
    assert report.cost is not None
    assert cheaper["cost"]["total"] == pytest.approx(report.cost.total / 2000, abs=1e-5)


def test_a_run_that_is_not_there_is_one_clear_line(out: Path) -> None:
    with pytest.raises(UsageError, match="--all"):
        next(read_reports(out, "19"))


def test_the_terminal_and_the_summary_of_ingest_have_it(tmp_path: Path) -> None:
    write_invoices(tmp_path / "docs", 1)
    command = ["ingest", str(tmp_path / "docs"), "-s", "invoice", "--direct", "--workers", "1"]
    shown = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "a"), "--price-per-hour", "1.2"])
    assert "pages/min with 1 reader; engine busy" in shown.stdout and "Cost: 0.0" in shown.stdout
    told = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "b"), "--json"])
    summary = json.loads(told.stdout)
    assert summary["report"] == next(read_reports(tmp_path / "b")).model_dump(mode="json")
    assert summary["report"]["cost"] is None


def test_only_the_newest_reports_are_kept(tmp_path: Path, report: RunReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_report, "MOST_KEPT", 3)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    names = [run_name(begun + timedelta(minutes=minute)) for minute in range(5)]
    for name in names:
        write_report(tmp_path, report.model_copy(update={"run": name}))
    assert [found.run for found in read_reports(tmp_path)] == names[:1:-1]


def test_a_damaged_report_is_one_clear_line(tmp_path: Path, report: RunReport) -> None:
    path = write_report(tmp_path, report)
    path.write_text(path.read_text()[:100])
    with pytest.raises(UsageError, match="Take that file away"):
        next(read_reports(tmp_path))


def test_a_later_version_may_say_more(tmp_path: Path, report: RunReport) -> None:
    path = write_report(tmp_path, report)
    path.write_text(json.dumps({**json.loads(path.read_text()), "weather": "fine"}))
    assert next(read_reports(tmp_path)) == report


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("invoices/", "invoices/"),
        ("s3://bucket/folder", "s3://bucket/folder"),
        ("https://user:key@host:8443/a.pdf?signature=key#key", "https://host:8443/a.pdf"),
    ],
)
def test_no_key_to_a_source_is_kept(place: str, shown: str) -> None:
    assert shown_source(place) == shown


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_refused(price: float) -> None:
    with pytest.raises(UsageError, match="is no price"):
        prices_of(price, 0, 0)


amounts = st.floats(0, 1000, allow_nan=False)
counts = st.integers(0, 10**9)


@given(amounts, amounts, amounts, st.floats(0, 10**6), counts, counts, st.integers(0, 10**6))
def test_costs_add_up(
    hour: float, taken: float, given_out: float, seconds: float, tokens_in: int, tokens_out: int, pages: int
) -> None:
    prices = Prices(per_hour=hour, per_million_input=taken, per_million_output=given_out)
    cost = prices.cost(seconds, tokens_in, tokens_out, pages)
    if prices == FREE:
        assert cost is None
        return
    assert cost is not None
    assert cost.total == pytest.approx(cost.machine + cost.tokens, abs=2e-6)
    assert cost.total == pytest.approx(
        hour * seconds / 3600 + (taken * tokens_in + given_out * tokens_out) / 1e6, abs=1e-5
    )
    if pages:
        assert cost.per_thousand_pages == pytest.approx(cost.total / pages * 1000, rel=1e-3, abs=1e-5 + 1e-3)
    else:
        assert cost.per_thousand_pages is None


rows = st.lists(
    st.builds(
        Row,
        name=st.just("a"),
        uri=st.just("a"),
        schema=st.just("s"),
        status=st.sampled_from(["accepted", "review", "failed"]),
        pages=st.integers(0, 9),
        accepted=st.integers(0, 9),
        review=st.integers(0, 9),
        issues=st.just(()),
        elsewhere=st.booleans(),
        usage=st.builds(Usage, prompt_tokens=st.integers(0, 99), output_tokens=st.integers(0, 99)),
    )
)


@given(rows)
def test_a_tally_counts_what_this_run_read_and_what_is_left(heard: list[Row]) -> None:
    tally = Tally()
    tally.hear(Planned(len(heard) + 5, len(heard) + 2, (), 0))
    before = tally.totals()
    for row in heard:
        tally.hear(row)
    found, ours = tally.totals(), [row for row in heard if not row.elsewhere]
    assert found.waiting == 2
    assert found.statuses.total() == len(ours)
    assert found.pages == sum(row.pages for row in ours)
    assert found.values["accepted"] == sum(row.accepted for row in ours)
    assert found.tokens["output"] == sum(row.usage.output_tokens for row in ours)
    assert before.statuses.total() == 0  # what was told stays as it was
