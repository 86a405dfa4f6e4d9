"""Documents that cannot be read, each with the error that it must give."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import pymupdf

from sample_docs.make.invoice_data import FREIGHT_BILL
from sample_docs.make.invoice_layouts import grid
from sample_docs.make.invoice_words import ENGLISH
from sample_docs.make.invoices import on_paper
from sample_docs.make.printing import ENGLAND
from sample_docs.make.sample import Sample, pdf_bytes
from sample_docs.make.scan import Look, pictures

PASSWORD = "intaglio"


def _fails(content: bytes, code: str) -> Sample:
    return Sample(content, {"schema": "invoice", "fails": code})


def _encrypted() -> Sample:
    document = on_paper(FREIGHT_BILL, grid, ENGLAND, ENGLISH).finished()
    content = pdf_bytes(document, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=PASSWORD, owner_pw=PASSWORD)
    return _fails(content, "encrypted-document")


def _damaged() -> Sample:
    """A download that broke off before the first page and went on with another file's bytes."""
    whole = pdf_bytes(on_paper(FREIGHT_BILL, grid, ENGLAND, ENGLISH).finished())
    return _fails(whole[:15] + whole[2000:9000], "damaged-document")


def _cut_off() -> Sample:
    """The signature of a picture and half of its header."""
    (picture,) = pictures(on_paper(FREIGHT_BILL, grid, ENGLAND, ENGLISH), Look(seed=61, dpi=72))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return _fails(stream.getvalue()[:20], "damaged-document")


def _renamed() -> Sample:
    text = "Dear colleague,\n\nthe invoice is on its way, please see the other mail.\n\nKind regards\n"
    return _fails(text.encode(), "unsupported-document")


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "broken/encrypted.pdf": _encrypted,
    "broken/damaged.pdf": _damaged,
    "broken/cut-off-picture.png": _cut_off,
    "broken/empty.pdf": lambda: _fails(b"", "empty-document"),
    "broken/text-renamed.pdf": _renamed,
}
