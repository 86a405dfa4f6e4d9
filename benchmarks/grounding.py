"""How fast and how well values are tied to the words that state them.

    python -m benchmarks.grounding              # 2,000 leaves against 300 pages of 150,000 words
    python -m benchmarks.grounding --truth DIR  # the true values of documents with their truth beside them

The first makes a document of bank movements between lines of text, and grounds 496 of its movements, each of four
values (the day, the text, the amount, the balance), and 16 values that stand once. Values are given as an engine
normalises them: days in ISO 8601, amounts as numbers. One text in twenty is misread on the page, one row in fifty is
not on it. `seconds` is CPU time from words to evidence, the first time in the process but for the names of the months,
which it loads once for all documents; `peak_mb` the process's memory then, the words included; `ratio_naive` how many
times longer it takes to look for each value's text on every page with `rapidfuzz.fuzz.partial_ratio_alignment`,
measured on every fiftieth leaf and multiplied. `right` is the share of the values on the page whose evidence is on the
right line, `unfounded` how many of those not on it have evidence.

The second grounds the truth's own values with no help of an engine and compares the places with the truth's, as
`pipeline.score` does: F1 at word level (IoU 0.5) and at page level. The last line is one JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from benchmarks.accuracy import all_cases
from model.values.dates import month_names
from pipeline.document import open_document
from pipeline.ground import ground
from pipeline.read import read_pages
from pipeline.scoring.places import Place, same_page, same_place, truth_places
from pipeline.scoring.tally import Grounding
from pipeline.serving import contract_of
from pipeline.truth import TRUTH, Case
from schemas.errors import UsageError
from schemas.field import field_tree
from schemas.page import Box, PageText, Word
from schemas.pointer import leaves

PAGES, WORDS_A_PAGE, ROWS, SINGLE = 300, 500, 496, 16
MISREAD, LACKING, SAMPLED = 20, 50, 50
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SCHEMA = {
    "type": "object",
    "properties": {
        "reference": {"type": "array", "items": {"type": "string", "format": "identifier"}},
        "movements": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "date": {"type": "string", "format": "date"},
                    "description": {"type": "string"},
                    "amount": {"type": "number", "format": "money"},
                    "balance": {"type": "number", "format": "money"},
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class Made:
    """A document of known values. lines: for each pointer into the data, (page, top) of the line that states it."""

    pages: list[PageText]
    data: dict[str, Any]
    lines: dict[str, tuple[int, float]]


def make(seed: int = 11) -> Made:
    draw = random.Random(seed)
    vocabulary = ["".join(draw.choices(LETTERS, k=draw.randint(2, 10))) for _ in range(9000)]
    pages, movements, references = [], [], []
    day = date(2019, 1, 1)
    for number in range(1, PAGES + 1):
        words: list[Word] = []
        top = 0.05
        while len(words) < WORDS_A_PAGE:
            texts = [draw.choice(vocabulary) for _ in range(draw.randint(8, 12))]
            if draw.random() < 0.5:
                day += timedelta(days=draw.random() < 0.3)
                row = _movement(day, draw, vocabulary)
                texts = _printed(row, draw)
                movements.append((row, number, top))
            elif draw.random() < 0.05:
                references.append((f"{draw.randint(10**7, 10**8)}-{draw.choice(vocabulary)}", number, top))
                texts[3] = references[-1][0]
            words += _line(texts, top)
            top += 0.015
        pages.append(PageText(number, 612, 792, tuple(words)))
    return _chosen(pages, movements, references, draw)


def _movement(day: date, draw: random.Random, vocabulary: list[str]) -> dict[str, Any]:
    return {
        "date": day.isoformat(),
        "description": " ".join(draw.choice(vocabulary).upper() for _ in range(draw.randint(2, 6))),
        "amount": draw.randint(100, 9_999_999) / 100,
        "balance": draw.randint(100, 99_999_999) / 100,
    }


def _printed(row: dict[str, Any], draw: random.Random) -> list[str]:
    year, month, day = row["date"].split("-")
    text = row["description"]
    if draw.randrange(MISREAD) == 0:
        place = draw.randrange(len(text))
        text = text[:place] + draw.choice(LETTERS) + text[place + 1 :]
    return [f"{day}.{month}.{year}", *text.split(), f"{row['amount']:,.2f}", f"{row['balance']:,.2f}"]


def _line(texts: list[str], top: float) -> list[Word]:
    words, left = [], 0.08
    for text in texts:
        words.append(Word(text, Box(left, top, left + 0.006 * len(text), top + 0.011)))
        left += 0.006 * (len(text) + 1)
    return words


def _chosen(pages: list[PageText], movements: list[Any], references: list[Any], draw: random.Random) -> Made:
    rows, lines = [], {}
    for place, at in enumerate(sorted(draw.sample(range(len(movements)), ROWS))):
        row, page, top = movements[at]
        if place % LACKING == LACKING - 1:
            row = {"date": "1999-01-01", "description": "nowhere to be seen", "amount": 0.17, "balance": 0.19}
        else:
            lines.update({f"/movements/{place}/{name}": (page, top) for name in row})
        rows.append(row)
    named = draw.sample(references, SINGLE)
    lines.update({f"/reference/{place}": (page, top) for place, (_, page, top) in enumerate(named)})
    return Made(pages, {"reference": [text for text, _, _ in named], "movements": rows}, lines)


def speed() -> dict[str, Any]:
    made, root = make(), field_tree(SCHEMA)
    month_names()
    begun = time.process_time()
    evidence = ground(made.data, made.pages, {}, root)
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    right = sum(
        any((item.page, round(item.box.y0, 4)) == (page, round(top, 4)) for item in evidence[pointer])
        for pointer, (page, top) in made.lines.items()
    )
    unfounded = [pointer for pointer, items in evidence.items() if items and pointer not in made.lines]
    naive = _naive(made)
    return {
        "leaves": len(evidence),
        "words": sum(len(page.words) for page in made.pages),
        "seconds": round(seconds, 3),
        "peak_mb": round(peak),
        "naive_seconds": round(naive, 1),
        "ratio_naive": round(naive / seconds),
        "right": round(right / len(made.lines), 4),
        "unfounded": len(unfounded),
    }


def _naive(made: Made) -> float:
    """CPU seconds that a scan of every page for every leaf takes, from a sample of the leaves."""
    texts = [" ".join(word.text for word in page.words) for page in made.pages]
    values = [str(value) for _, value in leaves(made.data)]
    begun = time.process_time()
    for value in values[::SAMPLED]:
        for text in texts:
            fuzz.partial_ratio_alignment(value, text)
    return (time.process_time() - begun) * len(values) / len(values[::SAMPLED])


def accuracy(folder: Path) -> dict[str, Any]:
    total = Grounding()
    for case in all_cases(folder, None):
        if not case.fails and case.evidence:
            found = _grounding(case)
            print(f"{case.path.name:40}{found.located:6}{found.word_f1:8.3f}{found.page_f1:8.3f}")
            total = Grounding(*(getattr(total, name) + getattr(found, name) for name in total.__slots__))
    return {
        "leaves": total.located,
        "without_evidence": total.located - total.cited,
        "word_f1": round(total.word_f1, 4),
        "page_f1": round(total.page_f1, 4),
    }


def _grounding(case: Case) -> Grounding:
    with open_document(case.path) as document:
        pages = list(read_pages(document))
    evidence = ground(case.truth, pages, {}, contract_of(case.schema).root)
    pairs = [
        (places, tuple(Place(item.page, item.box) for item in evidence.get(pointer, ())))
        for pointer, places in truth_places(case.evidence).items()
    ]
    return Grounding(
        located=len(pairs),
        cited=sum(bool(found) for _, found in pairs),
        same_word=sum(same_place(places, found) for places, found in pairs),
        same_page=sum(same_page(places, found) for places, found in pairs),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.grounding", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--truth", type=Path, metavar="DIR", help=f"documents with x{TRUTH} beside x.pdf")
    options = parser.parse_args(arguments)
    try:
        figures = accuracy(options.truth) if options.truth else speed()
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for name, figure in figures.items():
        print(f"{name:20}{figure:>12}")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
