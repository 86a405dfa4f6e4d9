"""What is marked accepted is right: things that documents leave open go to review, and nothing is made up."""

from typing import Any

import pytest

from model.embedded.engine import EmbeddedEngine
from model.engine import PageView
from model.values.numbers import numbers
from pipeline.extract import extract_pages
from schemas.contract import Contract
from schemas.page import Mark
from schemas.record import DocumentInfo, Record
from schemas.registry import load_contract
from tests.pages import box, page

ENGINE = EmbeddedEngine()


def read(contract: Contract, *drawings: str, marks: tuple[Mark, ...] = ()) -> Record:
    info = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    views = [PageView(page(text, number, marks)) for number, text in enumerate(drawings, 1)]
    return extract_pages(info, views, contract, ENGINE)


def of(properties: dict[str, Any]) -> Contract:
    return Contract.from_json_schema({"type": "object", "properties": properties})


def accepted(record: Record) -> dict[str, str | None]:
    return {pointer: field.value for pointer, field in record.fields.items() if field.status == "accepted"}


DATED = of({"invoice_date": {"type": "string", "format": "date"}, "total": {"type": "number", "format": "money"}})


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("", None),
        ("Shipped on 04/17/2025", "2025-03-04"),
        ("Shipped on 17/04/2025", "2025-04-03"),
        ("Shipped on 04/17/2025, returned on 17/04/2025", None),
        ("Boulder, CO 80302", "2025-03-04"),
        ("Total:   GBP 1,250.00", "2025-04-03"),
        ("Total:   $ 1,250.00", None),
        ("Total:   1.250,00", "2025-04-03"),
        ("Société générale de bâtiment", "2025-04-03"),
        ("Boulder, CO 80302      Total:   GBP 1,250.00", None),
    ],
)
def test_a_date_that_can_be_two_days_is_accepted_only_where_the_document_settles_it(said: str, day: str | None) -> None:
    record = read(DATED, f"Invoice date:   03/04/2025\n\n{said}")
    assert record.data["invoice_date"] in ("2025-04-03", "2025-03-04")
    assert accepted(record).get("/invoice_date") == day


def test_net_and_tax_that_add_up_are_not_proved_the_wrong_way_round() -> None:
    record = read(
        load_contract("invoice"),
        """
        Invoice total                  53.97

        VAT rate     Item subtotal     VAT subtotal
        20%                  44.97             9.00
        """,
    )
    assert accepted(record).get("/subtotal") in (None, "44.97")
    assert accepted(record).get("/total_tax") in (None, "9.0")


def rows_of(record: Record, name: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if value is not None} for row in record.data[name]]


TEXT, NUMBER = {"type": ["string", "null"]}, {"type": ["number", "null"]}
DATE = {"type": ["string", "null"], "format": "date"}


