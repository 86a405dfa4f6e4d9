"""Small real PDFs for tests, made on the spot."""

from __future__ import annotations

from pathlib import Path

import pymupdf


def write_invoice(path: Path, number: str = "INV-1", total: str = "12.50", password: str = "") -> Path:
    """One page that says what an invoice must say; encrypted where there is a password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pdf = pymupdf.open()
    page = pdf.new_page()
    for line, text in enumerate(
        ["Invoice", f"Invoice number: {number}", "Invoice date: 2026-01-02", f"Total: {total} EUR"]
    ):
        page.insert_text((72, 72 + 24 * line), text)
    locked = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "user_pw": password} if password else {}
    pdf.save(path, **locked)
    pdf.close()
    return path


def write_invoices(folder: Path, count: int) -> list[Path]:
    return [write_invoice(folder / f"{number:03}.pdf", f"INV-{number}", f"{number}.50") for number in range(count)]
