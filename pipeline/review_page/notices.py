"""What a page does not show, and why."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.review_page.choosing import Chosen, ranges
from pipeline.review_page.fields import MOST_FIELDS
from schemas.record import SCHEMA_VERSION, Record


def notices(record: Record, chosen: Chosen, missing: Mapping[int, str], fields_left_out: int) -> list[str]:
    """In whole sentences. missing: why pages have no picture, by number."""
    told = []
    if record.schema_version != SCHEMA_VERSION:
        told.append(f"The record is of version {record.schema_version}, of before version {SCHEMA_VERSION}.")
    if not chosen.shown:
        told.append("No page of the document was read.")
    elif not any(page.words for page in record.document.pages):
        told.append("No word was read in the document.")
    if chosen.left_out:
        told.append(
            f"Not shown, since no field and no issue is about {_them(chosen.left_out)}: {_pages(chosen.left_out)}. "
            "`--all-pages` shows all."
        )
    for why, pages in _by_reason(missing).items():
        told.append(f"Without a picture: {_pages(pages)}: {why}.")
    if fields_left_out:
        told.append(
            f"{fields_left_out} more fields are not listed: a page has {MOST_FIELDS} at most, those in review first. "
            "The record has them all."
        )
    return told


def _by_reason(missing: Mapping[int, str]) -> dict[str, list[int]]:
    reasons: dict[str, list[int]] = {}
    for page, why in missing.items():
        reasons.setdefault(why, []).append(page)
    return reasons


def _pages(pages: list[int] | tuple[int, ...]) -> str:
    return f"page{'' if len(pages) == 1 else 's'} {ranges(pages)}"


def _them(pages: tuple[int, ...]) -> str:
    return "it" if len(pages) == 1 else "them"
