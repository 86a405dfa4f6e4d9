"""Check digits: which numbers are judged, and what a slip of a digit does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, iban, issn, lei, luhn

from schemas.contract import Contract
from schemas.field import field_tree
from schemas.identifiers import check_digits

TEXT: dict[str, Any] = {"type": "string"}
digits = st.text("0123456789", min_size=1)


def verdicts(name: str, value: Any, **schema: Any) -> list[bool]:
    root = field_tree({"type": "object", "properties": {name: {**TEXT, **schema}}})
    return [result.passed for result in check_digits(root, {name: value})]


def slipped(number: str, place: int, step: int) -> str:
    """The number with one of its digits another."""
    places = [at for at, char in enumerate(number) if char.isdigit()]
    at = places[place % len(places)]
    return number[:at] + str((int(number[at]) + step) % 10) + number[at + 1 :]


SOUND = {
    "isbn": st.text("0123456789", min_size=9, max_size=9).map(
        lambda text: f"978{text}{ean.calc_check_digit(f'978{text}')}"
    ),
    "ean13": st.text("0123456789", min_size=12, max_size=12).map(lambda text: text + ean.calc_check_digit(text)),
    "issn": st.text("0123456789", min_size=7, max_size=7).map(lambda text: text + issn.calc_check_digit(text)),
    "lei": st.text("ABCDEFGH0123456789", min_size=18, max_size=18).map(
        lambda text: text + lei.mod_97_10.calc_check_digits(text)
    ),
    "card_number": st.text("0123456789", min_size=14, max_size=14).map(
        lambda text: "4" + text + luhn.calc_check_digit("4" + text)
    ),
}
BEGINS = {"isbn", "card_number"}  # with digits that are not any


@pytest.mark.parametrize("name", SOUND)
@given(data=st.data(), place=st.integers(0, 30), step=st.integers(1, 9))
def test_a_sound_number_passes_and_a_slip_of_one_digit_fails(name: str, data: Any, place: int, step: int) -> None:
    number = data.draw(SOUND[name])
    assert verdicts(name, number) == [True]
    wrong = verdicts(name, slipped(number, place, step))
    assert wrong == [False] or (wrong == [] and name in BEGINS), "of no scheme's form any more, or wrong"


@given(
    st.text("0123456789", min_size=18, max_size=18), st.integers(0, 30), st.integers(1, 9), st.sampled_from(["", " "])
)
def test_an_iban_passes_however_it_is_spaced_and_fails_by_its_format_with_a_slip(
    account: str, place: int, step: int, gap: str
) -> None:
    number = f"DE{iban.calc_check_digits('DE00' + account)}{account}"
    spaced = gap.join(number[at : at + 4] for at in range(0, len(number), 4))
    contract = Contract.from_json_schema({"type": "object", "properties": {"iban": {**TEXT, "format": "iban"}}})
    (result,) = contract.run_checks({"iban": spaced})
    assert result.passed and result.proves and result.strength == pytest.approx(0.993, abs=0.001)
    wrong = {"iban": slipped(number, place, step)}
    assert [issue.code for issue in contract.validate(wrong)] == ["suspect"]
    assert contract.run_checks(wrong) == (), "its format says so already"


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("DE999990035", [True]),
        ("DE 999 990 036", [False]),
        ("GB 999 9999 73", [True]),
        ("NL999990019B01", [True]),
        ("CHE-999.990.015 MWST", [True]),
        ("CHE-999.990.016 MWST", [False]),
        ("12-3456789", []),  # of no country that is named
        ("133/8150/8159", []),
        ("", []),
        ("DEPOSIT", []),
    ],
)
def test_tax_numbers_are_judged_where_they_name_a_country(value: str, verdict: list[bool]) -> None:
    assert verdicts("tax_id", value, format="tax-id") == verdict


def test_a_number_of_another_name_is_not_judged() -> None:
    assert verdicts("reference", "4012345678902") == []
    assert verdicts("leisure", "969500KSV493XWY0PS33") == []
    assert verdicts("card_number", "**** **** **** 4242") == [], "a masked one"
    assert verdicts("ean", "40123") == [], "one cut short"


def test_an_account_number_that_is_an_iban_is_judged_as_one() -> None:
    assert verdicts("account_number", "GB82 WEST 1234 5698 7654 32", format="identifier") == [True]
    assert verdicts("account_number", "GB82 WEST 1234 5698 7654 33", format="identifier") == [False]
    assert verdicts("account_number", "12345678", format="identifier") == []


def test_one_check_digit_proves_half_of_what_two_do() -> None:
    root = field_tree({"type": "object", "properties": {"ean": TEXT, "lei": TEXT}})
    results = list(check_digits(root, {"ean": "4006381333931", "lei": "213800KUD8LAJWSQ9D15"}))
    one, two = (result.strength for result in results)
    assert one == pytest.approx(0.5) and two > 0.9


def test_what_failed_is_told_with_its_pointer() -> None:
    root = field_tree({"type": "object", "properties": {"books": {"type": "array", "items": {
        "type": "object", "properties": {"isbn": TEXT}}}}})  # fmt: skip
    (result,) = check_digits(root, {"books": [{"isbn": "978-0-306-40615-8"}]})
    issue = result.issue()
    assert issue.pointers == ("/books/0/isbn",) and "/books/0/isbn: the check digits of the ISBN" in issue.message


@given(st.one_of(st.text(), digits, st.integers(), st.none(), st.booleans()))
def test_any_value_is_judged_without_an_error(value: Any) -> None:
    for name in ("iban", "isbn", "ean", "lei", "card", "vat", "imei", "isin", "orcid", "creditor_reference"):
        verdicts(name, value)
