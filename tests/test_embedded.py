"""The embedded engine fills any contract from labels, geometry and types."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.embedded.engine import EmbeddedEngine
from model.engine import Answer, Ask, PageView
from schemas.contract import Contract
from schemas.page import Box, Mark, PageText, Word
from tests.pages import box, page

SURE = 0.86  # of the engine alone, with nothing else to speak for a value


def ask(properties: dict[str, Any], *pages: PageText) -> tuple[dict[str, Any], Answer]:
    contract = Contract.from_json_schema({"type": "object", "properties": properties}, "test")
    (answer,) = EmbeddedEngine().answer([Ask("a", contract, tuple(PageView(p) for p in pages))])
    return json.loads(answer.json_text), answer


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
DATE = {"type": "string", "format": "date"}

INVOICE = """
Kestrel Paper GmbH                               Rechnung
Musterweg 5
12345 Musterstadt                     Rechnungsnr.:    2024-0815
                                      Rechnungsdatum:  7. Mai 2024
                                      Bestelldatum:    1. Mai 2024

Pos   Beschreibung            Menge    Einzelpreis      Betrag
1     Papier, weiß, A4           10           3,50       35,00
      holzfrei
2     Umschläge                   2         100,00      200,00

                                       Nettobetrag      235,00
                                       MwSt 19 %         44,65
                                       Gesamtbetrag     279,65 EUR
"""


def test_fields_are_found_by_labels_of_the_lexicon_in_another_language() -> None:
    data, _ = ask(
        {"invoice_number": TEXT, "invoice_date": DATE, "total": NUMBER, "subtotal": NUMBER, "currency": TEXT},
        page(INVOICE),
    )
    assert data == {
        "invoice_number": "2024-0815",
        "invoice_date": "2024-05-07",
        "total": 279.65,
        "subtotal": 235.0,
        "currency": "EUR",
    }


def test_a_label_of_the_schema_itself_beats_the_lexicon() -> None:
    data, _ = ask({"when": {**DATE, "x-labels": ["Bestelldatum"]}}, page(INVOICE))
    assert data["when"] == "2024-05-01"


def test_table_rows_are_matched_through_their_head_and_wrapped_lines_join_their_row() -> None:
    item = {
        "type": "object",
        "properties": {"description": TEXT, "quantity": NUMBER, "unit_price": NUMBER, "amount": NUMBER},
    }
    data, answer = ask({"lines": {"type": "array", "items": item}}, page(INVOICE))
    assert data["lines"] == [
        {"description": "Papier, weiß, A4 holzfrei", "quantity": 10, "unit_price": 3.5, "amount": 35.0},
        {"description": "Umschläge", "quantity": 2, "unit_price": 100.0, "amount": 200.0},
    ]
    assert [word.text for word in answer.findings["/lines/1/amount"].words] == ["200,00"]


def test_a_row_with_a_cell_that_cannot_be_read_is_not_sure() -> None:
    text = """
Item                Qty       Amount
Paper                10        35.00
Ink               a few        12.50
Glue                  -         4.00
"""
    item = {"type": "object", "properties": {"item": TEXT, "quantity": NUMBER, "amount": NUMBER}}
    data, answer = ask({"lines": {"type": "array", "items": item}}, page(text))
    assert [row["quantity"] for row in data["lines"]] == [10, None, None]
    sure, unsure, dashed = (answer.findings[f"/lines/{row}/amount"].confidence for row in range(3))
    assert unsure < SURE <= sure == dashed


def test_lists_of_numbers_are_not_filled_with_texts() -> None:
    data, _ = ask({"skills": {"type": "array", "items": {"type": "number"}}}, page("Skills: sewing, 12"))
    assert data["skills"] == []


def test_what_is_not_on_the_page_stays_null() -> None:
    data, answer = ask({"iban": {**TEXT, "format": "iban"}, "policy_number": TEXT, "loss_date": DATE}, page(INVOICE))
    assert data == {"iban": None, "policy_number": None, "loss_date": None}
    assert not answer.findings


def test_a_table_goes_on_over_pages_with_and_without_a_head() -> None:
    head = "Date        Text              Amount\n"
    first = head + "\n".join(f"0{day}.03.2024  Purchase {day}        {day},00" for day in range(1, 8))
    second = "\n".join(f"1{day}.03.2024  Purchase 1{day}       1{day},00" for day in range(8))
    third = head + "\n".join(f"2{day}.03.2024  Purchase 2{day}       2{day},00" for day in range(8))
    item = {"type": "object", "properties": {"date": DATE, "description": TEXT, "amount": NUMBER}}
    data, _ = ask(
        {"rows": {"type": "array", "items": item}}, *(page(t, n) for n, t in enumerate((first, second, third), 1))
    )
    assert [row["amount"] for row in data["rows"]] == [*range(1, 8), *range(10, 18), *range(20, 28)]
    assert data["rows"][7] == {"date": "2024-03-10", "description": "Purchase 10", "amount": 10.0}


def test_lists_under_group_headings_become_lists_in_lists() -> None:
    text = """
