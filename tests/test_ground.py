"""Every value is tied to the words that state it, however they write it."""

import pytest

from model.engine import Finding
from pipeline.ground import Basis, ground, grounded
from pipeline.grounding.index import agreement
from schemas.field import field_tree
from schemas.page import Mark, Word
from schemas.record import Evidence
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


FORM = field_tree(
    {
        "type": "object",
        "properties": {
            "invoice_number": {"type": "string", "format": "identifier"},
            "order_number": {"type": "string", "format": "identifier"},
            "total": {"type": "number", "format": "money"},
            "subtotal": {"type": "number", "format": "money"},
            "seller": {"type": "object", "properties": {"name": {"type": "string"}, "city": {"type": "string"}}},
            "buyer": {"type": "object", "properties": {"name": {"type": "string"}, "city": {"type": "string"}}},
            "kind": {"type": "string", "enum": ["goods", "services"]},
            "member": {"type": "boolean"},
            "newsletter": {"type": "boolean"},
            "page": {"type": "integer", "format": "page-number"},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "amount": {"type": "number", "format": "money"}},
                },
            },
            "boxes": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"label": {"type": "string", "format": "label"}, "checked": {"type": "boolean"}},
                },
            },
        },
    }
)


def top(evidence: tuple[Evidence, ...]) -> int:
    """The text line of a drawing on which the evidence begins."""
    return round((evidence[0].box.y0 * 792 - 36) / 12)


def test_of_many_places_the_one_with_its_label_is_chosen() -> None:
    drawing = page("""
Order no.      4711
Customer no.   4711
Invoice no.    4711
Subtotal       90.00
Total          90.00
""")
    said = ground({"invoice_number": "4711", "order_number": "4711", "total": 90, "subtotal": 90}, [drawing], {}, FORM)
    assert {pointer: top(found) for pointer, found in said.items()} == {
        "/invoice_number": 2,
        "/order_number": 0,
        "/total": 4,
        "/subtotal": 3,
    }
    assert {found[0].score for found in said.values()} == {1.0}


def test_a_label_above_tells_as_well_as_one_before() -> None:
    drawing = page("""
Order no.    Invoice no.
4711         4711
""")
    said = ground({"invoice_number": "4711", "order_number": "4711"}, [drawing], {}, FORM)
    assert said["/order_number"][0].box.x0 < said["/invoice_number"][0].box.x0


def test_the_values_of_an_object_are_chosen_near_one_another() -> None:
    drawing = page("""
Falcon Ltd
Bern


Kestrel GmbH
Bern
""")
    data = {"seller": {"name": "Kestrel GmbH", "city": "Bern"}, "buyer": {"name": "Falcon Ltd", "city": "Bern"}}
    said = ground(data, [drawing], {}, FORM)
    assert (top(said["/seller/city"]), top(said["/buyer/city"])) == (5, 1)


def test_an_amount_of_a_row_is_not_taken_for_the_total() -> None:
    drawing = page("""
Bolt      50.00
          50.00
""")
    said = ground({"lines": [{"name": "Bolt", "amount": 50}], "total": 50}, [drawing], {}, FORM)
    assert (top(said["/lines/0/amount"]), top(said["/total"])) == (0, 1)


def test_a_place_that_nothing_tells_from_others_scores_less() -> None:
    alone = ground({"invoice_number": "4711"}, [page("see 4711 here")], {}, FORM)
    among = ground({"invoice_number": "4711"}, [page("see 4711 here\n\n\n\nor 4711 there")], {}, FORM)
    assert (alone["/invoice_number"][0].score, among["/invoice_number"][0].score) == (1.0, 0.9)


def test_a_row_written_twice_scores_less_than_the_row() -> None:
    row = {"name": "Bolt", "amount": 50.0}
    said = ground({"lines": [row, row]}, [page("Bolt   50.00\nNut   70.00")], {}, FORM)
    assert sorted(said[f"/lines/{place}/name"][0].score for place in (0, 1)) == [0.9, 1.0]


