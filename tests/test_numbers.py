"""Numbers as printed in many countries come out by value."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.values.numbers import decimal_mark, numbers, parse_number


def only(text: str, mark: str | None = None) -> Decimal:
    found = numbers(text, mark)  # type: ignore[arg-type]
    assert len(found) == 1, found
    return found[0].value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1 234,56 €", "1234.56"),
        ("1'234.50", "1234.50"),
        ("12,34,567.00", "1234567.00"),
        ("(112.50)", "-112.50"),
        ("40.00-", "-40.00"),
        ("− 3,50", "-3.50"),
        ("100.00 DR", "-100.00"),
        (".50", "0.50"),
        ("3.441.812", "3441812"),
    ],
)
def test_value_of_printed_form(text: str, value: str) -> None:
    assert only(text) == Decimal(value)


def test_lone_group_of_three_follows_the_document() -> None:
    assert only("1.234", ",") == Decimal("1234")
    assert only("1.234", ".") == Decimal("1.234")
    assert only("1,234", ".") == Decimal("1234")


@pytest.mark.parametrize("text", ["12.05.2014", "INV/2023/03/0008", "NL810433941B01", "1:03.28"])
def test_parts_of_dates_identifiers_and_times_are_no_numbers(text: str) -> None:
    assert numbers(text) == []


def test_currency_and_percent_are_told_apart() -> None:
    percent, amount = numbers("Tax 15% on $ 112.90")
    assert percent.percent and not amount.percent
    assert amount.currency == "USD"
    assert numbers("RM9.00")[0].currency == "MYR"
    assert numbers("9,00 EUR")[0].currency == "EUR"


def test_decimal_mark_is_a_majority() -> None:
    assert decimal_mark(["4.904,94", "851,27", "1.00"]) == ","
    assert decimal_mark(["1,200.00", "3.50"]) == "."
    assert decimal_mark(["no numbers", "12"]) is None


@given(
    st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False, allow_infinity=False),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")]),
)
def test_any_amount_survives_printing(value: Decimal, marks: tuple[str, str]) -> None:
    group, point = marks
    printed = f"{value:,.2f}".translate(str.maketrans({",": group, ".": point}))
    assert parse_number(printed, point) == value  # type: ignore[arg-type]
    assert only(f"Total {printed}", point) == value


@given(st.text(max_size=80))
def test_spans_lie_inside_any_text(text: str) -> None:
    for number in numbers(text):
        assert 0 <= number.start < number.end <= len(text)
        assert number.digits in text[number.start : number.end]
