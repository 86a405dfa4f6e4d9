"""Loops: replies that go round in circles are ended soon, tables that repeat are not."""

import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.grammar.loops import MOST_BLANK, MOST_DIGITS, MOST_EMPTY_ROWS, MOST_INLINE, MOST_ROWS, LoopWatch

WORDS = [*'null true 0.00 ":" "," },{ description amount ... '.split(), "  ", "\\n", " | ", "|\\n", "the "]


class Tokens:
    """A tokenizer that takes the longest word it knows, else one character."""

    def __init__(self) -> None:
        self.words: list[str] = list(WORDS)

    def encode(self, text: str) -> list[int]:
        tokens, at = [], 0
        while at < len(text):
            word = max((word for word in WORDS if text.startswith(word, at)), key=len, default=text[at])
            if word not in self.words:
                self.words.append(word)
            tokens.append(self.words.index(word))
            at += len(word)
        return tokens

    def text(self, tokens: Sequence[int]) -> str:
        return "".join(self.words[token] for token in tokens)


def looped_after(text: str, rows: int = MOST_ROWS) -> int | None:
    """How many tokens it took to call it a loop; None where it is none."""
    tokenizer = Tokens()
    watch = LoopWatch(tokenizer.text, rows)
    for count, token in enumerate(tokenizer.encode(text), 1):
        if watch.feed(token):
            return count
    return None


def compact(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


START = '{"title":"Account","rows":['
ROW = compact({"description": "Card payment", "amount": 0.0, "note": None})
ROWS = {
    "forty rows of nought": START + ",".join([compact({"amount": "0.00", "balance": "0.00"})] * 40),
    "forty equal rows": START + ",".join([ROW] * 40),
    "two hundred rows that count up": START
    + ",".join(compact({"id": number, "description": "Card payment", "amount": 0}) for number in range(200)),
    "rows that take turns": START + ",".join([ROW, ROW.replace("0.0", "1.5")] * 40),
    "a table in Markdown": '{"markdown":"' + "| 0.00 | 0.00 | 0.00 |\\n" * 40,
    "one wide row of cells": '{"markdown":"| ' + "0.00 | " * 40,
    "a list of equal texts": '{"skills":[' + ",".join(['"maps"'] * 60),
    "a list of equal numbers": '{"points":[' + ",".join(["0"] * 90),
    "a dotted line": '{"text":"Total ' + "." * 180 + ' 5.00"}',
    "a line to write on": '{"text":"Name ' + "_" * 120,
    "a few empty rows": START + ",".join([compact({"label": None, "value": None})] * 5),
    "equal labels of empty boxes": START + ",".join([compact({"label": "Yes", "checked": False})] * 40),
    "a long number": '{"number":"' + "0" * 30,
    "an indented line": '{"text":"' + "  " * 20 + "x",
}


@pytest.mark.parametrize("text", ROWS.values(), ids=ROWS)
def test_what_pages_hold_is_no_loop(text: str) -> None:
    assert looped_after(text) is None


LOOPS = {
    "blanks": (START + "  " * 500, MOST_BLANK),
    "line breaks within a text": ('{"text":"' + "\\n" * 500, MOST_BLANK),
    "line breaks and blanks": ('{"text":"' + "\\n    " * 500, MOST_BLANK),
    "noughts behind the point": ('{"amount":0.' + "0" * 500, MOST_DIGITS),
    "digits in turn": ('{"number":"' + "123456" * 500, MOST_DIGITS),
    "one phrase": ('{"text":"' + "and so on and the " * 500, 18 * 16),
    "dots": ('{"text":"' + "..." * 500, MOST_INLINE),
    "cells without an end": ('{"markdown":"|' + " 0.00 |" * 500, MOST_INLINE),
    "empty rows": (START + ",".join([compact({"amount": None, "note": None})] * 500), 30 * (MOST_EMPTY_ROWS + 1)),
    "the same row for ever": (START + ",".join([ROW] * 500), len(ROW) * (MOST_ROWS + 1)),
    "the same three rows for ever": (
        START + ",".join([compact({"note": note}) for note in ("one", "two", "three")] * 500),
        17 * (MOST_ROWS + 4),
    ),
    "the same line of Markdown for ever": ('{"markdown":"' + "| 0.00 | 0.00 |\\n" * 500, 12 * (MOST_ROWS + 1)),
}


@pytest.mark.parametrize(("text", "most"), LOOPS.values(), ids=LOOPS)
def test_loops_are_ended_soon(text: str, most: int) -> None:
    count = looped_after(text)
    assert count is not None and count <= most + len(START)


def test_a_page_with_few_lines_allows_few_equal_rows() -> None:
    text = START + ",".join([ROW] * 40)
    assert looped_after(text, rows=12) is not None
    assert looped_after(text, rows=41) is None


def test_it_stays_looped() -> None:
    tokenizer = Tokens()
    watch = LoopWatch(tokenizer.text)
    for token in tokenizer.encode("  " * 100 + "and then something else"):
        watch.feed(token)
    assert watch.looped


@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_any_block_that_repeats_for_long_is_found_wherever_it_begins(seed: int, period: int, lead: int) -> None:
    choose = random.Random(seed)
    letters = [chr(code) for code in range(97, 123)]
    text = "".join(choose.choices(letters, k=lead))
    block = "".join(choose.choices(letters, k=period))
    watch = LoopWatch(lambda tokens: "".join(map(chr, tokens)))
    for char in text + block * 20 + block[: period // 2] + "x" * 200:
        watch.feed(ord(char))
    assert watch.looped
    assert not _loops(text + block * 2)


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_text_without_rounds_is_no_loop(seed: int) -> None:
    choose = random.Random(seed)
    assert not _loops("".join(choose.choices("abcdefgh ", k=1500)))


def _loops(text: str) -> bool:
    watch = LoopWatch(lambda tokens: "".join(map(chr, tokens)))
    return any(watch.feed(ord(char)) for char in text)
