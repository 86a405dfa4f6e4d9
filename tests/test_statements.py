"""Statements, whose columns are periods, fill lists of figures, reported periods and single figures."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.embedded.fiscal import FiscalYear
from model.embedded.lines import Line, Span
from model.embedded.printed import Printed
from model.embedded.statements import Period, duration, scale_of
from model.engine import Answer
from tests.pages import page
from tests.test_embedded import ask

SURE = 0.86  # of the engine alone, with nothing else to speak for a value

ENTRY = {
    "type": "object",
    "properties": {
        "period": {"type": "string", "description": "Reporting period (e.g. 'FY2025 Q3', 'FY2025 H1')."},
        "value": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "unit": {"type": "string"},
        "scale": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "kind": {"enum": ["actual", "guidance"], "default": "actual"},
        "segment": {"type": "string", "description": "Name of the segment. 'NA' for company-level metrics."},
    },
}
INCOME = """
              Kestrel Paper Corporation
        Consolidated Statements of Operations
      (In millions, except per share amounts)

                                        Three Months Ended         Six Months Ended
                                           December 31,              December 31,
                                         2024       2023           2024        2023
Net sales                           $  5,048.4  $  4,668.0     $  9,881.1  $  9,180.3
Costs of sales:
  Operating expenses                   2,376.1     2,213.3        4,661.9     4,370.9
  Depreciation                           126.9       119.6          242.2       240.9
Total costs of sales                   2,503.0     2,332.9        4,904.1     4,611.8
Other (income) expense, net              (91.1)      (64.8)        (192.8)     (132.5)
Net income (loss)                   $   (551.2) $      7.2     $    963.2  $  1,919.5
Earnings (loss) per common share:
  Basic                             $    (0.01) $     0.14     $     2.36  $     4.71
"""
BALANCE = """
Kestrel Paper Corporation
Consolidated Balance Sheets
(In millions)
                                       December 31,      June 30,
                                           2024            2024
Cash and cash equivalents            $    2,216.4    $    2,913.4
Inventories                                   -              12.0
Total assets                         $   64,096.7    $   54,362.7
"""


PARTS = """
The following table disaggregates revenue:
(In millions)
                                        Three Months Ended
                                           December 31,
                                         2024       2023
Revenue by geography:
  Asia                                 1,995       1,699
  Americas                             1,428         804
  Total revenue                        3,423       2,503
Gross margin:
  Papers                                38.6%       24.8%
  Consolidated gross margin             35.4%       16.2%
"""


def lists(*names: str) -> dict[str, Any]:
    return {name: {"type": "array", "items": ENTRY} for name in names}


def filled(*names: str) -> tuple[dict[str, Any], Answer]:
    return ask(lists(*names), page(INCOME, 1), page(BALANCE, 2))


def test_a_list_of_figures_has_an_entry_for_each_period_of_the_row_that_its_name_means() -> None:
    data, _ = filled("revenue")
    assert [(row["period"], row["value"]) for row in data["revenue"]] == [
        ("FY2025 Q2", 5048.4),
        ("FY2024 Q2", 4668),
        ("FY2025 H1", 9881.1),
        ("FY2024 H1", 9180.3),
    ]
    assert {(row["unit"], row["scale"], row["kind"], row["segment"]) for row in data["revenue"]} == {
        ("USD", 1_000_000, "actual", "NA")
    }


def test_figures_in_brackets_are_negative_and_those_per_share_are_not_in_millions() -> None:
    data, _ = filled("net_income", "basic_eps")
    assert [row["value"] for row in data["net_income"]] == [-551.2, 7.2, 963.2, 1919.5]
    assert [(row["value"], row["scale"]) for row in data["basic_eps"]][:2] == [(-0.01, 1), (0.14, 1)]


def test_a_heading_says_what_a_short_caption_under_it_means_but_not_what_others_are() -> None:
    data, _ = filled("cost_of_revenue", "basic_eps")
    assert data["cost_of_revenue"][0]["value"] == 2503
    assert len(data["basic_eps"]) == 4


def test_a_balance_sheet_tells_days_and_its_older_day_ends_the_fiscal_year() -> None:
    data, _ = filled("cash", "inventories", "total_assets")
    assert [(row["period"], row["value"]) for row in data["cash"]] == [("FY2025 Q2", 2216.4), ("FY2024", 2913.4)]
    assert [row["value"] for row in data["inventories"]] == [0, 12]
    assert [row["value"] for row in data["total_assets"]] == [64096.7, 54362.7]


def test_parts_of_a_company_stand_under_the_caption_as_a_heading() -> None:
    entry = {**ENTRY, "properties": dict(ENTRY["properties"])}
    entry["properties"]["segment_type"] = {
        "enum": ["company", "business_segment", "geographic_segment"],
        "default": "company",
    }
    properties = {name: {"type": "array", "items": entry} for name in ("revenue", "gross_margin", "gross_profit")}
    data, _ = ask(properties, page(INCOME, 1), page(BALANCE, 2), page(PARTS, 3))
    told = [
        (row["segment"], row["segment_type"], row["value"]) for row in data["revenue"] if row["period"] == "FY2025 Q2"
    ]
    assert told == [
        ("NA", "company", 3423),
        ("Asia", "geographic_segment", 1995),
        ("Americas", "geographic_segment", 1428),
    ]
    assert [(row["segment"], row["unit"], row["value"]) for row in data["gross_margin"]] == [
        ("NA", "%", 35.4),
        ("NA", "%", 16.2),
        ("Papers", "%", 38.6),
        ("Papers", "%", 24.8),
    ]
    assert data["gross_profit"] == []  # a rate is no amount


def test_an_unknown_figure_is_found_by_the_fields_own_words() -> None:
    text = BALANCE + "Reserves for rainy days                     12.5            10.0\n"
    data, _ = ask(lists("reserves_for_rainy_days", "goodwill"), page(text))
    assert [row["value"] for row in data["reserves_for_rainy_days"]] == [12.5, 10]
    assert data["goodwill"] == []


def test_the_words_of_a_figure_are_the_number_and_the_head_over_it_and_a_person_looks_at_it() -> None:
    _, answer = filled("revenue")
    assert [word.text for word in answer.findings["/revenue/0/value"].words] == ["5,048.4"]
    assert [word.text for word in answer.findings["/revenue/0/period"].words] == ["2024"]
    assert answer.findings["/revenue/0/value"].confidence < SURE
    assert "/revenue/0/kind" not in answer.findings


def test_a_document_tells_which_period_it_reports_on_and_single_figures_of_it() -> None:
    data, _ = ask(
        {
            "report_period": {"type": "string", "pattern": r"^FY\d{4}( Q[1-4])?$"},
            "period_end_date": {"type": "string", "format": "date"},
            "total_assets": {"type": "number"},
            "net_income": {"type": "number"},
        },
        page(INCOME, 1),
        page(BALANCE, 2),
    )
    assert data == {
        "report_period": "FY2025 Q2",
        "period_end_date": "2024-12-31",
        "total_assets": 64096.7,
        "net_income": -551.2,
    }


def test_an_invoice_with_a_year_in_it_is_no_report() -> None:
    text = """
