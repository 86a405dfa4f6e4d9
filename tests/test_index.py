"""A value is found wherever it is printed, however it is printed."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.grounding.index import WordIndex
from schemas.field import field_tree
from schemas.page import Word
from tests.pages import box, page

SHARE = field_tree({"type": "number", "format": "percentage"})
CODE = field_tree({"type": "string", "format": "currency"})
TIME = field_tree({"type": "string", "format": "time"})


def found(value: object, text: str, field: object = None) -> list[str]:
    index = WordIndex([page(text)])
    return [" ".join(word.text for word in index.words(place)) for place in index.places(value, field=field)]


@pytest.mark.parametrize(
    ("value", "text", "words"),
    [
        (1234.5, "Sum 1.234,50 due", "1.234,50"),
        (1234.5, "Sum 1,234.50 due", "1,234.50"),
        (1234.5, "Sum 1'234.50 due", "1'234.50"),
        (1234567.89, "Sum 1 234 567,89 EUR", "1 234 567,89"),
        (1234.5, "Sum €1,234.50 due", "€1,234.50"),
        (1234.5, "Sum 1.234,50€ due", "1.234,50€"),
        (-1234.5, "Sum (1,234.50) due", "(1,234.50)"),
        (-1234.5, "Sum 1.234,50- due", "1.234,50-"),
        (-1234.5, "Sum - 1.234,50 due", "- 1.234,50"),
        (-1234.5, "Sum ( 1.234,50 ) due", "( 1.234,50 )"),
        (-12.5, "Sum 12.50 DR due", "12.50 DR"),
        (8, "8 Stk.", "8"),
        (0.5, "Rate .50 net", ".50"),
        (1050, "Sum 1O5O due", "1O5O"),
        ("2024-05-07", "am 7. Mai 2024 in Bern", "7. Mai 2024"),
        ("2024-05-07", "on May 7, 2024 in Bern", "May 7, 2024"),
        ("2024-05-07", "le 7 mai 2024", "7 mai 2024"),
        ("2024-05-07", "dne 7. 5. 2024 v Brně", "7. 5. 2024"),
        ("2024-05-07", "kelt 2024. 05. 07. itt", "2024. 05. 07."),
        ("2024-05-07", "on 05/07/24 only", "05/07/24"),
        ("2024-05-07", "on 07MAY2024 only", "07MAY2024"),
        ("2024-05-07", "日付 2024年5月7日 です", "2024年5月7日"),
        ("2024-05-07", "booked 07.05. here", "07.05."),
        ("2024-05-07", "booked 7 May here", "7 May"),
        ("EUR", "Sum in € only", "€"),
        ("GBP", "Amounts in GBP only", "GBP"),
        ("Müller & Söhne", "by MÜLLER & SÖHNE today", "MÜLLER & SÖHNE"),
        ("official file", "the oﬃcial ﬁle here", "oﬃcial ﬁle"),
        ("A-17", "room Ａ－１７ left", "Ａ－１７"),
        ('Mark\'s "big" day', "was Mark’s “big” day then", "Mark’s “big” day"),
        ("coworker", "our co\u00adworker says", "co\u00adworker"),
        ("4711", "order No.4711 of", "No.4711"),
        ("DE89370400440532013000", "IBAN DE89 3704 0044 0532 0130 00 BIC", "DE89 3704 0044 0532 0130 00"),
        ("DE89 3704 0044 0532 0130 00", "IBAN DE89370400440532013000 BIC", "DE89370400440532013000"),
        ("Kestrel Model Paper", "by Kestre1 M0del Paper Ltd", "Kestre1 M0del Paper"),
        ("modern corner", "the modem comer shop", "modem comer"),
    ],
)
def test_the_words_that_state_a_value_are_found(value: object, text: str, words: str) -> None:
    assert found(value, text) == [words]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.5, "costs 12.51 each"),
        (2024, "paid on 07.05.2024 here"),
        (4, "bolt A4 steel"),
        ("2024-05-07", "on 7 May 2023 and 8 May 2024"),
        ("2024", "ref 120249 here"),
        ("EUR", "EUROPE in $ only"),
        ("Falcon Trading Ltd", "by Kestrel Paper GmbH in full"),
        (True, "true yes x"),
        (None, "none null"),
        ("", "some words"),
    ],
)
def test_what_is_not_there_is_not_found(value: object, text: str) -> None:
    assert found(value, text) == []


def test_a_share_is_found_as_a_percentage_and_as_itself() -> None:
    assert found(0.19, "VAT 19 % of it", SHARE) == ["19 %"]
    assert found(19, "VAT 19 % of it", SHARE) == ["19 %"]
    assert found(19, "VAT 19% of it", SHARE) == ["19%"]
    assert found(0.19, "costs 19 in all", SHARE) == []


def test_a_time_is_found_on_a_twelve_hour_clock() -> None:
    assert found("14:05", "at 2:05 PM sharp", TIME) == ["2:05 PM"]


def test_a_currency_stands_best_where_nothing_else_does() -> None:
    assert found("EUR", "Sum €12.00 in EUR", CODE) == ["EUR", "€12.00"]


def test_scores_fall_with_what_has_to_be_supposed() -> None:
    index = WordIndex([page("12.50 (8.00) 1O5O 05/07/2024 13/07/2024 07.06. Kestre1")])
    scores = {value: next(index.places(value)).score for value in (12.5, 8, -8, 1050, "2024-07-13", "2024-06-07")}
    assert scores == {12.5: 1.0, 8: 0.8, -8: 1.0, 1050: 0.85, "2024-07-13": 1.0, "2024-06-07": 0.85}
    assert next(index.places("2024-07-05")).score == 0.97
    assert 0.9 < next(index.places("Kestrel")).score < 0.98


def test_text_wrapped_in_a_cell_is_only_the_words_of_its_column() -> None:
    index = WordIndex(
        [
            page("""
