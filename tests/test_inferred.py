"""Checks that no schema declares: which are plain, and which are not."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.registry import load_contract

NUMBER = {"type": ["number", "null"]}
DATE = {"type": ["string", "null"], "format": "date"}
CURRENCY = {"type": ["string", "null"], "format": "currency"}
cents = st.integers(1, 10**9).map(lambda amount: Decimal(amount) / 100)


def contract(checks: tuple[str, ...] = (), **properties: Any) -> Contract:
    return Contract.from_json_schema({"type": "object", "properties": properties, "x-checks": list(checks)}, "some")


def rows(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


def verdicts(schema: Contract, data: Any) -> list[tuple[bool, tuple[str, ...]]]:
    return [(result.passed, result.pointers) for result in schema.run_checks(data)]


@given(cents, cents, st.integers(-500, 500))
def test_net_tax_and_total_reconcile_to_the_cent(net: Decimal, tax: Decimal, off: int) -> None:
    schema = contract(net_amount=NUMBER, vat_amount=NUMBER, total=NUMBER)
    data = {"net_amount": float(net), "vat_amount": float(tax), "total": float(net + tax + Decimal(off) / 100)}
    assert verdicts(schema, data) == [(abs(off) <= 1, ("/net_amount", "/vat_amount", "/total"))]


def test_a_total_that_a_discount_may_change_is_only_proved() -> None:
    schema = contract(subtotal=NUMBER, tax=NUMBER, total=NUMBER, discount=NUMBER)
    assert verdicts(schema, {"subtotal": 10, "tax": 1, "total": 11}) == [(True, ("/subtotal", "/tax", "/total"))]
    assert verdicts(schema, {"subtotal": 10, "tax": 1, "total": 9}) == []


def test_what_the_schema_declares_is_not_inferred_again() -> None:
    declared = "/subtotal + /tax - /discount? = /total"
    schema = contract((declared,), subtotal=NUMBER, tax=NUMBER, total=NUMBER, discount=NUMBER)
    assert schema.inferred == ()
    assert all("due_date" not in each.check.text for each in load_contract("invoice").inferred)


def test_dates_come_in_the_order_that_their_names_say() -> None:
    schema = contract(invoice_date=DATE, due_date=DATE)
    assert verdicts(schema, {"invoice_date": "2024-05-01", "due_date": "2024-05-31"})[0][0]
    (wrong,) = schema.run_checks({"invoice_date": "2024-05-31", "due_date": "2024-05-01"})
    assert not wrong.passed and wrong.pointers == ("/invoice_date", "/due_date")
    assert verdicts(schema, {"invoice_date": "2024-05-31", "due_date": None}) == []


def test_dates_of_rows_are_compared_row_by_row() -> None:
    schema = contract(stays=rows(start_date=DATE, end_date=DATE))
    stays = [{"start_date": "2024-01-02", "end_date": "2024-01-01"}, {"start_date": "2024-01-02", "end_date": None}]
    assert verdicts(schema, {"stays": stays}) == [(False, ("/stays/0/start_date", "/stays/0/end_date"))]


def test_dates_in_order_prove_nothing() -> None:
    (result,) = contract(valid_from=DATE, valid_to=DATE).run_checks(
        {"valid_from": "2024-01-01", "valid_to": "2024-02-01"}
    )
    assert result.passed and not result.proves and result.strength == 0.0


def test_dates_whose_names_say_no_order_are_not_compared() -> None:
    assert contract(order_date=DATE, birth_date=DATE, signed=DATE).inferred == ()


def test_rows_that_multiply_and_add_up_prove_and_others_say_nothing() -> None:
    schema = contract(lines=rows(quantity=NUMBER, unit_price=NUMBER, amount=NUMBER), total=NUMBER)
    line = {"quantity": 2, "unit_price": 3.5, "amount": 7.0}
    assert all(passed for passed, _ in verdicts(schema, {"lines": [line, line], "total": 14}))
    assert len(verdicts(schema, {"lines": [line, line], "total": 14})) == 3
    assert verdicts(schema, {"lines": [line | {"amount": 6.3}], "total": 7.5}) == []


def test_a_row_in_another_currency_than_the_record_is_doubted() -> None:
    schema = contract(currency=CURRENCY, lines=rows(currency=CURRENCY, amount=NUMBER))
    data = {"currency": "EUR", "lines": [{"currency": "EUR"}, {"currency": "USD"}, {"currency": None}]}
    assert verdicts(schema, data) == [(False, ("/lines/1/currency",))]
    assert verdicts(schema, {"currency": None, "lines": [{"currency": "EUR"}, {"currency": "USD"}]}) == []


def test_a_year_that_no_document_means_is_suspect() -> None:
    schema = contract(date=DATE)
    assert [issue.code for issue in schema.validate({"date": "0204-05-01"})] == ["suspect"]
    assert schema.validate({"date": "1874-05-01"}) == ()


def test_names_of_other_signs_are_quoted() -> None:
    schema = contract(**{"invoice-date": DATE, "due-date": DATE})
    assert len(verdicts(schema, {"invoice-date": "2024-01-01", "due-date": "2024-01-02"})) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["lines", "currency"]), inner),
    max_leaves=8,
)


@given(json_values, json_values)
def test_data_of_another_shape_is_no_error(lines: Any, value: Any) -> None:
    schema = contract(currency=CURRENCY, lines=rows(currency=CURRENCY, amount=NUMBER), total=NUMBER, invoice_date=DATE)
    schema.run_checks({"currency": value, "lines": lines, "total": value, "invoice_date": value})
