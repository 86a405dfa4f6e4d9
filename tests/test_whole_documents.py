"""Long lists come back whole and right, from an engine that drops, invents and misreads rows and goes in circles."""

from __future__ import annotations

import pytest

from benchmarks.failures import PERFECT, Failures
from benchmarks.long_documents import long_document
from benchmarks.simulator import Simulator
from benchmarks.slices import compare, views
from benchmarks.statements import KINDS, Kind
from pipeline.confidence.trust import Trust
from pipeline.extract import extract_pages
from schemas.record import DocumentInfo

INFO = DocumentInfo(uri="statement", sha256="0" * 64, media_type="application/pdf", bytes=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_rows_are_right_in_slices_where_one_ask_loses_most(kind: Kind) -> None:
    outcome = compare(long_document(1000, kind, seed=5), Failures(), seed=5)
    assert outcome.sliced.recall >= 0.99 and outcome.sliced.precision >= 0.99
    assert outcome.one_ask.recall < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_is_lost_in_silence_by_an_engine_that_drops_a_fifth_of_them(kind: Kind) -> None:
    document = long_document(120, kind, seed=3)
    outcome = compare(document, Failures(dropped=0.2), seed=3)
    assert outcome.sliced.recall >= 0.98 and outcome.sliced.precision >= 0.99
    assert outcome.record.issues or not outcome.lost


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_that_fails_at_nothing_is_hardly_asked_for_anything_twice(kind: Kind) -> None:
    document = long_document(300, kind, seed=2)
    simulator = Simulator(document, PERFECT, seed=2)
    record = extract_pages(INFO, views(document), document.contract, simulator, trust=Trust(escalations=0))
    assert record.usage.escalations <= 3  # texts that a figure stands amid, where they go on in the next line
    assert not record.issues
    assert all(ask.pages is simulator.asked[0].pages for ask in simulator.asked)
