"""The lexicon finds what documents print, from the name that a schema gives."""

import re

import pytest

from model.values.text import squash
from schemas.lexicon import concepts, meant
from schemas.registry import BUILTIN, load_contract

# Leaves that no label announces, or that have labels of their own kind.
UNLABELLED = {"/entries/*/label", "/checkboxes/*/label", "/checkboxes/*/checked", "/pages/*/markdown", "/headline"}
UNLABELLED |= {"/pages/*/handwritten"}  # left null without an engine that sees


def test_concepts_are_many_and_well_formed() -> None:
    found = concepts()
    assert len(found) >= 120
    assert len({concept.name for concept in found}) == len(found)
    for concept in found:
        assert concept.labels, concept.name
        assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name) for name in concept.names), concept.name
        assert len(set(concept.labels)) == len(concept.labels), f"{concept.name} has a label twice"
        assert all(label == label.strip() for label in concept.labels), concept.name
        symbols = {"#", "N°"}
        assert all(squash(label) for label in concept.labels if label not in symbols), concept.name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("invoice_number", "Rechnungsnr"),
        ("invoiceNumber", "Factuurnummer"),
        ("InvoiceNo", "N° de facture"),
        ("invoice_date", "Factuurdatum"),
        ("due_date", "Fecha de vencimiento"),
        ("paymentDueDate", "Zahlbar bis"),
        ("amount", "Montant TTC"),
        ("amount_untaxed", "Imponibile"),
        ("vat", "Partita IVA"),
        ("seller_vat_number", "USt-IdNr"),
        ("order_id", "Bestellnummer"),
        ("total_price", "Gesamtbetrag"),
        ("company", "Fournisseur"),
        ("qty", "Menge"),
        ("unit_price", "Prijs per stuk"),
        ("description", "Omschrijving"),
        ("iban", "IBAN"),
        ("currency", "Währung"),
        ("customer_number", "Kundennummer"),
        ("opening_balance", "Saldo anterior"),
        ("ending_balance", "Nieuw saldo"),
        ("date_of_birth", "Data urodzenia"),
        ("year_of_birth", "Jahrgang"),
        ("passport_no", "N° de passeport"),
        ("claim_id", "Schadennummer"),
        ("date_of_loss", "Date du sinistre"),
        ("policy_number", "Número da apólice"),
        ("tracking_number", "Sendungsnummer"),
        ("container_no", "Contenedor"),
        ("gross_weight", "Bruttogewicht"),
        ("club", "Verein"),
        ("keywords", "Mots-clés"),
    ],
)
def test_a_name_in_any_style_finds_foreign_labels(name: str, label: str) -> None:
    assert label in {text for concept in meant(name) for text in concept.labels}


def test_the_longest_name_wins() -> None:
    assert [concept.name for concept in meant("order_date")] == ["order_date"]
    assert [concept.name for concept in meant("tax_rate")] == ["tax_rate"]
    assert [concept.name for concept in meant("buyer_tax_id")] == ["vat_id"]


def test_title_and_description_tell_what_a_bare_name_does_not() -> None:
    assert meant("f17") == ()
    assert [concept.name for concept in meant("f17", title="Policy number")] == ["policy_number"]
    assert [concept.name for concept in meant("f17", description="The date of loss, as printed")] == ["loss_date"]


def test_a_description_is_read_phrase_by_phrase() -> None:
    assert "tax_amount" not in {concept.name for concept in meant("f17", description="total, tax included")}
    assert "tax_amount" in {concept.name for concept in meant("f17", description="total tax")}


def test_what_only_rows_have_is_meant_only_there() -> None:
    assert "line_amount" not in {concept.name for concept in meant("amount")}
    assert "line_amount" in {concept.name for concept in meant("amount", in_row=True)}


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_leaf_of_the_built_in_schemas_has_labels(name: str) -> None:
    contract = load_contract(name)
    if contract.needs:
        return  # an engine that goes by labels is never asked
    for leaf in contract.fields():
        found = leaf.labels or meant(leaf.name, leaf.title, leaf.description, in_row="*" in leaf.pointer)
        period = leaf.name in ("start", "end")  # of a position held: it has no label, it stands beside it
        assert found or period or leaf.pointer in UNLABELLED, leaf.pointer
