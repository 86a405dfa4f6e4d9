"""Each row of a list is tied to the words of its own line, equal rows to different lines, in the order of the list."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine import Scope
from pipeline.grounding.index import WordIndex
from pipeline.grounding.rows import RowPlaces, ground_rows
from schemas.field import Field, field_tree
from schemas.page import PageText
from tests.pages import page

TEXT, NUMBER, DATE = {"type": "string"}, {"type": "number"}, {"type": "string", "format": "date"}


def item(**properties: Any) -> Field:
    return field_tree({"type": "object", "properties": properties})


LINE = item(name=TEXT, quantity=NUMBER, price=NUMBER, amount=NUMBER)


def lines(rows: list[RowPlaces], index: WordIndex) -> list[list[int] | None]:
    """For each row, the text lines of the drawing on which its values are (12 points a line)."""
    return [sorted({row_of(place, index) for place in row.places.values() if place}) or None for row in rows]


def row_of(place: Any, index: WordIndex) -> int:
    return round((index.words(place)[0].box.y0 * 792 - 36) / 12)


def spelled(row: RowPlaces, index: WordIndex) -> dict[str, str | None]:
    return {
        pointer: " ".join(word.text for word in index.words(place)) if place else None
        for pointer, place in row.places.items()
    }


BILL = page("""
Pos  Item             Qty    Price   Amount
1    Bolt M8            2     1.00     2.00
2    Nut M8             1     2.00     2.00
3    Washer M8          4     0.50     2.00
4    Bolt M8            2     1.00     2.00
     Total                             8.00
""")


def bill(*names: str) -> list[dict[str, Any]]:
    rows = {"Bolt M8": (2, 1.0, 2.0), "Nut M8": (1, 2.0, 2.0), "Washer M8": (4, 0.5, 2.0), "Rivet M8": (9, 7.0, 63.0)}
    return [{"name": name, **dict(zip(("quantity", "price", "amount"), rows[name], strict=True))} for name in names]


def test_every_value_is_found_on_its_rows_own_line() -> None:
    index = WordIndex([BILL])
    rows = ground_rows(bill("Bolt M8", "Nut M8", "Washer M8", "Bolt M8"), LINE, index)
    assert lines(rows, index) == [[1], [2], [3], [4]]
    assert [row.score for row in rows] == [1.0] * 4
    assert not any(row.shared for row in rows)
    assert (rows[0].page, round(rows[0].top * 792)) == (1, 48)


def test_equal_values_of_one_row_are_told_apart_by_their_columns() -> None:
    index = WordIndex([BILL])
    rows = ground_rows(bill("Bolt M8", "Nut M8", "Washer M8"), LINE, index)
    boxes = {pointer: index.words(place)[0].box.x1 for pointer, place in rows[1].places.items() if place}
    expected = {pointer: index.words(place)[0].box.x1 for pointer, place in rows[0].places.items() if place}
    assert {key: round(x, 4) for key, x in boxes.items() if key != "/name"} == {
        key: round(x, 4) for key, x in expected.items() if key != "/name"
    }


def test_a_row_written_twice_by_mistake_shows_as_shared() -> None:
    index = WordIndex([BILL])
    rows = ground_rows(bill("Bolt M8", "Nut M8", "Nut M8", "Washer M8", "Bolt M8"), LINE, index)
    assert [row.shared for row in rows].count(True) == 1
    assert rows[1].shared != rows[2].shared
    assert lines(rows, index) == [[1], [2], [2], [3], [4]]


def test_a_row_that_stands_nowhere_has_no_place_or_a_poor_one() -> None:
    index = WordIndex([BILL])
    rows = ground_rows(bill("Bolt M8", "Rivet M8", "Nut M8"), LINE, index)
    assert rows[1].score < 0.5
    assert [rows[0].score, rows[2].score] == [1.0, 1.0]
    (nothing,) = ground_rows([{"name": "Rivet", "amount": None}], LINE, index)
    assert nothing == RowPlaces({"/name": None})


def test_rows_in_another_order_than_the_documents_are_still_found() -> None:
    index = WordIndex([BILL])
    rows = ground_rows(bill("Washer M8", "Nut M8", "Bolt M8"), LINE, index)
    assert lines(rows, index)[:2] == [[3], [2]]
    assert [row.shared for row in rows] == [False] * 3


def test_only_rows_that_begin_in_the_scope_are_looked_for() -> None:
    text = "Bolt M8   2   1.00   2.00"
    index = WordIndex([page(text, 1), page(text, 2), page(text, 3)])
    rows = ground_rows(bill("Bolt M8", "Bolt M8"), LINE, index, Scope("/lines", 2, 3))
    assert [row.page for row in rows] == [2, 3]


def test_two_tables_side_by_side_keep_their_rows_apart() -> None:
    index = WordIndex(
        [
            page("""
Anna Bern      12.00        Carl Basel     12.00
Bert Zug       12.00        Dora Chur      12.00
""")
        ]
    )
    person = item(name=TEXT, city=TEXT, amount=NUMBER)
    people = [("Anna", "Bern"), ("Bert", "Zug"), ("Carl", "Basel"), ("Dora", "Chur")]
    rows = ground_rows([{"name": n, "city": c, "amount": 12.0} for n, c in people], person, index)
    left = [index.words(row.places["/amount"])[0].box.x0 < 0.3 for row in rows]  # type: ignore[arg-type]
    assert left == [True, True, False, False]
    assert lines(rows, index) == [[0], [1], [0], [1]]


def test_a_row_over_two_lines_takes_the_line_that_the_others_take() -> None:
    index = WordIndex(
        [
            page("""
