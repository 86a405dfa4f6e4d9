"""What an engine said at first stands where it fails later: for review, told, and replayed to the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from model.engine import Answer, Ask, EngineSpec
from pipeline.discover import Source
from pipeline.extract import Clock, extract_pages, record_of
from pipeline.replay import replay
from pipeline.rounds import Live
from pipeline.serving import Assignment, Read, finished
from pipeline.trace_file import packed, read_trace
from pipeline.tracing import Shutter, trace_of
from schemas.errors import AnswerError
from tests.ledgers import LEDGER, Reader, Row, ledger
from tests.test_complete import INFO, PER_PAGE, rows
from tests.test_replay import timeless


class Failing(Reader):
    """Gives up at asks whose name begins so. It leaves out two rows at first."""

    def __init__(self, truth: Sequence[Row], at: str) -> None:
        lost = truth[12:14]
        super().__init__(
            truth, PER_PAGE, lambda ask, own: own if ask.scope else [row for row in own if row not in lost]
        )
        self.at = at

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        given = list(asks)
        if any(ask.id.startswith(self.at) for ask in given):
            raise AnswerError("the cable is out.", remedy="Plug it in.")
        yield from super().answer(given)


@pytest.mark.parametrize(("at", "rows_read"), [("again", 23), ("crop", 25)])
def test_a_later_round_that_fails_keeps_the_first_answers(tmp_path: Path, at: str, rows_read: int) -> None:
    truth = rows(25)
    views, live = ledger(truth, PER_PAGE), Live(Failing(truth, at))
    record = record_of(INFO, views, LEDGER, live, Clock())
    assert (record.status, len(record.data["rows"])) == ("review", rows_read)
    [issue] = [issue for issue in record.issues if issue.code == "answer-error"]
    assert issue.severity == "error" and f"({at}" in issue.message
    assert issue.message.endswith("the cable is out. Plug it in.")

    (tmp_path / "t.gz").write_bytes(packed(trace_of(record, views, LEDGER, live, Shutter())))
    assert timeless(replay(record, read_trace(tmp_path / "t.gz"), LEDGER).record) == timeless(record)

    assignment = Assignment(Source("x", "x", "x"), "invoice", EngineSpec("fake"))
    outcome = finished(assignment, Read(record.model_dump_json().encode(), b""))
    assert (outcome.code, outcome.retryable) == ("", True)


def test_a_first_round_that_fails_has_nothing_to_keep() -> None:
    with pytest.raises(AnswerError, match="cable"):
        extract_pages(INFO, ledger(rows(5), PER_PAGE), LEDGER, Failing(rows(25), ""))
