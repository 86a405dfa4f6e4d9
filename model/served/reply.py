"""A reply as it comes over the wire, and what becomes of it: an answer, whole or said not to be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from model.engine import Answer, Finish
from model.grammar.free import parse_free_json
from model.grammar.leaves import leaf_logprobs
from model.grammar.loops import MOST_ROWS, LoopWatch
from model.served.neutral import restored
from model.served.request import Draft
from schemas.errors import AnswerError

MOST_BYTES_A_TOKEN = 64  # of a token's text; a reply that is longer comes from a server that does not count
_FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length", "content_filter": "refused"}
_ATOM = re.compile(r"\d|[^\W\d]{1,8}|\s|[^\w\s]|_")
_THOUGHT = re.compile(r"\s*(?:<think>|<\|channel>)(?P<thought>.*?)(?:</think>|<channel\|>)", re.DOTALL)


class Reading:
    """Takes the events of one reply. most: tokens that it may have. rows: see `LoopWatch`.

    finish: empty while the reply is not over.
    """

    def __init__(self, most: int, rows: int = MOST_ROWS) -> None:
        self.finish: Finish | Literal[""] = ""
        self.prompt_tokens, self.output_tokens = 0, 0
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._pieces: list[tuple[bytes, float]] = []
        self._left = most * MOST_BYTES_A_TOKEN
        self._atoms = Atoms(rows)

    @property
    def text(self) -> str:
        return _mended("".join(self._texts))

    @property
    def thought(self) -> str:
        return _mended("".join(self._thoughts))

    def feed(self, event: Mapping[str, Any]) -> bool:
        """Whether no more is wanted: it goes in circles, or does not end."""
        self._count(event.get("usage"))
        for choice in _objects(event.get("choices"))[:1]:
            said = choice.get("delta") or choice.get("message") or {}
            self._take(said if isinstance(said, dict) else {}, choice.get("logprobs"))
            self._end(choice.get("finish_reason"))
        return self.finish == "loop" or self._left < 0

    def pieces(self) -> tuple[list[bytes], list[float]] | None:
        """The tokens that wrote the text, and their log-probabilities; None where they are not those of the text.

        Servers also tell of tokens before and after it: of a thought, of the end of the turn.
        """
        text, joined = self.text.encode("utf-8", errors="replace"), b"".join(piece for piece, _ in self._pieces)
        at, begin = joined.rfind(text), 0
        if at < 0 or not text:
            return None
        found: list[tuple[bytes, float]] = []
        for piece, logprob in self._pieces:
            own = piece[max(0, at - begin) : max(0, at + len(text) - begin)]
            begin += len(piece)
            if own:
                found.append((own, logprob))
        return [piece for piece, _ in found], [logprob for _, logprob in found]

    def _take(self, said: Mapping[str, Any], logprobs: Any) -> None:
        text, thought = (_text(said.get(name)) for name in ("content", "reasoning_content"))
        thought = thought or _text(said.get("reasoning"))
        self._left -= len(text) + len(thought)
        self._texts += [text] if text else []
        self._thoughts += [thought] if thought else []
        if _text(said.get("refusal")):
            self.finish = "refused"
        if (text or not thought) and isinstance(logprobs, dict):
            self._pieces += _logged(logprobs.get("content"))
        if self._left < 0:
            self.finish = "length"
        elif self._atoms.loops(thought or text):
            self.finish = "loop"

    def _end(self, reason: Any) -> None:
        if reason and not self.finish:
            self.finish = _FINISHES.get(str(reason), "invalid")

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self.prompt_tokens = _number(usage.get("prompt_tokens")) or self.prompt_tokens
            self.output_tokens = _number(usage.get("completion_tokens")) or self.output_tokens


class Atoms:
    """Watches a text for loops, in parts about as large as tokens: servers send one token at a time, or several."""

    def __init__(self, rows: int) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._rest = ""
        self._watch = LoopWatch(lambda atoms: "".join(self._names[atom] for atom in atoms), rows)

    def loops(self, text: str) -> bool:
        """Whether it loops, this text included. The last part may still grow, and waits."""
        *whole, self._rest = _ATOM.findall(self._rest + text) or [""]
        for atom in whole:
            number = self._numbers.setdefault(atom, len(self._names))
            if number == len(self._names):
                self._names.append(atom)
            if self._watch.feed(number):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Judged:
    """answer: as far as it got. strays: it is not of the form that was demanded of the server, so that no grammar held
    it. unlogged: log-probabilities were wanted, and none fit it.
    """

    answer: Answer
    strays: bool
    unlogged: bool


def judged(draft: Draft, reading: Reading, *, keep_thoughts: bool, logged: bool) -> Judged:
    """What a reply is worth. `stop` without one whole JSON object in it is `invalid`."""
    text, thought, begin = reading.text, reading.thought, 0
    if not thought and (inline := _THOUGHT.match(text)):  # a server without a parser for thoughts
        thought, begin = inline["thought"], inline.end()
    answer = Answer(
        ask_id=draft.ask.id,
        json_text=text,
        finish=reading.finish or "invalid",
        thought=restored(thought.strip()) if keep_thoughts else "",
        prompt_tokens=reading.prompt_tokens,
        output_tokens=draft.output_tokens + reading.output_tokens,
    )
    if answer.finish != "stop":
        return Judged(answer, strays=False, unlogged=False)
    try:
        found = parse_free_json(text[begin:])
        start, end = begin + found.start, begin + found.end
        pieces = reading.pieces() if logged else None
        whole = replace(
            answer,
            json_text=restored(_encodable(text[start:end], found.data)),
            leaf_logprobs=leaf_logprobs(*pieces, start) if pieces else {},
            cut=draft.generation.guarded(found.data),
        )
    except (AnswerError, ValueError, RecursionError):  # none, half a character, or one without a bottom
        return Judged(replace(answer, finish="invalid"), strays=False, unlogged=False)
    strays = draft.held and (bool(text[begin:start].strip()) or not _fits(found.data, draft.generation.schema))
    return Judged(whole, strays, unlogged=logged and pieces is None)


def _encodable(text: str, data: Any) -> str:
    """Raises ValueError where the JSON escapes a half of a character, which no record can hold."""
    if "\\ud" in text.lower():
        json.dumps(data, ensure_ascii=False).encode()
    return text


def _fits(data: Any, schema: Mapping[str, Any]) -> bool:
    """Whether an object has the very properties that the schema demands."""
    properties = schema.get("properties")
    return not isinstance(properties, Mapping) or data.keys() == properties.keys()


def _logged(content: Any) -> Iterator[tuple[bytes, float]]:
    for token in _objects(content):
        written, logprob = token.get("bytes"), token.get("logprob")
        if isinstance(logprob, int | float):
            yield _written(written, token.get("token")), float(logprob)


def _written(written: Any, token: Any) -> bytes:
    """The bytes of a token: as they are told, else those of its text."""
    try:
        return bytes(written)
    except (TypeError, ValueError):
        return _text(token).encode("utf-8", errors="replace")


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mended(text: str) -> str:
    """The text with halves of characters joined, where servers cut them apart, and replaced, where one is missing."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