2 x 3.50
Coffee              7.00
1 x 3.50
Tea                 3.50
3 x 7.00
Cake               21.00
""")
        ]
    )
    rows = ground_rows(
        [
            {"name": "Coffee", "quantity": 2, "price": 3.5, "amount": 7.0},
            {"name": "Tea", "quantity": 1, "price": 3.5, "amount": 3.5},
            {"name": "Cake", "quantity": 3, "price": 7.0, "amount": 21.0},
        ],
        LINE,
        index,
    )
    assert lines(rows, index) == [[0, 1], [2, 3], [4, 5]]
    assert [row.score for row in rows] == [1.0] * 3


def test_a_date_above_several_rows_serves_all_of_them() -> None:
    index = WordIndex(
        [
            page("""
03.02.2024
Rent          500.00
Power          80.00
04.02.2024
Water          30.00
""")
        ]
    )
    entry = item(date=DATE, name=TEXT, amount=NUMBER)
    wanted = [("2024-02-03", "Rent", 500), ("2024-02-03", "Power", 80), ("2024-02-04", "Water", 30)]
    rows = ground_rows([{"date": d, "name": n, "amount": a} for d, n, a in wanted], entry, index)
    assert [row_of(row.places["/date"], index) for row in rows] == [0, 0, 3]
    assert not any(row.shared for row in rows)


def test_rows_inside_a_row_are_looked_for_inside_it() -> None:
    index = WordIndex(
        [
            page("""
Order A-1   Bern
Bolt   2.00
Nut    3.00
Order A-2   Basel
Bolt   2.00
Nut    3.00
""")
        ]
    )
    order = item(
        id=TEXT, lines={"type": "array", "items": {"type": "object", "properties": {"name": TEXT, "amount": NUMBER}}}
    )
    inner = [{"name": "Bolt", "amount": 2.0}, {"name": "Nut", "amount": 3.0}]
    rows = ground_rows([{"id": "A-1", "lines": inner}, {"id": "A-2", "lines": inner}], order, index)
    assert lines(rows, index) == [[0, 1, 2], [3, 4, 5]]
    assert list(rows[1].places) == ["/id", "/lines/0/name", "/lines/0/amount", "/lines/1/name", "/lines/1/amount"]


def test_rows_of_groups_without_values_of_their_own_stay_in_their_group() -> None:
    index = WordIndex([page("Alpha 1.00\nBeta 2.00\n\nGamma 1.00\nDelta 2.00")])
    group = item(lines={"type": "array", "items": {"type": "object", "properties": {"name": TEXT, "amount": NUMBER}}})
    rows = ground_rows(
        [
            {"lines": [{"name": "Alpha", "amount": 1}, {"name": "Beta", "amount": 2}]},
            {"lines": [{"name": "Gamma", "amount": 1}, {"name": "Delta", "amount": 2}]},
        ],
        group,
        index,
    )
    assert lines(rows, index) == [[0, 1], [3, 4]]


def test_a_list_of_texts_is_a_list_of_rows() -> None:
    index = WordIndex([page("Skills: SQL, Python, SQL and welding\nSQL")])
    rows = ground_rows(["SQL", "SQL", "welding", "SQL", "SQL"], field_tree(TEXT), index)
    assert [[place.first for place in row.places.values() if place] for row in rows[:4]] == [[1], [3], [5], [6]]
    assert [row.shared for row in rows] == [False, False, False, False, True]


def test_items_of_any_shape_do_no_harm() -> None:
    index = WordIndex([BILL])
    strange = [None, 5, [], {}, {"x": [[1]]}, {"name": {"deep": "Bolt M8"}}, {"quantity": float("nan")}, ""]
    rows = ground_rows(strange, LINE, index)
    assert len(rows) == len(strange)
    assert [row.score for row in ground_rows(bill("Nut M8"), None, index)] == [1.0]


CELLS = st.tuples(st.sampled_from("alpha beta gamma delta".split()), st.integers(1, 4), st.integers(10, 12))


def statement(rows: list[tuple[str, int, int]]) -> PageText:
    return page("\n".join(f"{name:12}{count:4}   {amount:6}.00" for name, count, amount in rows))


@settings(max_examples=120, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=25))
def test_all_rows_of_a_page_are_placed_in_order_on_lines_of_their_own(rows: list[tuple[str, int, int]]) -> None:
    index = WordIndex([statement(rows)])
    items = [{"name": name, "quantity": count, "amount": float(amount)} for name, count, amount in rows]
    placed = ground_rows(items, LINE, index)
    assert lines(placed, index) == [[place] for place in range(len(rows))]
    assert not any(row.shared for row in placed)


@settings(max_examples=120, deadline=None)
@given(st.lists(CELLS, min_size=2, max_size=20), st.data())
def test_rows_left_out_or_doubled_never_take_the_line_of_another(
    rows: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """Some rows are missed and some written twice: none claims a line while another line that states it is free."""
    times = data.draw(st.lists(st.sampled_from([1, 1, 1, 0, 2]), min_size=len(rows), max_size=len(rows)))
    picks = [at for at, count in enumerate(times) for _ in range(count)]
    index = WordIndex([statement(rows)])
    items = [{"name": rows[at][0], "quantity": rows[at][1], "amount": float(rows[at][2])} for at in picks]
    placed = ground_rows(items, LINE, index)
    assert all(found and len(found) == 1 for found in lines(placed, index))
    used = [found[0] for found in lines(placed, index) if found]
    own = [line for line, row in zip(used, placed, strict=True) if not row.shared]
    assert len(own) == len(set(own))
    for at, line in zip(picks, used, strict=True):
        assert rows[line] == rows[at]
    for kind in {rows[at] for at in picks}:
        wanted = sum(rows[at] == kind for at in picks)
        there = rows.count(kind)
        taken = {line for line in used if rows[line] == kind}
        assert len(taken) == min(wanted, there)