def test_text_wrapped_in_a_cell_has_a_box_for_each_line_and_none_of_its_neighbours() -> None:
    drawing = page("""
Steel hook with   12.00
rubber grip
Nut                1.00
""")
    first, second = ground({"lines": [{"name": "Steel hook with rubber grip", "amount": 12}]}, [drawing], {}, FORM)[
        "/lines/0/name"
    ]
    assert (first.text, second.text) == ("Steel hook with", "rubber grip")
    assert first.box == pytest.approx(box(0, 0, 15))


TICKED = page(
    "    Member of the club\n    Newsletter, please\n    Member of the club",
    marks=(Mark(box(0, 1, 3), True), Mark(box(1, 1, 3), False), Mark(box(2, 1, 3), False)),
)


def test_a_yes_or_no_stands_where_its_checkbox_is() -> None:
    said = ground({"member": True, "newsletter": False}, [TICKED], {}, FORM)
    assert said["/member"][0].box == box(0, 1, 3)
    assert (said["/newsletter"][0].box, said["/newsletter"][0].text) == (box(1, 1, 3), "☐")


def test_a_checkbox_that_says_the_opposite_is_no_evidence() -> None:
    assert ground({"newsletter": True}, [TICKED], {}, FORM) == {"/newsletter": ()}


def test_the_checkboxes_of_a_list_are_those_beside_their_labels() -> None:
    boxes = [
        {"label": "Member of the club", "checked": True},
        {"label": "Newsletter, please", "checked": False},
        {"label": "Member of the club", "checked": False},
    ]
    said = ground({"boxes": boxes}, [TICKED], {}, FORM)
    assert [top(said[f"/boxes/{place}/checked"]) for place in range(3)] == [0, 1, 2]


def test_a_yes_or_no_may_be_a_word_behind_its_label() -> None:
    said = ground({"member": True, "newsletter": False}, [page("Member: yes\nNewsletter: no")], {}, FORM)
    assert (said["/member"][0].text, said["/newsletter"][0].text) == ("yes", "no")


def test_what_no_words_state_is_derived_or_absent() -> None:
    data = {
        "invoice_number": "4711",
        "total": 120.0,
        "subtotal": 99.0,
        "kind": "goods",
        "member": True,
        "page": 1,
        "lines": [{"name": "Bolt", "amount": 50.0}, {"name": "Nut", "amount": 70.0}],
    }
    said = grounded(data, [page("Bolt   50.00\nNut   70.00")], {}, FORM)
    bases = {pointer: result.basis for pointer, result in said.items() if "lines" not in pointer}
    assert bases == {
        "/invoice_number": Basis.ABSENT,
        "/total": Basis.DERIVED,
        "/subtotal": Basis.ABSENT,
        "/kind": Basis.DERIVED,
        "/member": Basis.DERIVED,
        "/page": Basis.DERIVED,
    }
    assert {result.basis for pointer, result in said.items() if "lines" in pointer} == {Basis.STATED}
    assert all(bool(result.evidence) == (result.basis is Basis.STATED) for result in said.values())


def test_a_number_worked_out_from_those_beside_it_is_derived() -> None:
    said = grounded({"total": 119.0, "subtotal": 100.0, "tax": 19.0}, [page("100.00   19.00")], {}, FORM)
    assert said["/total"].basis is Basis.DERIVED


def test_a_finding_of_some_values_leaves_the_others_to_be_searched() -> None:
    finding = Finding(1, (PAGE.words[0],), 0.9)
    said = ground({"a": "Invoice", "b": 1234.5}, [PAGE], {"/a": finding}, OPEN)
    assert (said["/a"][0].text, said["/b"][0].text) == ("Invoice", "1.234,50")


def test_data_of_any_shape_does_no_harm() -> None:
    data = {"a": [[1, [2]], {"b": [None, True]}], "lines": "none", "seller": [{"name": "Bern"}], "total": "12"}
    said = ground(data, [PAGE], {}, FORM)
    assert set(said) == {"/a/0/0", "/a/0/1/0", "/a/1/b/1", "/lines", "/seller/0/name", "/total"}
    assert ground([{"a": 1234.5}], [PAGE], {}, OPEN)["/0/a"][0].text == "1.234,50"
    assert ground("Kestrel", [PAGE], {}, OPEN)[""][0].text == "Kestrel"
    assert ground({"a": "Bern"}, [], {}, OPEN) == {"/a": ()}