Item            2023        2024
Paper          10.00       12.00
Total          10.00       12.00
"""
    data, _ = ask({**lists("revenue"), "report_period": {"type": "string", "pattern": r"FY\d{4}"}}, page(text))
    assert data == {"revenue": [], "report_period": None}


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("Three Months Ended March 31,", 3),
        ("26 weeks ended", 6),
        ("Fiscal Year Ended June 30,", 12),
        ("For the Quarter Ended", 3),
        ("December 31,", None),
    ],
)
def test_durations_are_read_in_months_or_weeks(text: str, months: int | None) -> None:
    assert duration(text) == months


def test_what_figures_are_counted_in_is_read_from_words_and_signs() -> None:
    assert scale_of("(Amounts in thousands, except share data)") == 1_000
    assert scale_of("($ in millions)") == 1_000_000
    assert scale_of("in US$ billions") == 1_000_000_000
    assert scale_of("in order of size") is None


@given(st.integers(1, 12), st.integers(1, 28), st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_day_has_a_fiscal_year_that_ends_on_it_or_later(month: int, day: int, when: date) -> None:
    line = Line(1, 0, (), "", (0,), ((0.0, 0.0),), 0.0, 1.0, 1.0)
    label = FiscalYear(month, day).label(Period(0, when, "", Span(line, 0, 0)))
    assert label is None or int(label[2:6]) in (when.year, when.year + 1)


AMOUNTS = st.integers(-9_999_999, 9_999_999)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=20))
def test_every_row_of_a_drawn_statement_comes_out_with_its_figures(rows: list[tuple[int, int]]) -> None:
    def shown(amount: int) -> str:
        return f"({-amount:,})" if amount < 0 else f"{amount:,}"

    lines = [f"{'Line ' + chr(65 + n):30}{shown(a):>14}{shown(b):>14}" for n, (a, b) in enumerate(rows)]
    text = "\n".join(["(in thousands)", f"{'':30}{'2024-12-31':>14}{'2023-12-31':>14}".replace("-", " "), *lines])
    text = text.replace("2024 12 31", "31 Dec 2024").replace("2023 12 31", "31 Dec 2023")
    printed = Printed([page(text)])
    found = [[int(figure.value) for figure in row.figures] for row in printed.statements]
    assert found == [list(row) for row in rows]
    assert {row.scale for row in printed.statements} == {1_000}


def test_answers_stay_json_where_figures_are_odd() -> None:
    _, answer = ask(lists("revenue"), page("Revenue   $ $ ( ( ) —\n   2024   2023\nRevenue  --  ((5)\n"))
    assert isinstance(json.loads(answer.json_text)["revenue"], list)