def table(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


def test_a_balance_of_a_day_in_a_table_is_no_transaction() -> None:
    record = read(
        load_contract("bank_statement"),
        """
        Date         Libellé                        Débit      Crédit
                     Solde précédent au 28/02/2025          5 120,30
        01/03/2025   CB MAGASIN                    200,72
        02/03/2025   VIREMENT                                  80,00
                     Nouveau solde au 31/03/2025            4 999,58
        """,
    )
    assert [row["description"] for row in record.data["transactions"]] == ["CB MAGASIN", "VIREMENT"]
    assert (record.data["opening_balance"], record.data["closing_balance"]) == (5120.3, 4999.58)


def test_totals_beside_a_table_are_not_its_rows_and_cost_none() -> None:
    record = read(
        of({"taxes": table(rate={**NUMBER, "format": "percentage"}, base={**NUMBER, "x-labels": ["Base HT"]})}),
        """
        Taux       Base HT             Total HT     205,52
        5,5 %       162,02             Total TVA     17,61
        20 %         43,50             Total TTC    223,13
        """,
    )
    assert record.data["taxes"] == [{"rate": 5.5, "base": 162.02}, {"rate": 20, "base": 43.5}]


def test_a_title_over_a_table_is_no_part_of_its_head() -> None:
    record = read(
        load_contract("bank_statement"),
        """
        Deposits and Other Credits
        Date         Description              Amount
        02/23/2025   Payroll                1,250.00
        02/24/2025   Transfer                  80.50
        Total Deposits                    $ 1,330.50
        """,
    )
    assert rows_of(record, "transactions") == [
        {"date": "2025-02-23", "description": "Payroll", "amount": 1250.0},
        {"date": "2025-02-24", "description": "Transfer", "amount": 80.5},
    ]


def test_a_part_of_a_longer_title_names_no_column() -> None:
    record = read(
        of({"lines": table(description=TEXT, quantity=NUMBER, unit=TEXT, amount=NUMBER)}),
        """
        Bezeichnung        Menge      Preis/Einh.       Betrag
        Kugelhahn              2           778,28     1.556,56
        Rohrschelle           10            21,35       213,50
        """,
    )
    assert [row["unit"] for row in record.data["lines"]] == [None, None]


def test_what_stands_in_a_column_decides_between_a_price_and_a_rate() -> None:
    lines = table(description=TEXT, quantity=NUMBER, tax_rate={**NUMBER, "format": "percentage"}, unit_price=NUMBER)
    head = "Description        Qty      Rate\n"
    prices = read(of({"lines": lines}), f"{head}Labour               6     95.00\nValve                1    214.75\n")
    rates = read(of({"lines": lines}), f"{head}Labour               6      20 %\nValve                1     5.5 %\n")
    assert [(row["unit_price"], row["tax_rate"]) for row in prices.data["lines"]] == [(95.0, None), (214.75, None)]
    assert [(row["unit_price"], row["tax_rate"]) for row in rates.data["lines"]] == [(None, 20), (None, 5.5)]


def test_ranks_without_a_title_are_ranks_and_no_part_of_the_name() -> None:
    results = table(rank={"type": ["integer", "null"]}, name=TEXT, team=TEXT, time=TEXT)
    record = read(
        of({"results": results}),
        """
             Name            Team            Time
        1    Avery, Kim      Hill Team       1:01.12
        2    Blake, Jo       Lake Club       1:02.17
        --   Cruz, Ana       Hill Team       DQ
        """,
    )
    assert [row["rank"] for row in record.data["results"]] == [1, 2, None]
    assert [row["name"] for row in record.data["results"]] == ["Avery, Kim", "Blake, Jo", "Cruz, Ana"]


def test_a_bare_number_is_a_rate_where_the_head_has_a_per_cent_sign() -> None:
    lines = table(description=TEXT, quantity=NUMBER, tax_rate={**NUMBER, "format": "percentage"})
    text = "Description     Qty     VAT %\nPaper            10     20.00\nToner             1      5.00\n"
    record = read(of({"lines": lines}), text)
    assert [row["tax_rate"] for row in record.data["lines"]] == [20.0, 5.0]


EVENTS = of(
    {
        "meet_name": TEXT,
        "events": table(
            event_number={"type": ["integer", "null"]},
            event_name=TEXT,
            results=table(place={"type": ["integer", "null"]}, name=TEXT, age={"type": "integer"}, seed_time=TEXT),
        ),
    }
)


def test_headings_that_count_open_groups() -> None:
    record = read(
        EVENTS,
        """
        Event 1  Girls 100 Free
               Name              Age     Seed Time
        1      Avery, Kim        11      1:02.10
        2      Blake, Jo         12      1:03.17

        Event 2  Boys 100 Free
               Name              Age     Seed Time
        1      Cruz, Ana         11      1:04.24
        """,
    )
    assert [(group["event_number"], group["event_name"]) for group in record.data["events"]] == [
        (1, "Girls 100 Free"),
        (2, "Boys 100 Free"),
    ]
    assert [[row["name"] for row in group["results"]] for group in record.data["events"]] == [
        ["Avery, Kim", "Blake, Jo"],
        ["Cruz, Ana"],
    ]
    assert record.data["meet_name"] is None or "/meet_name" not in accepted(record)


def test_rows_of_groups_that_nothing_names_are_not_accepted() -> None:
    record = read(
        EVENTS,
        """
        Girls
               Name              Age     Seed Time
        1      Avery, Kim        11      1:02.10

        Boys
               Name              Age     Seed Time
        1      Cruz, Ana         11      1:04.24
        """,
    )
    assert record.data["events"]
    assert not accepted(record)


def test_a_label_inside_a_value_does_not_cut_it() -> None:
    record = read(of({"signed_by": TEXT, "phone": TEXT}), "Signed by: J. Sample     Phone: 030 5550199\n")
    assert record.data["signed_by"] == "J. Sample"


def test_a_label_is_not_read_across_an_article() -> None:
    contract = of({"policy_number": TEXT, "police_report": {"type": ["boolean", "null"]}})
    record = read(contract, "Is there a police report?   yes\n")
    assert record.data == {"policy_number": None, "police_report": True}


def test_what_stands_under_a_row_of_checkboxes_is_not_their_labels_value() -> None:
    marks = (Mark(box(0, 10, 11), False), Mark(box(0, 20, 21), True))
    drawn = "Cause:      Fire      Water\nPolice report filed?   no\nDate of loss:   02/14/2025\n"
    record = read(load_contract("form"), drawn, marks=marks)
    said = {entry["label"]: entry["value"] for entry in record.data["entries"]}
    assert said == {"Cause": "Water", "Police report filed": "no", "Date of loss": "02/14/2025"}


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("88,40 S", -88.4),
        ("88,40 H", 88.4),
        ("1,234.50 Dr", -1234.5),
        ("1,234.50 Cr", 1234.5),
        ("5 S", 5),
        ("12,50 h", 12.5),
    ],
)
def test_debits_are_marked_by_letters(printed: str, value: float) -> None:
    assert [float(number.value) for number in numbers(printed)] == [value]


