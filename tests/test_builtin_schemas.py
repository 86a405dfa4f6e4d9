"""The built-in schemas: what they ask for, and what their checks notice."""

import copy
from typing import Any

import pytest

from schemas.pointer import resolve
from schemas.registry import load_contract

INVOICE: dict[str, Any] = {
    "invoice_number": "2024-17", "invoice_date": "2024-05-07", "due_date": "2024-06-06", "currency": "EUR",
    "seller": {"name": "Kestrel Paper GmbH", "iban": "DE89370400440532013000"}, "buyer": {},
    "lines": [
        {"description": "Paper", "quantity": 10, "unit_price": 3.5, "tax_rate": 19, "amount": 35},
        {"description": "Envelopes", "quantity": 2.5, "unit_price": 80, "tax_rate": 7, "amount": 200},
    ],
    "tax_breakdown": [{"rate": 19, "base": 35, "tax": 6.65}, {"rate": 7, "base": 200, "tax": 14}],
    "subtotal": 235, "total_tax": 20.65, "total": 255.65, "amount_due": 255.65,
}  # fmt: skip
RECEIPT: dict[str, Any] = {
    "merchant": "Corner Grocer", "date": "2024-05-07", "time": "14:35", "subtotal": 10, "tax": 0.7, "total": 10.7,
    "items": [{"description": "Bread", "amount": 10}],
}  # fmt: skip
STATEMENT: dict[str, Any] = {
    "account_number": "DE89370400440532013000", "period_start": "2024-05-01", "period_end": "2024-05-31",
    "opening_balance": 100, "closing_balance": 84.5,
    "transactions": [
        {"date": "2024-05-02", "description": "Rent", "debit": 50, "credit": None, "balance": 50},
        {"date": "2024-05-03", "description": "Refund", "credit": 40, "balance": None},
        {"date": "2024-05-04", "description": "Fee", "amount": -5.5, "balance": 84.5},
    ],
}  # fmt: skip
OTHERS = {
    "form": {"title": "Order", "entries": [{"label": "Name", "value": None}],
             "checkboxes": [{"label": "Yes", "checked": True}]},
    "resume": {"name": "A. Example", "experience": [{"title": "Planner", "start": "2019"}], "skills": ["maps"]},
    "transcript": {"pages": [{"page": 1, "markdown": "# Title"}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "decided"),
    [("invoice", INVOICE, 7), ("receipt", RECEIPT, 1), ("bank_statement", STATEMENT, 4)]
    + [(name, data, 0) for name, data in OTHERS.items()],
)
def test_a_sound_document_has_no_issue(name: str, data: dict[str, Any], decided: int) -> None:
    contract = load_contract(name)
    assert contract.validate(data) == ()
    results = contract.run_checks(data)
    declared = [result for check in contract.checks for result in check.run(data)]
    assert len(declared) == decided and all(result.passed for result in results)


@pytest.mark.parametrize(
    ("name", "data", "pointer", "value", "failing"),
    [
        ("invoice", INVOICE, "/lines/0/amount", 53, {"/subtotal", "/lines/0/quantity"}),
        ("invoice", INVOICE, "/lines/1/unit_price", 30, {"/lines/1/amount"}),
        ("invoice", INVOICE, "/total", 225.65, {"/subtotal", "/total_tax"}),
        ("invoice", INVOICE, "/tax_breakdown/0/tax", 6.56, {"/total_tax", "/tax_breakdown/1/tax"}),
        ("invoice", INVOICE, "/tax_breakdown/0/base", 53, {"/subtotal"}),
        ("invoice", INVOICE, "/due_date", "2024-05-06", {"/invoice_date"}),
        ("receipt", RECEIPT, "/tax", 7, {"/subtotal", "/total"}),
        ("bank_statement", STATEMENT, "/transactions/2/amount", 5.5, {"/closing_balance", "/transactions/2/balance"}),
        ("bank_statement", STATEMENT, "/opening_balance", 10, {"/closing_balance", "/transactions/0/balance"}),
        ("bank_statement", STATEMENT, "/period_end", "2023-05-31", {"/period_start"}),
    ],
)
def test_one_wrong_value_is_noticed(
    name: str, data: dict[str, Any], pointer: str, value: Any, failing: set[str]
) -> None:
    changed = copy.deepcopy(data)
    parent, _, key = pointer.rpartition("/")
    resolve(changed, parent)[key] = value
    failed = [result.issue() for result in load_contract(name).run_checks(changed) if not result.passed]
    assert failed
    assert {pointer, *failing} <= {place for issue in failed for place in issue.pointers}


def test_order_in_time_proves_no_value() -> None:
    results = load_contract("invoice").run_checks(INVOICE)
    proved = {pointer for result in results if result.proves for pointer in result.pointers}
    assert {"/total", "/subtotal", "/total_tax", "/lines/0/amount", "/lines/1/quantity"} <= proved
    assert "/due_date" not in proved


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("invoice", {"/invoice_number", "/invoice_date", "/total"}),
        ("receipt", {"/merchant", "/date", "/total"}),
        ("bank_statement", {"/opening_balance", "/closing_balance"}),
        ("resume", {"/name"}),
        ("form", set()),
    ],
)
def test_only_what_every_such_document_has_is_required(name: str, required: set[str]) -> None:
    contract = load_contract(name)
    assert {issue.pointers[0] for issue in contract.validate({})} == required
    for leaf in contract.fields():
        inside_a_row = "*" in leaf.pointer
        assert leaf.nullable or leaf.pointer in required or inside_a_row, leaf.pointer


def test_fields_tell_an_engine_what_sort_of_value_they_want() -> None:
    formats = {leaf.pointer: leaf.format for leaf in load_contract("invoice").fields()}
    assert formats["/total"] == formats["/lines/*/amount"] == "money"
    assert formats["/invoice_date"] == "date"
    assert formats["/seller/iban"] == "iban"
    assert formats["/seller/tax_id"] == formats["/buyer/tax_id"] == "tax-id"
    assert formats["/lines/*/tax_rate"] == "percentage"
    labels = {leaf.pointer: leaf.labels for leaf in load_contract("invoice").fields()}
    assert {"Bill to", "Rechnungsempfänger", "Facturé à"} <= set(labels["/buyer/name"])
