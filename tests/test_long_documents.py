"""Whatever stands on the pages of a long document: every kind of field gives valid JSON and words of the page."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from model.embedded.engine import EmbeddedEngine
from model.engine import Ask, PageView, Scope
from schemas.contract import Contract
from schemas.narrow import narrowed
from schemas.page import Box, PageText, Word
from tests.pages import page
from tests.test_outlines import CITED, PAPER, RESUME
from tests.test_statements import BALANCE, INCOME, lists

TEXT = {"type": "string"}
EVERYTHING: dict[str, Any] = {
    **RESUME,
    **PAPER,
    **lists("revenue", "basic_eps", "reserves"),
    "citations": {"type": "array", "items": CITED},
    "report_period": {"type": "string", "pattern": r"FY\d{4}"},
    "total_assets": {"type": "number"},
    "borrower": TEXT,
    "maturity_date": {"type": "string", "format": "date"},
    "governing_law": TEXT,
    "lenders": {"type": "array", "items": TEXT},
    "event": {"type": "object", "properties": {"sex": TEXT, "length": TEXT, "category": TEXT}},
}
CONTRACT = Contract.from_json_schema({"type": "object", "properties": EVERYTHING})
WORDS = st.sampled_from(
    (
        "References [1] [2] A. Testa. In Journal, 2024. “Maturity Date” means as Borrower, KESTREL INC. governed by"
        " the laws of State EDUCATION SKILLS 2019 - Present (2014) • Abstract {a,b}@example.org December 31, 2023"
        " in millions Three Months Ended Total revenues $ (5.0) — 35.4 % Lender Commitment $1,000,000 MEN 50m"
        " arXiv:2401.01234 \u202e"
    ).split()
)
PLACE = st.floats(0, 1, allow_nan=False)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(WORDS, PLACE, PLACE, PLACE, PLACE), max_size=60), st.lists(WORDS, max_size=60))
def test_any_words_at_any_place_are_answered_with_words_of_the_page(
    placed: list[tuple[str, float, float, float, float]], flowing: list[str]
) -> None:
    words = tuple(Word(text, Box(min(a, c), min(b, d), max(a, c), max(b, d))) for text, a, b, c, d in placed)
    text = "\n".join(" ".join(flowing[start : start + 5]) for start in range(0, len(flowing), 5))
    pages = (PageView(PageText(1, 600, 800, words)), PageView(page(text, 2)))
    scope = Scope("/revenue", 2, 2, Box(0.0, 0.0, 1.0, 0.5), rows=3)
    asks = [Ask("a", CONTRACT, pages), Ask("b", CONTRACT, pages, scope=scope)]
    printed = {word for view in pages for word in view.text.words}
    for answer in EmbeddedEngine().answer(asks):
        assert set(json.loads(answer.json_text)) == set(EVERYTHING)
        for finding in answer.findings.values():
            assert set(finding.words) <= printed
            assert 0 <= finding.confidence <= 1.2


def test_a_list_of_figures_is_the_same_whether_asked_for_alone_or_with_all_others() -> None:
    pages = (PageView(page(INCOME, 1)), PageView(page(BALANCE, 2)))
    engine = EmbeddedEngine()
    alone = narrowed(CONTRACT, ["/revenue"])
    asks = [
        Ask("whole", CONTRACT, pages),
        Ask("scoped", CONTRACT, pages, scope=Scope("/revenue", 1, 2)),
        Ask("alone", alone, pages, scope=Scope("/revenue", 1, 2)),
    ]
    whole, scoped, narrow = (json.loads(answer.json_text)["revenue"] for answer in engine.answer(asks))
    assert whole == scoped == narrow
    assert len(whole) == 4
