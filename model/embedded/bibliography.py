"""Works that a document lists, one after another: citations of a paper, publications of a person.

Two ways of citing are known: `Doe, J. (2024). "Title." Journal, 3, 12-29.` and `J. Doe and A. Roe. Title. In Venue,
2024.`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from model.embedded.lines import Span
from model.embedded.outline import said
from model.embedded.roles import name_words
from model.embedded.rows import Row
from schemas.field import Field

CITED = 0.6  # the confidence in the parts of a citation
IDENTIFIER = re.compile(r"(?i)\barxiv:\s?\d{4}\.\d{4,5}(?:v\d+)?|\b10\.\d{4,9}/[^\s,;]+[^\s,;.]")
_URL = re.compile(r"https?://\S+[^\s.,;)]")
_YEAR = re.compile(r"\b((?:19|20)\d\d)[a-z]?\b")
_DATED = re.compile(
    r"^(?P<authors>.{3,400}?)\s*\((?P<year>(?:19|20)\d\d)[a-z]?(?:, \w+(?: \d+)?)?\)[.,:]?\s*(?P<rest>.+)$"
)
_QUOTED = re.compile(r"^[\"“*_](?P<title>.+?)[\"”*_]+[.,]?\s*(?P<rest>.*)$")
_SENTENCE = re.compile(
    r"(?<![\s.(-][A-Z])(?<!^[A-Z])(?<!\b[a-z])(?<!\beds)(?<!\bvol)(?<!\bpp)(?<!\bno)(?<!\bvs)(?<!\b[JS]r)(?<!\bProc)"
    r"(?<!\bConf)(?<!\bInt)(?<!\bAdv)(?<!\bTrans)[.?!]\s+(?=[A-Za-z\"“0-9(])"
)
_WORDS = {
    "title": frozenset({"title", "name"}),
    "year": frozenset({"year", "date", "published"}),
    "authors": frozenset({"author", "authors"}),
    "venue": frozenset("venue publisher journal publication source conference".split()),
    "identifier": frozenset("id ids doi identifier".split()),
    "url": frozenset("url link uri".split()),
}


@dataclass(frozen=True, slots=True)
class Work:
    """One cited work; what is not told is empty."""

    title: str = ""
    year: str = ""
    authors: str = ""
    venue: str = ""
    identifier: str = ""
    url: str = ""


def work_leaves(node: Field) -> dict[str, Field]:
    """The leaves and lists of a list's items by what they tell of a work; empty where the list is not one of works."""
    if node.item is None or node.item.kind != "object":
        return {}
    found: dict[str, Field] = {}
    for child in node.item.children:
        words = set(name_words(child.name))
        for part, known in _WORDS.items():
            if words & known and part not in found:
                found[part] = child
                break
    return found if found.keys() >= {"title", "year"} and found.keys() & {"authors", "venue"} else {}


def work_rows(node: Field, cited: Sequence[tuple[Span, ...]]) -> list[Row]:
    """A row for each citation of which a title can be told."""
    leaves = work_leaves(node)
    rows = []
    for spans in cited:
        work = parse_work(said(spans))
        if work.title:
            rows.append(_row(leaves, work, spans))
    return rows


def parse_work(text: str) -> Work:
    """The parts of one citation, without its number."""
    dated = _DATED.match(text)
    identifier, url = IDENTIFIER.search(text), _URL.search(text)
    common = {"identifier": identifier[0] if identifier else "", "url": url[0] if url else ""}
    if dated:
        title, rest = _title(dated["rest"])
        authors = re.sub(r"\s*\((?:eds?|hrsg)\.?\)", "", dated["authors"]).strip(" ,")
        return Work(title, dated["year"], authors, _venue(rest), **common)
    parts = [part.strip() for part in _SENTENCE.split(text) if part.strip()]
    years = _YEAR.findall(re.sub(r"(?i)arxiv:\S+|https?://\S+", "", text))
    if len(parts) < 2 or not years:
        return Work()
    venue = _venue(parts[2]) if len(parts) > 2 else ""
    return Work(parts[1].strip(' ."“”'), years[-1], parts[0], venue, **common)


def _title(text: str) -> tuple[str, str]:
    quoted = _QUOTED.match(text)
    if quoted:
        return quoted["title"].strip(" .,"), quoted["rest"]
    parts = _SENTENCE.split(text, maxsplit=1)
    return parts[0].strip(" ."), parts[1] if len(parts) > 1 else ""


def _venue(text: str) -> str:
    """Where a work appeared, up to its volume, its pages or its year."""
    text = re.sub(r"^(?:In:?|URL)\s+", "", text.strip(" *."))
    text = re.split(r"\*|,\s*(?=[\d(]|vol|pp|pages|No)|\.\s|\bURL\b|https?:|\d{1,4}\s*\(", text, maxsplit=1)[0]
    text = text.strip(" ,.*")
    return "" if not any(map(str.isalpha, text)) or re.match(r"(?i)pages\b|pp\b|accessed\b", text) else text


def _row(leaves: dict[str, Field], work: Work, spans: tuple[Span, ...]) -> Row:
    row = Row((spans[0].page, spans[0].line.y0), score=CITED)
    for part, leaf in leaves.items():
        value: object = getattr(work, part)
        if not value:
            continue
        if leaf.item is not None:
            leaf, value = next(iter(leaf.item.leaves())), author_names(str(value))
        elif leaf.kind == "integer":
            value = int(str(value)) if str(value).isdigit() else None
        if value:
            row.values[leaf.pointer] = value
            row.spans[leaf.pointer] = spans
    return row


def author_names(text: str) -> list[str]:
    """The names of a list of authors: `Doe, J., & Roe, A.` and `J. Doe and A. Roe` are two each."""
    text = re.sub(r"\s*(?:,?\s+(?:and|&)|&)\s+", ", ", re.sub(r"(?<=\w\w)\.$", "", text.strip()))
    names = re.findall(r"[^,]+,\s*(?:[A-Z]\.[\s-]?)+(?=,|$)", text)
    if names and sum(map(len, names)) > 0.7 * len(text):
        return [" ".join(name.split()) for name in names]
    return [name.strip() for name in text.split(",") if name.strip() and name.strip() != "et al"]
