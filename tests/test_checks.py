"""Checks between fields: how they are written, when they are decided, what they prove."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.check_syntax import verify
from schemas.checks import CheckResult, parse_check
from schemas.errors import SchemaUnsupported
from schemas.field import field_tree

cents = st.integers(-10_000_000, 10_000_000).map(lambda n: n / 100)
RUNNING = "running /rows from /opening: balance by credit? - debit? + amount?"


def run(text: str, data: Any) -> list[CheckResult]:
    return list(parse_check(text).run(data))


def verdicts(text: str, data: Any) -> list[bool]:
    return [result.passed for result in run(text, data)]


@given(st.lists(cents, min_size=1, max_size=30))
def test_a_sum_that_holds_passes_and_proves_all_its_values(amounts: list[float]) -> None:
    total = sum((Decimal(str(amount)) for amount in amounts), Decimal(0))
    (result,) = run("sum(/lines/*/amount) = /total", {"lines": [{"amount": a} for a in amounts], "total": float(total)})
    assert result.passed and result.proves
    assert set(result.pointers) == {"/total", *(f"/lines/{index}/amount" for index in range(len(amounts)))}


@given(st.lists(cents, min_size=1, max_size=30), st.integers(2, 10_000))
def test_a_sum_off_by_two_cents_or_more_fails(amounts: list[float], off: int) -> None:
    total = sum((Decimal(str(amount)) for amount in amounts), Decimal(0)) + Decimal(off) / 100
    (result,) = run("sum(/lines/*/amount) = /total", {"lines": [{"amount": a} for a in amounts], "total": float(total)})
    assert not result.passed
    issue = result.issue()
    assert (issue.code, issue.severity) == ("check-failed", "warning")
    assert f"{Decimal(str(float(total))):f} do not agree" in issue.message
    assert "/total" in issue.pointers


def test_a_missing_operand_leaves_a_check_undecided_unless_it_may_be_missing() -> None:
    assert run("/net + /tax = /total", {"net": 1, "tax": None, "total": 1}) == []
    assert verdicts("/net + /tax? = /total", {"net": 1, "tax": None, "total": 1}) == [True]
    assert run("/net + /tax? = /total", {"net": 1}) == []


def test_sums_leave_out_missing_items_and_say_nothing_where_all_are_missing() -> None:
    rows = [{"a": 1.5}, {"a": None}, {}]
    (result,) = run("sum(/rows/*/a) = /total", {"rows": rows, "total": 1.5})
    assert result.passed and result.pointers == ("/rows/0/a", "/total")
    assert run("sum(/rows/*/a) = /total", {"rows": [{"a": None}], "total": 0}) == []
    assert run("sum(/rows/*/a) = /total", {"rows": [], "total": 0}) == []
    assert run("sum(/rows/*/a) = /total", {"rows": None, "total": 0}) == []


def test_one_of_several_sums_is_enough_to_decide() -> None:
    data = {"open": 10, "close": 7, "rows": [{"out": 3}], "others": []}
    assert verdicts("/open - sum(/rows/*/out) = /close", data) == [True]
    assert verdicts("/open + sum(/rows/*/in) - sum(/rows/*/out) = /close", data) == [True]


def test_sums_reach_into_lists_of_lists() -> None:
    data = {"groups": [{"rows": [{"a": 1}, {"a": 2}]}, {"rows": [{"a": 4}]}], "total": 7}
    (result,) = run("sum(/groups/*/rows/*/a) = /total", data)
    assert result.passed and len(result.pointers) == 4
    nested = {"orders": [{"total": 3, "rows": [{"a": 1}, {"a": 2}]}, {"total": 5, "rows": [{"a": 4}]}]}
    assert verdicts("each /orders: sum(rows/*/a) = total", nested) == [True, False]


def test_rows_are_checked_one_by_one() -> None:
    rows = [
        {"quantity": 3, "price": 2.5, "amount": 7.5},
        {"quantity": 3, "price": None, "amount": 1},
        {"quantity": 2, "price": 4, "amount": 9},
    ]
    first, last = run("each /lines: quantity * price = amount", {"lines": rows})
    assert first.passed and first.pointers == ("/lines/0/quantity", "/lines/0/price", "/lines/0/amount")
    assert not last.passed and "/lines/2" in last.message


def test_a_product_of_rounded_factors_passes_but_proves_nothing() -> None:
    (rounded,) = run("each /l: n * price = amount", {"l": [{"n": 1000, "price": 0.13, "amount": 127.5}]})
    assert rounded.passed and not rounded.proves
    (exact,) = run("each /l: n * price = amount", {"l": [{"n": 1000, "price": 0.13, "amount": 130}]})
    assert exact.passed and exact.proves
    (wrong,) = run("each /l: n * price = amount", {"l": [{"n": 1000, "price": 0.13, "amount": 1300}]})
    assert not wrong.passed
    (whole,) = run("each /l: n * price = amount", {"l": [{"n": 3, "price": 100, "amount": 303}]})
    assert not whole.passed, "whole factors are not rounded"


@given(st.integers(1, 500), st.integers(1, 1_000_000))
def test_a_printed_product_proves_its_factors(count: int, price_cents: int) -> None:
    data = {"l": [{"n": count, "price": price_cents / 100, "amount": count * price_cents / 100}]}
    (result,) = run("each /l: n * price = amount", data)
    assert result.passed and result.proves


def test_dates_compare_as_days_and_prove_nothing() -> None:
    assert verdicts("/a <= /b", {"a": "2024-02-29", "b": "2024-03-01"}) == [True]
    (late,) = run("/a <= /b", {"a": "2024-03-02", "b": "2024-03-01"})
    assert not late.passed
    assert not run("/a <= /b", {"a": "2024-02-29", "b": "2024-03-01"})[0].proves
    assert run("/a <= /b", {"a": "3. März", "b": "2024-03-01"}) == [], "not as printed texts"
    assert run("/a <= /b", {"a": 5, "b": "2024-03-01"}) == []


def test_numbers_written_as_strings_count_and_others_do_not() -> None:
    assert verdicts("/a = /b", {"a": "7.50", "b": 7.5}) == [True]
    assert verdicts("/a = /b", {"a": "ABC", "b": "abc"}) == [True]
    odds: tuple[Any, ...] = ("NaN", "Infinity", "1e999999999", float("nan"), float("inf"), True, [], {}, "")
    for odd in odds:
        assert run("/a + 1 = /b", {"a": odd, "b": 1}) == []


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    balance = opening = Decimal(draw(st.integers(-(10**7), 10**7))) / 100
    rows = []
    for moved in draw(st.lists(st.integers(-(10**6), 10**6).filter(bool), min_size=1, max_size=25)):
        amount = Decimal(moved) / 100
        balance += amount
        column = draw(st.sampled_from(["amount", "credit" if amount > 0 else "debit"]))
        shown = float(balance) if draw(st.integers(0, 3)) else None  # some statements print one balance a day
        rows.append({column: float(amount if column == "amount" else abs(amount)), "balance": shown})
    return {"opening": float(opening), "rows": rows}


@given(statements())
def test_balances_that_run_pass_oldest_or_newest_first(data: dict[str, Any]) -> None:
    printed = sum(row["balance"] is not None for row in data["rows"])
    assert verdicts(RUNNING, data) == [True] * printed
    assert all(verdicts(RUNNING, {**data, "rows": data["rows"][::-1]}))


@given(st.lists(st.integers(1, 10**6), min_size=3, max_size=20), st.data())
def test_a_misread_movement_is_found_in_its_row(moved: list[int], draw: st.DataObject) -> None:
    balance, rows = Decimal(100), []
    for credit in moved:
        balance += Decimal(credit) / 100
        rows.append({"credit": credit / 100, "balance": float(balance)})
    index = draw.draw(st.integers(0, len(rows) - 1))
    rows[index]["credit"] += 1
    (failed,) = [result for result in run(RUNNING, {"opening": 100, "rows": rows}) if not result.passed]
    assert f"/rows/{index}/credit" in failed.pointers and f"/rows/{index}/balance" in failed.pointers


def test_a_balance_with_no_movement_known_starts_anew() -> None:
    rows = [{"balance": 10}, {"credit": 5, "balance": 15}]
    (result,) = run(RUNNING, {"rows": rows})
    assert result.passed and result.pointers == ("/rows/0/balance", "/rows/1/credit", "/rows/1/balance")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it needs one `=`"),
        ("/a", "it needs one `=`"),
        ("/a = /b = /c", "it needs one `=`"),
        ("/a >= /b", "is not understood"),
        ("/a = ", "a value is missing"),
        ("/a + = /b", "a value is missing"),
        ("/a /b = /c", "where a sign should"),
        ("+ /a = /b", "where a value should"),
        ("/a = total", "no JSON Pointer"),
        ("/lines/*/a = /b", "sum over a list"),
        ("sum(/a) = /b", "sum over a list"),
        ("sum /lines = /b", "where a sign should"),
        ("/a = (/b)", "is not understood"),
        ("each /lines quantity = amount", "is not understood|no JSON Pointer|where a sign should"),
        ("running /rows: balance = credit", "it needs one `by`"),
        ("running /rows: balance + 1 by credit", "name of one field"),
        ("running /rows: 5 by credit", "name of one field"),
    ],
)
def test_what_is_no_check_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(SchemaUnsupported, match=says) as caught:
        parse_check(text)
    assert text.strip() in str(caught.value)
    assert "docs/schemas.md" in caught.value.remedy


@given(st.text(alphabet="/abc*+-=<?: 'sumeach1.()", max_size=30))
def test_any_text_is_a_check_or_a_typed_error(text: str) -> None:
    try:
        check = parse_check(text)
    except SchemaUnsupported:
        return
    list(check.run({"a": 1, "b": [{"c": 2}], "c": None}))


SCHEMA = {
    "properties": {
        "due-date": {"type": "string"},
        "total": {"type": "number"},
        "extra": {"type": "object"},
        "lines": {"type": "array", "items": {"properties": {"net-price": {"type": "number"}}}},
    }
}


@pytest.mark.parametrize(
    "text",
    [
        "sum('/lines/*/net-price') = /total",
        "each /lines: 'net-price' = /total",
        "/extra/anything = /total",
        "'/due-date' <= '/due-date'",
    ],
)
def test_quoted_names_and_open_objects_are_known(text: str) -> None:
    verify(parse_check(text).statement, field_tree(SCHEMA))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/totl = /total", "Did you mean /total"),
        ("each /lines: nett = /total", "/lines/\\*/nett, which the schema lacks"),
        ("each /line: amount = /total", "Did you mean /lines"),
        ("each /total: amount = /total", "which the schema lacks"),
        ("running /lines from /totals: 'net-price' by 1", "Did you mean /total"),
    ],
)
def test_a_check_on_fields_that_are_not_there_is_refused(text: str, says: str) -> None:
    with pytest.raises(SchemaUnsupported, match=says):
        verify(parse_check(text).statement, field_tree(SCHEMA))
