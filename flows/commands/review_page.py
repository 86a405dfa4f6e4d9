"""`intaglio show --html`: a record and its document's pages as one page of HTML."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from flows.terminal import console, plain
from pipeline.addresses import is_url
from pipeline.opening.within import way_into
from pipeline.records import read_record
from pipeline.redaction import NOTHING, Redaction
from pipeline.review_page.choosing import Chosen, choose_pages
from pipeline.review_page.page import review_page
from pipeline.review_page.pictures import Pictures, Wanted, make_pictures
from pipeline.sinks import write_atomically
from schemas.errors import OutputUnwritable, UsageError
from schemas.record import Record


def run(
    path: Path,
    file: Path | None,
    document: str,
    passwords: tuple[str, ...],
    seconds: float,
    redaction: Redaction = NOTHING,
    *,
    every: bool,
    quiet: bool = False,
    with_images: bool = True,
) -> int:
    """Writes the page and prints where it is; returns the exit code.

    file: by default the record's, named `.html`. document: where it is, if not where the record says. seconds: that
    its pictures may take. every: whether all its pages are shown. quiet: whether nothing is printed. with_images:
    whether with pictures; what is redacted they would show, so that there are none then.
    """
    record = read_record(path)
    target = file or path.with_suffix(".html")
    _check_free(target, (path, Path(document or record.document.uri)))
    chosen = choose_pages(record, every)
    if redaction or not with_images:
        why = "a picture would show what is redacted" if redaction else "left out, as --no-images wants it"
        pictures = Pictures({}, dict.fromkeys(chosen.shown, why))
    else:
        pictures = _pictures(record, chosen, document, passwords, seconds)
    write_atomically(target, review_page(redaction.record(record), chosen, pictures.made, pictures.missing))
    if quiet:
        return 0
    screen = console()
    for why in dict.fromkeys(pictures.missing.values()):
        screen.print(Text(plain(f"Some pages have no picture: {why}.")), soft_wrap=True)
    screen.print(Text(plain(str(target))), soft_wrap=True)
    return 0


def _check_free(target: Path, kept: tuple[Path, ...]) -> None:
    """Neither the record nor its document may be written over."""
    if any(_is_file(target) and _is_file(path) and target.samefile(path) for path in kept):
        raise OutputUnwritable(f"{target} is what the page is to show.", remedy="Give another file after --html.")


def _pictures(record: Record, chosen: Chosen, document: str, passwords: tuple[str, ...], seconds: float) -> Pictures:
    """Raises DocumentError where the document is there, but not to be opened or not as it was."""
    source = document or record.document.uri
    why = _unavailable(source, named=bool(document)) if chosen.shown else ""
    if why or not chosen.shown:
        return Pictures({}, dict.fromkeys(chosen.shown, why))
    rotations = {page.number: page.rotation for page in record.document.pages}
    pages = {number: _right_angle(rotations.get(number, 0)) for number in chosen.shown}
    origins = {page.number: page.origin for page in record.document.pages if page.origin}
    return make_pictures(Wanted(source, record.document.sha256, pages, passwords, origins), seconds)


def _unavailable(source: str, named: bool) -> str:
    """Why the document is not opened; empty where it is. A record by itself makes nobody fetch anything."""
    if is_url(source):
        return "" if named else "the document is at a URL, and is fetched only if --document names it"
    if _is_file(Path(source)) or way_into(source) is not None:
        return ""
    if named:
        raise UsageError(f"there is no document {source}.", remedy="Name the one that the record was made from.")
    return "the document is no longer where it was read; --document says where it is"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False


def _right_angle(degrees: int) -> int:
    return degrees % 360 if degrees % 90 == 0 else 0
