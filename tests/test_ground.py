"""Every value is tied to the words that state it, however they write it."""

import pytest

from model.engine import Finding
from pipeline.ground import ground
from pipeline.grounding.index import agreement
from schemas.field import field_tree
from schemas.page import Word
from tests.pages import box, page

PAGE = page("""
Invoice 2024-0815           7. Mai 2024
Total                    1.234,50 EUR
Paid by Kestrel Paper GmbH in full
""")

OPEN = field_tree({"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1.234,50"),
        ("2024-05-07", "2024-05-07"),
        ("Kestrel Paper GmbH", "Kestrel Paper GmbH"),
        ("2024-0815", "2024-0815"),
    ],
)
def test_values_are_found_without_the_engines_help(value: object, text: str) -> None:
    pages = [page(f"Some words {text} and others")] if text == value == "2024-05-07" else [PAGE]
    (evidence,) = ground({"x": value}, pages, {}, OPEN)["/x"]
    assert evidence.text == text
    assert evidence.score == 1.0


def test_the_box_is_the_smallest_around_the_words() -> None:
    (evidence,) = ground({"x": "Kestrel Paper GmbH"}, [PAGE], {}, OPEN)["/x"]
    assert evidence.box == pytest.approx(box(2, 8, 26))


def test_what_the_page_does_not_say_has_no_evidence() -> None:
    assert ground({"a": "Falcon Ltd", "b": 99.0, "c": None}, [PAGE], {}, OPEN) == {"/a": (), "/b": ()}


def test_findings_are_checked_not_believed() -> None:
    words = (Word("1.234,50", box(1, 25, 33)),)
    said = ground({"x": 1234.5, "y": 1234.6}, [PAGE], {p: Finding(1, words, 0.9) for p in ("/x", "/y")}, OPEN)
    assert said["/x"][0].score == 1.0
    assert said["/y"][0].score == 0.0


def test_a_value_over_two_lines_has_evidence_on_each() -> None:
    words = (Word("Kestrel", box(0, 0, 7)), Word("Paper", box(1, 0, 5)))
    first, second = ground({"x": "Kestrel Paper"}, [PAGE], {"/x": Finding(1, words, 0.9)}, OPEN)["/x"]
    assert (first.text, second.text) == ("Kestrel", "Paper")


@pytest.mark.parametrize(
    ("value", "text", "states"),
    [
        (1234.5, "EUR 1 234,50", True),
        (-3.5, "3,50-", True),
        (3.5, "3.51", False),
        ("2024-05-07", "7. Mai 2024", True),
        ("2024-05-07", "05/07/2024", True),
        ("2024-05-07", "7. Mai 2023", False),
        ("EUR", "€", True),
        ("EUR", "$ 5.00", False),
        ("Müller & Co", "MÜLLER & CO.", True),
        (True, "x", True),
    ],
)
def test_agreement_is_by_value(value: object, text: str, states: bool) -> None:
    assert (agreement(value, text) >= 0.9) is states
