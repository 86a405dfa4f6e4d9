"""Twelve invoices: six layouts, five languages, printed, turned and scanned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sample_docs.make import invoice_data as data
from sample_docs.make.invoice_layouts import Words, grid, strip
from sample_docs.make.invoice_letters import framed, letter
from sample_docs.make.invoice_modern import airy, band
from sample_docs.make.invoice_words import DUTCH, ENGLISH, FRENCH, GERMAN, SPANISH
from sample_docs.make.paper import A4, LETTER, Paper
from sample_docs.make.printing import (
    AMERICA,
    ENGLAND,
    FRANCE,
    GERMANY,
    NETHERLANDS,
    SPAIN,
    SWITZERLAND,
    Locale,
    Printer,
)
from sample_docs.make.sample import Sample, printed
from sample_docs.make.scan import Look, garbled_pdf, scanned_pdf, turned

Layout = Callable[[Paper, Printer, Words], None]

AMERICAN = ENGLISH | {
    "title": "Invoice",
    "number": "INVOICE #",
    "date": "DATE",
    "due": "DUE DATE",
    "order": "P.O. NO.",
    "customer": "CUSTOMER ID",
    "buyer": "BILL TO",
    "amount": "Line total",
    "subtotal": "Subtotal",
    "tax": "Sales tax",
    "total": "Total",
    "price": "Price each",
}
SWISS = (
    GERMAN
    | {"number": "Beleg", "date": "Datum", "due": "Fällig am", "order": "Ihre Ref.", "customer": "Kunde"}
    | {"title": "Rechnung", "tax": "MWST", "due_amount": "Zu zahlen", "tax_id": "UID"}
)
ADVICE = ENGLISH | {
    "title": "Invoice",
    "number": "Reference",
    "date": "Issued",
    "due": "Due by",
    "order": "Work order",
    "price": "Rate",
    "base": "on",
    "subtotal": "Subtotal",
    "total": "Balance payable",
    "tax_id": "VAT ID",
    "quantity": "Quantity",
    "pay": "VAT reverse charged to the customer. Kindly settle by transfer to",
}


def on_paper(
    bill: Mapping[str, Any], layout: Layout, locale: Locale, words: Words, size: tuple[float, float] = A4
) -> Paper:
    paper = Paper(size)
    layout(paper, Printer(bill, locale), words)
    return paper


def _printed(bill: Mapping[str, Any], layout: Layout, locale: Locale, words: Words) -> Sample:
    return printed("invoice", bill, on_paper(bill, layout, locale, words))


def _american() -> Sample:
    bill = data.GADGET_BILL
    return printed("invoice", bill, on_paper(bill, strip, AMERICA, AMERICAN, LETTER))


def _swiss() -> Sample:
    def layout(paper: Paper, say: Printer, words: Words) -> None:
        strip(paper, say, words, sign="CHF ")

    return _printed(data.ALPENTEST_BILL, layout, SWITZERLAND, SWISS)


def _turned_page() -> Sample:
    """A page stored sideways, with a /Rotate entry that shows it upright."""
    bill = data.ADVICE_BILL
    return turned("invoice", bill, on_paper(bill, airy, ENGLAND, ADVICE))


def _scan() -> Sample:
    bill = data.FICTICIA_BILL | {"invoice_number": "A/24/1164"}
    look = Look(seed=11, dpi=150, skew=-0.7, blur=0.5, noise=5)
    return scanned_pdf("invoice", bill, on_paper(bill, band, SPAIN, SPANISH), look)


def _skewed_scan() -> Sample:
    bill = data.FREIGHT_BILL | {"invoice_number": "EF-20988"}
    words = ENGLISH | {"number": "Invoice no", "date": "Tax point", "due": "Terms: pay by", "buyer": "Sold to"}
    look = Look(seed=12, dpi=140, skew=1.6, blur=0.7, noise=7, shade=0.12)
    return scanned_pdf("invoice", bill, on_paper(bill, grid, ENGLAND, words), look)


def _garbled() -> Sample:
    bill = data.MUSTER_BILL | {"invoice_number": "RE-2024-00355"}
    look = Look(seed=13, dpi=150, skew=0.3, noise=4)
    return garbled_pdf("invoice", bill, on_paper(bill, letter, GERMANY, GERMAN), look)


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "invoices/freight-en.pdf": lambda: _printed(data.FREIGHT_BILL, grid, ENGLAND, ENGLISH),
    "invoices/gadgets-us.pdf": _american,
    "invoices/testwaren-de.pdf": lambda: _printed(data.MUSTER_BILL, letter, GERMANY, GERMAN),
    "invoices/testwaren-de-3-pages.pdf": lambda: _printed(data.LONG_BILL, letter, GERMANY, GERMAN),
    "invoices/testwaren-de-garbled-text.pdf": _garbled,
    "invoices/atelier-fr.pdf": lambda: _printed(data.ATELIER_BILL, framed, FRANCE, FRENCH),
    "invoices/papeleria-es.pdf": lambda: _printed(data.FICTICIA_BILL, band, SPAIN, SPANISH),
    "invoices/papeleria-es-scan.pdf": _scan,
    "invoices/studio-nl.pdf": lambda: _printed(data.VOORBEELD_BILL, airy, NETHERLANDS, DUTCH),
    "invoices/studio-en-rotated-page.pdf": _turned_page,
    "invoices/messgeraete-ch.pdf": _swiss,
    "invoices/freight-en-skewed-scan.pdf": _skewed_scan,
}