Age group: 90-94
Rank   Name               Born    Time
1      Anna TESTA         1931    44.01
2      Berta TESTA        1932    46.80

Age group: 85-89
Rank   Name               Born    Time
1      Carla TESTA        1938    33.74
"""
    row = {
        "type": "object",
        "properties": {"rank": {"type": "integer"}, "athlete": TEXT, "birth_year": {"type": "integer"}, "time": TEXT},
    }
    group = {"type": "object", "properties": {"age_group": TEXT, "results": {"type": "array", "items": row}}}
    data, _ = ask({"groups": {"type": "array", "items": group}}, page(text))
    assert [(g["age_group"], len(g["results"])) for g in data["groups"]] == [("90-94", 2), ("85-89", 1)]
    assert data["groups"][1]["results"][0] == {"rank": 1, "athlete": "Carla TESTA", "birth_year": 1938, "time": "33.74"}


FORM = """
Application for membership

Name:          Ida Example
Member since:  2019

  Student            Retired

Newsletter   yes
"""


def test_checkboxes_give_booleans_and_enums() -> None:
    marks = (Mark(box(5, 0, 1), False), Mark(box(5, 19, 20), True))
    data, _ = ask(
        {
            "student": {"type": "boolean"},
            "retired": {"type": "boolean"},
            "newsletter": {"type": "boolean"},
            "kind": {"enum": ["Student", "Retired"]},
        },
        page(FORM, marks=marks),
    )
    assert data == {"student": False, "retired": True, "newsletter": True, "kind": "Retired"}


def test_a_form_of_unknown_labels_comes_out_as_pairs() -> None:
    entry = {"type": "object", "properties": {"label": {**TEXT, "format": "label"}, "value": TEXT}}
    data, _ = ask({"entries": {"type": "array", "items": entry}}, page(FORM))
    assert {"label": "Name", "value": "Ida Example"} in data["entries"]
    assert {"label": "Member since", "value": "2019"} in data["entries"]


def test_two_columns_are_read_one_after_the_other() -> None:
    text = """
First line left               First line right
second line left              second line right
third line left               third line right
"""
    item = {
        "type": "object",
        "properties": {
            "page": {"type": "integer", "format": "page-number"},
            "markdown": {**TEXT, "format": "markdown"},
        },
    }
    data, _ = ask({"pages": {"type": "array", "items": item}}, page(text))
    assert data["pages"][0]["page"] == 1
    assert data["pages"][0]["markdown"].index("third line left") < data["pages"][0]["markdown"].index(
        "First line right"
    )


@pytest.mark.parametrize("text", ["", "....", "\u202e drow", "0" * 300])
def test_odd_pages_give_nulls_not_errors(text: str) -> None:
    data, _ = ask(
        {
            "total": NUMBER,
            "date": DATE,
            "company": TEXT,
            "rows": {"type": "array", "items": {"type": "object", "properties": {"a": TEXT}}},
        },
        page(text),
    )
    assert data["total"] is None and data["date"] is None and data["rows"] == []


WORDS = st.sampled_from(
    [
        "Total",
        "Date:",
        "12.05.2024",
        "1.234,50",
        "Invoice",
        "No.",
        "A-77",
        "EUR",
        "x" * 40,
        "ﬁ",
        "\u202e",
        "(",
        "-",
        "7",
    ]
)
COORDINATE = st.floats(0, 1, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, COORDINATE, COORDINATE, COORDINATE, COORDINATE), max_size=40))
def test_words_at_any_place_give_valid_json_with_words_of_the_page(
    placed: list[tuple[str, float, float, float, float]],
) -> None:
    words = tuple(Word(text, Box(min(a, c), min(b, d), max(a, c), max(b, d))) for text, a, b, c, d in placed)
    item = {"type": "object", "properties": {"date": DATE, "description": TEXT, "amount": NUMBER}}
    _, answer = ask(
        {
            "total": NUMBER,
            "invoice_number": TEXT,
            "company": TEXT,
            "address": TEXT,
            "rows": {"type": "array", "items": item},
        },
        PageText(1, 600, 800, words),
    )
    printed = set(words)
    for finding in answer.findings.values():
        assert set(finding.words) <= printed
        assert 0 <= finding.confidence <= 1.2


def test_the_number_of_a_section_is_no_amount() -> None:
    text = "Total amount payable as of Section 10.3 and 4.2(b)"
    assert ask({"total": NUMBER}, page(text))[0]["total"] is None
    assert ask({"total": NUMBER}, page("Total amount payable 10.30"))[0]["total"] == 10.3