def test_an_iban_without_a_label_is_one_only_if_its_check_digits_fit() -> None:
    contract = of({"iban": {**TEXT, "format": "iban"}})
    assert read(contract, "Invoice GB5001JKLMNI").data["iban"] is None
    assert read(contract, "Pay to DE89 3704 0044 0532 0130 00").data["iban"] == "DE89 3704 0044 0532 0130 00"


def test_a_date_without_its_year_gets_the_statements_year_and_is_not_sure() -> None:
    record = read(
        load_contract("bank_statement"),
        """
        Kontoauszug vom 15.01.2025    Sort code 20-11-33

        Datum     Text                  Betrag
        28.12.    Strom                 -88,40
        03.01.    Gehalt              2.450,00
        """,
    )
    assert [row["date"] for row in record.data["transactions"]] == ["2024-12-28", "2025-01-03"]
    assert not {"/transactions/0/date", "/transactions/1/date"} & accepted(record).keys()


TAXED = """
Description        Net      VAT amount      Gross amount
Transport     2,500.00          575.00          3,075.00
Boxes           345.00           79.35            424.35

Total due                                       3,499.35
"""


def test_a_row_that_adds_up_does_not_prove_the_documents_totals() -> None:
    money = {**NUMBER, "format": "money"}
    lines = table(description=TEXT, net_amount=money, vat_amount=money, gross_amount=money)
    record = read(of({"subtotal": money, "total_tax": money, "total": money, "lines": lines}), TAXED)
    assert record.data["total"] == 3499.35
    assert not {"/subtotal", "/total_tax"} & accepted(record).keys()


