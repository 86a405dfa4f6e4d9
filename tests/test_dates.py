"""Dates as printed in many languages come out by value."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.values.dates import dates, day_and_month, order_votes, parse_date


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7. Mai 2014", "2014-05-07"),
        ("19 april 2014", "2014-04-19"),
        ("du 02 Juillet 2015", "2015-07-02"),
        ("August 3 , 2014", "2014-08-03"),
        ("12 de marzo de 2020", "2020-03-12"),
        ("15. März 2020", "2020-03-15"),
        ("29-MAR-18", "2018-03-29"),
        ("1st of May 2019", "2019-05-01"),
        ("2014-03-04", "2014-03-04"),
        ("20180405", "2018-04-05"),
        ("Date:15/03/18 8:13", "2018-03-15"),
        ("03/20/2023", "2023-03-20"),
        ("2023年3月4日", "2023-03-04"),
    ],
)
def test_value_of_printed_form(text: str, value: str) -> None:
    found = parse_date(text)
    assert found is not None
    assert found.isoformat() == value


@pytest.mark.parametrize("text", ["1 set\t45.00", "1 set 45.00", "12\tMai\t2024"])
def test_what_stands_in_several_columns_is_no_date(text: str) -> None:
    assert dates(text) == []


@pytest.mark.parametrize("text", ["31.06.2020", "March 2018", "01 71 17 61 67", "1.2.3", "99/99/9999", "1234567890"])
def test_what_is_no_date(text: str) -> None:
    assert dates(text) == []


def test_dates_that_can_be_read_one_way_only_vote_for_the_order_of_day_and_month() -> None:
    assert order_votes(["31/12/2017", "01/02/2018"]) == (1, 0)
    assert order_votes(["12/31/2017 to 1/31/2018", "01/02/2018"]) == (0, 2)
    assert order_votes(["01/02/2018", "2018-12-31", "99/99/2018"]) == (0, 0)
    assert parse_date("01/02/2018", True) == datetime.date(2018, 2, 1)
    assert parse_date("01/02/2018", False) == datetime.date(2018, 1, 2)


def test_points_and_equal_numbers_leave_no_doubt() -> None:
    assert [found.ambiguous for found in dates("03/04/2018 03.04.2018 04/04/2018 2018-03-04")] == [
        True,
        False,
        False,
        False,
    ]


def test_both_ends_of_a_range_are_found() -> None:
    assert [found.value.day for found in dates("01.05.14-31.05.14")] == [1, 31]


@given(
    st.dates(datetime.date(1970, 1, 1), datetime.date(2069, 12, 31)),
    st.sampled_from(["%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d %b %y", "%d.%m.%y"]),
)
def test_any_date_survives_printing(value: datetime.date, form: str) -> None:
    assert parse_date(f"on {value.strftime(form)} at noon") == value


@given(st.text(max_size=80))
def test_spans_lie_inside_any_text(text: str) -> None:
    for date in dates(text):
        assert text[date.start : date.end] == date.text


@pytest.mark.parametrize(
    ("text", "day_before_month", "found"),
    [
        ("03.02.", False, (3, 2)),
        ("3/2", True, (3, 2)),
        ("3/2", False, (2, 3)),
        ("3/14", True, (14, 3)),
        ("02 Feb", True, (2, 2)),
        ("Feb 02", True, (2, 2)),
        ("1 März", True, (1, 3)),
        ("45/3", True, None),
        ("100 Free", True, None),
        ("12", True, None),
    ],
)
def test_a_date_without_a_year(text: str, day_before_month: bool, found: tuple[int, int] | None) -> None:
    assert day_and_month(text, day_before_month) == found
