"""Gemma 4's tool calls: `<|tool_call>call:zoom{box:[0,0,500,250],page:3}<tool_call|>`.

It is not JSON: keys are bare, strings stand between `<|"|>`, hold any characters and have no escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from model.gemma.processor import CALL_CLOSE, CALL_OPEN, QUOTE

DEEPEST = 16  # nested lists and maps; the calls that we declare need one

_NAME = re.compile(r"\s*call:\s*([\w.-]+)\s*")
_KEY = re.compile(r"\s*([\w.-]+)\s*:")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?")
_BARE = re.compile(r"[^,\[\]{}<]*")
_WORDS = {"true": True, "false": False, "null": None, "none": None}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What the model asks for. Values are texts, numbers, booleans, None, lists and maps."""

    name: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={value!r}' for key, value in self.arguments.items())})"


@dataclass(frozen=True, slots=True)
class BadCall:
    """A call that cannot be read, and why. `name` is empty where not even that can."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}(?): {self.reason}"


class _Malformed(Exception):
    pass


def read_calls(text: str) -> tuple[ToolCall | BadCall, ...]:
    """The tool calls in what a model wrote, in order, up to the first that is malformed or cut off: a `BadCall`."""
    calls: list[ToolCall | BadCall] = []
    reader = _Reader(text)
    while reader.skip_to(CALL_OPEN):
        name = ""
        try:
            name = reader.taken(_NAME, "a call begins with `call:` and the tool's name")
            arguments = reader.map(0)
            reader.expect(CALL_CLOSE)
        except _Malformed as error:
            return (*calls, BadCall(name, str(error)))
        calls.append(ToolCall(name, arguments))
    return tuple(calls)


class _Reader:
    """Reads a text from left to right. Its methods raise _Malformed, saying what was expected."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip_to(self, what: str) -> bool:
        found = self.text.find(what, self.at)
        self.at = found + len(what)
        return found >= 0

    def peek(self, what: str) -> bool:
        """Whether `what` comes next, blank space aside."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        return self.text.startswith(what, self.at)

    def expect(self, what: str) -> None:
        if not self.peek(what):
            found = self.text[self.at : self.at + 12]
            raise _Malformed(f"`{what}` is expected before {found!r}" if found else f"it ends before its `{what}`")
        self.at += len(what)

    def taken(self, pattern: re.Pattern[str], otherwise: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise _Malformed(otherwise)
        self.at = found.end()
        return found[1]

    def map(self, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}

        def entry() -> None:
            key = self.string() if self.peek(QUOTE) else ""
            if key:
                self.expect(":")
            else:
                key = self.taken(_KEY, "an argument is a name, a colon and a value")
            entries[key] = self.value(depth)

        self.between("{", entry, "}")
        return entries

    def list(self, depth: int) -> list[Any]:
        entries: list[Any] = []
        self.between("[", lambda: entries.append(self.value(depth)), "]")
        return entries

    def between(self, begin: str, entry: Callable[[], None], end: str) -> None:
        """Entries with commas between them; none at all is fine."""
        self.expect(begin)
        if not self.peek(end):
            entry()
            while self.peek(","):
                self.expect(",")
                entry()
        self.expect(end)

    def value(self, depth: int) -> Any:
        if depth >= DEEPEST:
            raise _Malformed(f"lists and maps are nested more than {DEEPEST} deep")
        if self.peek(QUOTE):
            return self.string()
        if self.peek("["):
            return self.list(depth + 1)
        return self.map(depth + 1) if self.peek("{") else self.bare()

    def string(self) -> str:
        self.expect(QUOTE)
        begin = self.at
        if not self.skip_to(QUOTE):
            raise _Malformed(f"a text ends with `{QUOTE}`")
        return self.text[begin : self.at - len(QUOTE)]

    def bare(self) -> Any:
        """A number, true, false or null; any other word is taken for a text whose quotes were left out."""
        found = _BARE.match(self.text, self.at)
        word = found[0].strip() if found else ""
        if not word:
            raise _Malformed("an argument has no value")
        self.at += len(found[0]) if found else 0
        if word.lower() in _WORDS:
            return _WORDS[word.lower()]
        if _NUMBER.fullmatch(word):
            return int(word) if word.lstrip("-").isdigit() else float(word)
        return word
