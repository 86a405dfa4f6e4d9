"""More documents of the same kinds, to calibrate confidence on; they are made when needed, and never kept here.

python -m sample_docs.make.variants DIR      108 documents with their truth, some minutes of OCR to read

Every invoice in every layout, with the labels and numbers of a country that is not always its own, half of them printed
and half scanned; and bad copies of the samples: caught again at fewer dots, blurred, noisy, shaded, worn.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image

from sample_docs.make import forms, invoice_data, invoices, pages, receipts, resumes, statements
from sample_docs.make.invoice_layouts import grid, strip
from sample_docs.make.invoice_letters import framed, letter
from sample_docs.make.invoice_modern import airy, band
from sample_docs.make.invoice_words import DUTCH, ENGLISH, FRENCH, GERMAN, SPANISH
from sample_docs.make.printing import AMERICA, ENGLAND, FRANCE, GERMANY, NETHERLANDS, SPAIN, SWITZERLAND
from sample_docs.make.sample import Sample, pdf_bytes, printed
from sample_docs.make.scan import Look, caught_again, scanned_pdf

BILLS: Mapping[str, dict[str, object]] = {
    name.removesuffix("_BILL").lower(): bill for name, bill in vars(invoice_data).items() if name.endswith("_BILL")
}
LAYOUTS = {grid: None, strip: "USD", letter: "EUR", framed: "EUR", band: "EUR", airy: "EUR"}
"""Each with the currency whose sign it prints, whatever the bill's is."""
COUNTRIES = (
    (ENGLAND, ENGLISH),
    (GERMANY, GERMAN),
    (FRANCE, FRENCH),
    (SPAIN, SPANISH),
    (NETHERLANDS, DUTCH),
    (AMERICA, invoices.AMERICAN),
    (SWITZERLAND, invoices.SWISS),
)
MISSING = ENGLISH | {"carried": "Carried forward", "brought": "Brought forward"}  # for what a language has no label of
COPIES = 2  # of each sample
LONG = 4  # pages from which a sample is not copied


def variants() -> Iterator[tuple[str, Sample]]:
    """Each with its path below the output folder; the same ones each time."""
    yield from _invoices()
    for kind in (invoices, receipts, statements, forms, resumes, pages):
        for path, make in kind.SAMPLES.items():
            sample = make()
            for number in range(COPIES):
                copy = _copy(sample, path, number)
                if copy is not None:
                    yield f"copies/{Path(path).with_suffix('')}-{number}.pdf", copy


def _invoices() -> Iterator[tuple[str, Sample]]:
    for number, (name, bill) in enumerate(BILLS.items()):
        for place, (layout, currency) in enumerate(LAYOUTS.items()):
            locale, words = COUNTRIES[(number + 2 * place) % len(COUNTRIES)]
            printed_bill = bill | {"currency": currency or bill["currency"]}
            paper = invoices.on_paper(printed_bill, layout, locale, MISSING | words)
            path = f"invoices/{name}-{layout.__name__}-{locale.language}.pdf"
            if (number + place) % 2 or paper.pages >= LONG:
                yield path, printed("invoice", printed_bill, paper)
            else:
                yield path, scanned_pdf("invoice", printed_bill, paper, _look(1000 + 10 * number + place, 130, 200))


def _copy(sample: Sample, path: str, number: int) -> Sample | None:
    """A worse copy of a sample, without the places of its values; None of one of many pages."""
    with _opened(sample, Path(path).suffix) as document:
        if document.page_count >= LONG:
            return None
        look = _look(sum(map(ord, path)) * COPIES + number, 110, 170)
        copy = pdf_bytes(caught_again(document, look))
    return Sample(copy, {key: told for key, told in sample.truth.items() if key != "evidence"})


def _opened(sample: Sample, suffix: str) -> pymupdf.Document:
    if suffix != ".webp":  # which MuPDF does not read
        return pymupdf.open(stream=sample.content, filetype=suffix[1:])
    stream = io.BytesIO()
    Image.open(io.BytesIO(sample.content)).save(stream, "PNG")
    return pymupdf.open(stream=stream.getvalue(), filetype="png")


def _look(seed: int, least: int, most: int) -> Look:
    """A way to be caught, drawn by its seed. least, most: dots to the inch."""
    chance = np.random.default_rng(seed)
    return Look(
        seed=seed,
        dpi=int(chance.integers(least, most)),
        skew=float(chance.normal(0, 0.8)),
        blur=float(chance.uniform(0.2, 1.1)),
        noise=float(chance.uniform(2, 14)),
        shade=float(chance.uniform(0, 0.3)),
        ink=float(chance.uniform(0.5, 1)),
        worn=float(chance.choice([0, 0, 0.2, 0.4])),
    )


def save_variants(folder: Path) -> int:
    """Writes them all with their truth; returns how many."""
    made = [sample.save(folder / path) for path, sample in variants()]
    return len(made)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sample_docs.make.variants", description="Make more documents to calibrate confidence on."
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="output folder")
    out = parser.parse_args().out
    print(f"{save_variants(out)} documents and their truth are in {out}.")


if __name__ == "__main__":
    main()
