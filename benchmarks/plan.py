"""How long it takes to plan a document once its words are read, and how much memory that takes.

    python -m benchmarks.plan [--pages N] [--words N] [--repeat N]

Pages are made up: of three, two are prose and one is a table, all of them full. Planned for Gemma 4 26B A4B's context:

    seconds_1000_pages   CPU seconds to plan 1,000 pages (of however many are planned); the least of the repeats
    mb_per_page          most memory that planning held at a time, by the page, in MiB; the pages themselves left out
    asks, windows        of the plan
    microseconds_a_word  CPU time

A table, then one last line of JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator, Sequence

from model.engine import Limits
from pipeline.plan import Plan, make_plan
from schemas.contract import Contract
from schemas.page import Box, PageText, Word
from schemas.registry import load_contract

LIMITS = Limits(context_tokens=262_144, output_tokens=8192, sees_images=True, understands=True)
LINES = 50
COLUMNS = (0.08, 0.2, 0.62, 0.74, 0.86)  # where the cells of a table begin
WORD = 0.06  # width of a word, of the page


def document(pages: int, words: int) -> list[PageText]:
    choose = random.Random(7)
    return [
        PageText(number, 595, 842, tuple((_table if number % 3 == 0 else _prose)(choose, words)))
        for number in range(1, pages + 1)
    ]


def _prose(choose: random.Random, words: int) -> Iterator[Word]:
    """Lines that are filled, the words four thousandths of the page apart."""
    across = max(1, words // LINES)
    width = min(WORD, 0.84 / across - 0.004)
    for place in range(words):
        line, column = divmod(place, across)
        yield _word(_letters(choose), 0.08 + column * (width + 0.004), line, width)


def _table(choose: random.Random, words: int) -> Iterator[Word]:
    """A date, a text of several words, and three amounts a line."""
    texts = max(1, words // LINES - 4)
    for line in range(LINES):
        yield _word(f"2024-{choose.randint(1, 12):02}-{choose.randint(1, 28):02}", COLUMNS[0], line, WORD)
        for at in range(texts):
            yield _word(_letters(choose), COLUMNS[1] + at * 0.36 / texts, line, 0.3 / texts)
        for column in COLUMNS[2:]:
            yield _word(f"{choose.uniform(1, 9999):,.2f}", column, line, WORD)


def _word(text: str, left: float, line: int, width: float) -> Word:
    top = 0.06 + line * 0.88 / LINES
    return Word(text, Box(left, top, left + width, top + 0.012))


def _letters(choose: random.Random) -> str:
    return "".join(choose.choices("abcdefghijklmnopqrstuvwxyz", k=choose.randint(2, 9)))


def timed(pages: Sequence[PageText], contract: Contract) -> tuple[float, Plan]:
    begun = time.process_time()
    plan = make_plan(pages, contract, LIMITS)
    return time.process_time() - begun, plan


def held(pages: Sequence[PageText], contract: Contract) -> float:
    """MiB at the most, beside the pages."""
    tracemalloc.start()
    make_plan(pages, contract, LIMITS)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--words", type=int, default=500, help="on a page")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args(arguments)
    contract = load_contract("bank_statement")
    pages = document(options.pages, options.words)
    seconds, plan = min((timed(pages, contract) for _ in range(options.repeat)), key=lambda pair: pair[0])
    figures = {
        "pages": options.pages,
        "words": sum(len(page.words) for page in pages),
        "seconds_1000_pages": 1000 * seconds / options.pages,
        "microseconds_a_word": 1e6 * seconds / sum(len(page.words) for page in pages),
        "mb_per_page": held(pages, contract) / options.pages,
        "asks": sum(len(window.slices) for window in plan.windows),
        "windows": len(plan.windows),
    }
    for name, value in figures.items():
        print(f"{name:20} {value:12.4f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
