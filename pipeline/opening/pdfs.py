"""What a PDF file holds besides its pages."""

from __future__ import annotations

from typing import Any

MOST_NAMED = 20


def pdf_notes(pdf: Any) -> tuple[str, ...]:
    """pdf: an open PyMuPDF document. What is attached is told by name, and not read."""
    try:
        names = [str(name) for name in pdf.embfile_names()]
    except Exception:  # a name tree that is broken names nothing
        return ()
    if not names:
        return ()
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (f"files are attached to it, which are not read: {', '.join(names[:MOST_NAMED])}{more}.",)
