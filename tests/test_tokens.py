"""How many tokens a text takes, estimated: close to what Gemma 4's vocabulary counts, rather above than below."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.planning.tokens import text_tokens

COUNTED = {  # with the real vocabulary, which the project does not hold
    "Invoice number\t2024-00417\nInvoice date\t17.03.2024": 27,
    "2024-01-31\tCARD PAYMENT 8841 SAMPLETON STATION KIOSK\t12.40\t1,204.18": 39,
    "The Borrower shall repay each Loan on the last day of the Interest Period applicable thereto, together with all "
    "interest accrued.": 23,
    '{"date":"2024-01-31","description":"Card payment","debit":12.4,"credit":null,"balance":1204.18}': 41,
    "Rechnungsbetrag zuzüglich gesetzlicher Umsatzsteuer\t1.234,56 €": 21,
    "Net à payer sous trente jours à compter de la réception de la facture": 14,
    "Счёт-фактура на оплату за электроэнергию": 13,
    "Τιμολόγιο παροχής υπηρεσιών προς πελάτη": 16,
    "請求書番号\t合計金額\t消費税": 9,
    "رقم الفاتورة وتاريخ الاستحقاق": 10,
    "AT4010938127 / IBAN GB29 NWBK 6016 1331 9268 19": 38,
    "$\t1,482,311\t$\t(96,480)\t—\t7.5\t%": 30,
}


@pytest.mark.parametrize("text", COUNTED)
def test_the_estimate_of_a_line_is_near_what_the_vocabulary_counts(text: str) -> None:
    assert 0.85 * COUNTED[text] <= text_tokens(text) <= 1.3 * COUNTED[text] + 2


def test_over_many_lines_the_estimate_is_a_little_high() -> None:
    assert 1.0 <= text_tokens("\n".join(COUNTED)) / sum(COUNTED.values()) <= 1.15


def test_every_digit_costs_a_token() -> None:
    assert text_tokens("7" * 1000) == 1000


@given(st.text(), st.text())
def test_texts_that_are_joined_cost_at_most_a_token_or_two_more_than_apart(one: str, other: str) -> None:
    assert text_tokens(one + other) <= text_tokens(one) + text_tokens(other) + 2


@given(st.text(min_size=1))
def test_no_text_costs_more_than_two_tokens_a_character(text: str) -> None:
    assert 0 <= text_tokens(text) <= 2 * len(text) + 1


def test_half_a_character_pair_is_no_trouble() -> None:
    assert text_tokens("\ud800 broken") > 0
