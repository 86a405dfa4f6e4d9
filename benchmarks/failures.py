"""How replies of language models go wrong at long lists: how often, and what is written then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

DIGITS = "0123456789"
DAYS = [f"{day:02}" for day in range(1, 29)]
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a reply goes wrong. All are chances. They are assumptions, not measured on the model:

    dropped, tired_after, tiring, most_dropped: a row is left out, at first with `dropped`, after `tired_after` rows of
        a reply with `tiring` more for each row, at most with `most_dropped`.
    looping, loop_growth: with each row the reply may begin to go in circles; `loop_growth` is added for each row
        before. Gemma 4 does so under a grammar: 1 of 10 replies on the better of two back ends (vLLM #40080).
    stopped: at the end of each page, the reply ends as if that were all. Lists of 4 or 5 items where there were 17 to
        30, with finish "stop", were seen with this model.
    invented: a row that is printed nowhere follows. misread: one value of a row, or a value that is printed once.
    overshot: one or two rows from just outside of the scope come too; of either end.
    kept_to_scope: of a group that goes on behind the scope, the rest is not given. What `Scope` asks is to give it; the
        other is as likely, and nothing is lost by it.

    With the defaults a short reply is nearly whole, and longer ones fall as this model falls on ExtractBench, from an
    F1 of 80.6 on documents to 10 pages to 40.5 to 50 pages and 12.2 beyond, asked once for everything: at some 20 rows
    a page, one ask brings 0.99 of 100 rows, 0.51 of 400, 0.20 of 1,000 and 0.04 of 5,000 (`benchmarks.slices`).
    """

    dropped: float = 0.001
    tired_after: int = 50
    tiring: float = 0.0008
    most_dropped: float = 0.6
    looping: float = 0.0003
    loop_growth: float = 2e-6
    stopped: float = 0.004
    invented: float = 0.001
    misread: float = 0.002
    overshot: float = 0.1
    kept_to_scope: float = 0.5

    def drops(self, written: int) -> float:
        """The chance that the next row is left out, when so many are written."""
        return min(self.most_dropped, self.dropped + self.tiring * max(0, written - self.tired_after))

    def loops(self, written: int) -> float:
        return self.looping + self.loop_growth * written


PERFECT = Failures(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def misread_row(row: Mapping[str, Any], rng: Random) -> dict[str, Any]:
    """The row with one of its values misread."""
    name = rng.choice([name for name, value in row.items() if value is not None])
    return {**row, name: misread(row[name], rng)}


def misread(value: Any, rng: Random) -> Any:
    """The value with one digit taken for another, a date with another day; a text without digits lacks a letter."""
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    if ISO_DATE.fullmatch(text):
        return text[:8] + rng.choice([day for day in DAYS if day != text[8:]])
    places = [place for place, character in enumerate(text) if character.isdigit()]
    if not places:
        place = rng.randrange(len(text))
        return text[:place] + text[place + 1 :]
    place = rng.choice(places)
    found = text[:place] + rng.choice([digit for digit in DIGITS if digit != text[place]]) + text[place + 1 :]
    return float(found) if isinstance(value, float) else found


def made_up(row: Mapping[str, Any], rng: Random) -> dict[str, Any]:
    """A row like this one that is printed nowhere."""
    amount = next(name for name in ("debit", "credit") if row[name] is not None)
    return {
        **row,
        "description": f"{str(row['description']).split(' ')[0]} {rng.randrange(100_000, 999_999)}",
        "reference": f"X{rng.randrange(100_000, 999_999)}",
        amount: rng.randrange(100_000_00, 900_000_00) / 100,
    }