1  Steel hook with    12  4.50
   two-com-           of  each
   ponent grip        me
2  Steel hook          3  4.00
""")
        ]
    )
    (place,) = index.places("Steel hook with two-component grip")
    assert [word.text for word in index.words(place)] == "Steel hook with two-com- ponent grip".split()
    assert place.score == 1.0


def test_a_text_on_two_lines_of_one_column_page_is_one_run() -> None:
    index = WordIndex([page("The Kestrel Paper\nCompany of Bern")])
    (place,) = index.places("Kestrel Paper Company")
    assert (place.first, place.last, place.parts) == (1, 4, ())


def test_every_place_is_given_in_order_and_pages_can_be_chosen() -> None:
    index = WordIndex([page("Bern 12.00 Bern", 1), page("12.00 in Bern", 2), page("Bern", 5)])
    assert [(place.page, place.first) for place in index.places("Bern")] == [(1, 0), (1, 2), (2, 2), (5, 0)]
    assert [place.page for place in index.places("Bern", {2, 5})] == [2, 5]
    assert [(place.page, place.first) for place in index.places(12)] == [(1, 1), (2, 0)]


def test_a_document_without_words_states_nothing() -> None:
    for pages in ([], [page("")], [page("", 1), page("", 2)]):
        index = WordIndex(pages)
        for value in ("Bern", 12, "2024-05-07", "EUR", "Bern and Basel"):
            assert list(index.places(value)) == []


def test_words_without_letters_or_height_do_no_harm() -> None:
    flat = Word("Bern", box(0, 0, 4)._replace(y1=box(0, 0, 4).y0))
    blank = page("")
    index = WordIndex([type(blank)(1, 612, 792, (Word("—", box(0, 0, 1)), flat, Word("\u200b", box(0, 6, 7))))])
    assert [place.first for place in index.places("Bern")] == [1]


@st.composite
def printed_numbers(draw: st.DrawFn) -> tuple[Decimal, str]:
    """(value, one of the ways in which documents print it)."""
    cents = draw(st.integers(100, 10**10))
    group, mark = draw(st.sampled_from([(",", "."), (".", ","), ("'", "."), (" ", ","), ("", "."), ("", ",")]))
    digits = f"{cents // 100:,}".replace(",", group) + f"{mark}{cents % 100:02}"
    frame = draw(st.sampled_from(["{}", "€{}", "{}€", "EUR {}", "{} EUR", "({})", "-{}", "{}-", "− {}"]))
    negative = any(sign in frame for sign in "(-−")
    return Decimal(cents) / (-100 if negative else 100), frame.format(digits)


@settings(max_examples=150, deadline=None)
@given(printed_numbers())
def test_any_printed_form_of_a_number_is_found(case: tuple[Decimal, str]) -> None:
    value, text = case
    index = WordIndex([page(f"alpha {text} omega")])
    places = list(index.places(float(value)))
    assert places and places[0].score == 1.0
    words = index.words(places[0])
    assert "".join(sign for word in words for sign in word.text if sign.isdigit()) == "".join(
        sign for sign in text if sign.isdigit()
    )


DATE_FORMS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%d.%m.%y", "%Y%m%d")


@settings(max_examples=150, deadline=None)
@given(st.dates(date(2000, 1, 1), date(2049, 12, 31)), st.sampled_from(DATE_FORMS))
def test_any_printed_form_of_a_date_is_found(day: date, form: str) -> None:
    text = day.strftime(form)
    assert found(day.isoformat(), f"alpha {text} omega") == [text]


WORDS = st.text(st.sampled_from("abcdefghijklmnoprstuvwäöüéß"), min_size=2, max_size=9)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
def test_any_text_is_found_where_it_stands(value: list[str], before: list[str], after: list[str]) -> None:
    words = [*before, *value, *after]
    index = WordIndex([page(" ".join(words))])
    assert (len(before), len(before) + len(value)) in {
        (place.first, place.last) for place in index.places(" ".join(value)) if place.score == 1.0
    }
