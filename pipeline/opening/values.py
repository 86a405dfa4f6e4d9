"""Limits of tables that are the same for all kinds of them."""

from __future__ import annotations

from schemas.errors import DocumentTooLarge

MOST_CELLS = 2_000_000  # of one file: some 10,000 pages


def check_cells(count: int, uri: str) -> None:
    """Raises DocumentTooLarge."""
    if count > MOST_CELLS:
        raise DocumentTooLarge(
            f"it has over {MOST_CELLS:,} cells.", document=uri, remedy="Split it into several files."
        )
