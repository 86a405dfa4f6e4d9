"""Formats that say of a value that it cannot be right."""

import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from schemas.field import field_tree
from schemas.formats import CURRENCIES, is_currency, is_date, is_email, is_iban, misformed

# Examples of the IBAN registry, none of them a real account.
IBANS = ["DE89 3704 0044 0532 0130 00", "FR14 2004 1010 0505 0001 3M02 606", "GB29 NWBK 6016 1331 9268 19",
         "NL91ABNA0417164300", "ch93-0076-2011-6238-5295-7", "NO9386011117947"]  # fmt: skip


@pytest.mark.parametrize("iban", IBANS)
def test_good_ibans(iban: str) -> None:
    assert is_iban(iban)


@given(st.sampled_from(IBANS), st.data())
def test_one_digit_misread_is_noticed(iban: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([index for index, char in enumerate(iban) if char.isdigit()]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != iban[place]]))
    assert not is_iban(iban[:place] + other + iban[place + 1 :])


@given(st.text(max_size=40))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    assert not is_iban(text) or len(text) >= 15
    is_date(text), is_email(text)


def test_currencies_are_those_of_iso_4217() -> None:
    assert set(get_global("all_currencies")) >= CURRENCIES
    now = {
        code
        for entries in get_global("territory_currencies").values()
        for code, _, until, tender in entries
        if tender and until is None
    }
    assert now <= CURRENCIES
    assert is_currency("EUR") and not is_currency("eur") and not is_currency("EURO")


@pytest.mark.parametrize("text", ["2024-02-29", "1999-12-31"])
def test_days(text: str) -> None:
    assert is_date(text)


@pytest.mark.parametrize("text", ["2023-02-29", "20240229", "2024-W09-4", "29.02.2024", "2024-02-29T10:00", ""])
def test_what_is_no_day(text: str) -> None:
    assert not is_date(text)


def test_email_addresses() -> None:
    assert is_email("a.b+c@example.co.uk")
    assert not any(map(is_email, ["a@b", "a b@example.org", "example.org", "a@@example.org", "a@example."]))


def test_values_are_judged_where_they_stand_and_hints_are_not() -> None:
    root = field_tree(
        {
            "properties": {
                "who": {"type": "string", "format": "person"},
                "rows": {
                    "type": "array",
                    "items": {"properties": {"a/b": {"type": ["string", "null"], "format": "currency"}}},
                },
            }
        }
    )
    data = {"who": "7", "rows": [{"a/b": "EUR"}, {"a/b": "Euro"}, {"a/b": None}, {}, None, 3], "more": "x"}
    assert [pointer for pointer, _ in misformed(root, data)] == ["/rows/1/a~1b"]