def test_numbers_that_nearly_touch_are_parted_under_their_heads() -> None:
    lines = table(description=TEXT, hs_code=TEXT, quantity=NUMBER, unit_price={**NUMBER, "format": "money"})
    record = read(
        of({"lines": lines}),
        """
        Description        HSN Code   Qty  Unit price     Amount
        Granules           39012000 1,500 98.50         147,750.00
        Masterbatch        32061900    40 210.00          8,400.00
        """,
    )
    assert [(row["quantity"], row["unit_price"]) for row in record.data["lines"]] == [(1500, 98.5), (40, 210.0)]


def test_sums_under_a_table_that_nothing_names_are_no_row() -> None:
    money = {**NUMBER, "format": "money"}
    taxes = table(rate={**NUMBER, "format": "percentage"}, base={**money, "x-labels": ["Base imponible"]}, tax=money)
    record = read(
        of({"taxes": taxes}),
        """
        Base imponible      Rate      Tax
                757,25      21 %   159,02
                706,80       4 %    28,27
              1.464,05             187,29
        """,
    )
    assert [row["base"] for row in record.data["taxes"]] == [757.25, 706.8]


def test_lists_in_lists_in_lists_are_filled() -> None:
    results = table(rank={"type": ["integer", "null"]}, athlete=TEXT, time=TEXT)
    contract = of({"events": table(event=TEXT, age_groups=table(age_group=TEXT, results=results))})
    group = "Age group: {}\nRank    Athlete       Time\n1       {}      30.10\n\n"
    record = read(
        contract,
        "Event: 50m Freestyle\n"
        + group.format("30-34", "Ann BOO")
        + group.format("35-39", "Cy DOE ")
        + "Event: 100m Backstroke\n"
        + group.format("30-34", "Di FOO "),
    )
    assert [
        (
            event["event"],
            [(group["age_group"], [row["athlete"] for row in group["results"]]) for group in event["age_groups"]],
        )
        for event in record.data["events"]
    ] == [
        ("50m Freestyle", [("30-34", ["Ann BOO"]), ("35-39", ["Cy DOE"])]),
        ("100m Backstroke", [("30-34", ["Di FOO"])]),
    ]
    assert "/events/1/age_groups/0/results/0/time" in record.fields


def test_a_number_under_the_recipients_heading_is_not_the_issuers() -> None:
    record = read(
        load_contract("invoice"),
        """
        Example Texts - NIF 12345678Z         Cliente: Editorial Pino S.L.
                                              CIF B12345674
        """,
    )
    assert record.data["seller"]["tax_id"] == "12345678Z"
    assert record.data["buyer"]["tax_id"] == "B12345674"


def test_an_amount_due_that_is_all_a_bill_says_is_its_total_for_review() -> None:
    record = read(load_contract("invoice"), "Invoice No. 25-017\n\nAmount due      $3,144.20\n")
    assert record.data["amount_due"] == record.data["total"] == 3144.2
    assert "/total" not in accepted(record)


def test_words_behind_a_title_belong_to_it_and_running_text_is_no_head() -> None:
    lines = table(description=TEXT, quantity=NUMBER, unit_price={**NUMBER, "format": "money"}, tax_rate=NUMBER)
    record = read(
        of({"lines": lines, "seller_vat": TEXT}),
        """
        Exporter: Example Cork SA, Rua do Teste 3, Evora, Portugal, price and quantity as agreed, VAT PT509442013

        Description         Qty (m2)     Price excl.
        Cork tiles             1,200            8.40
        Underlay               2,500            1.95
        """,
    )
    assert [(row["quantity"], row["unit_price"]) for row in record.data["lines"]] == [(1200, 8.4), (2500, 1.95)]


def test_the_one_column_of_days_is_the_rows_date_whatever_its_title() -> None:
    rows = table(date=DATE, description=TEXT, amount={**NUMBER, "format": "money"})
    drawn = """
When it was   Description     Amount
23/04/2025    Shop             12.50
24/04/2025    Bank             13.50
"""
    record = read(of({"rows": rows}), drawn)
    assert [row["date"] for row in record.data["rows"]] == ["2025-04-23", "2025-04-24"]
