"""What is marked accepted is right: things that documents leave open go to review, and nothing is made up."""

from typing import Any

import pytest

from model.embedded.engine import EmbeddedEngine
from pipeline.extract import extract_pages
from schemas.contract import Contract
from schemas.record import DocumentInfo, Record
from schemas.registry import load_contract
from tests.pages import page

ENGINE = EmbeddedEngine()


def read(contract: Contract, *drawings: str) -> Record:
    info = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    return extract_pages(info, [page(text, number) for number, text in enumerate(drawings, 1)], contract, ENGINE)


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
