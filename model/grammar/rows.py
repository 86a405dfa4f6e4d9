"""One row of a batch, token by token: its thought, the marker that ends it, and its reply under a grammar.

Whether the grammar holds is known from what the row was told and from the tokens that it took, and never from a search
for markers in the text: servers that wait for a marker let a reply without one go unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

from model.engine import Finish
from model.grammar.guidance import Grammars

Phase = Literal["start", "thought", "answer", "reply", "free", "over", "astray"]
Part = Literal["marker", "thought", "reply", "end"]
Words = NDArray[np.int32]
"""One bit for each token of the vocabulary, in words of 32; 1 is allowed."""
Note = tuple[float, float]
"""Of a token: the logarithm of its probability among those that the grammar allowed, and of all of these together."""


@dataclass(frozen=True, slots=True)
class Markers:
    """Token ids of the wire format.

    opens, closes: of a thought. calls: begins a call of a tool. pad: what rows that are over get. ends: end a reply.
    """

    opens: int
    closes: int
    calls: int
    pad: int
    ends: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Any, ends: Sequence[int]) -> Markers:
        number = tokenizer.convert_tokens_to_ids
        return cls(
            number("<|channel>"), number("<channel|>"), number("<|tool_call>"), tokenizer.pad_token_id, frozenset(ends)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What one row is held to.

    schema: of the reply; None for a reply that nothing is demanded of. thinks: whether a thought may come first.
    thought_tokens: after so many the thought is closed. may_call: whether a call of a tool may stand for the reply.
    """

    schema: Mapping[str, Any] | None = None
    thinks: bool = False
    thought_tokens: int = 4096
    may_call: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What one row wrote.

    thought, tokens: token ids, without markers and the end. logprobs: for each of `tokens`, the logarithm of its
    probability among the tokens that the grammar allowed. allowed: for each, the logarithm of the probability that the
    model gave to all of these together; their sum is the plain log-probability. finish: `length` for a reply that was
    cut off; nothing is ever added to close it.
    """

    thought: tuple[int, ...]
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    allowed: tuple[float, ...]
    finish: Finish


class Row:
    """Phases: `start`, before anything was said where a thought may come; `thought`; `answer`, before the reply's first
    token; `reply`, under the grammar; `free`, under none; `over`; `astray`, after a token that the grammar forbids,
    which comes from scores that are no numbers.
    """

    def __init__(self, rule: Rule, grammars: Grammars, markers: Markers, thought_open: bool = False) -> None:
        self.rule = rule
        self.markers = markers
        self.ends = frozenset(grammars.tokenizer.eos_tokens)
        self.matcher: LLMatcher | None = grammars.matcher(rule.schema) if rule.schema is not None else None
        self.phase: Phase = "answer" if not rule.thinks else "thought" if thought_open else "start"
        self.taken: list[tuple[int, Part, Note]] = []
        self.seconds = 0.0  # that finding its masks took
        self._matched = False  # whether the grammar took a token

    @property
    def held(self) -> bool:
        """Whether the next token is one that the grammar must allow."""
        return self.matcher is not None and self.phase in ("start", "answer", "reply")

    def take(self, token: int, note: Note = (0.0, 0.0)) -> None:
        part, self.phase = self._step(token)
        self.taken.append((token, part, note))

    def _step(self, token: int) -> tuple[Part, Phase]:
        """(what the token is, the phase after it)."""
        if self.phase in ("over", "astray"):
            return "end", self.phase
        if token == self.markers.pad:
            return "end", "over"
        if self.phase == "thought":
            return ("marker", "answer") if token == self.markers.closes else ("thought", "thought")
        if self.phase == "start" and token == self.markers.opens:
            return "marker", "thought"
        if self.phase in ("start", "answer") and self.rule.may_call and token == self.markers.calls:
            return "reply", "free"
        if self.matcher is None or self.phase == "free":
            return ("end", "over") if token in self.markers.ends else ("reply", "free")
        return self._step_under(self.matcher, token)

    def _step_under(self, matcher: LLMatcher, token: int) -> tuple[Part, Phase]:
        if token in self.ends and matcher.is_accepting():
            return "end", "over"
        if matcher.try_consume_tokens([token]):
            self._matched = True
            return "reply", "reply"
        return "end", "astray"

    def edit(self, words: Words) -> bool:
        """Puts into the row's mask what is not the grammar's; returns whether the mask may forbid anything.

        words: the grammar's mask where the row is `held`, else all ones.
        """
        if self.phase == "thought":
            self._edit_thought(words)
        if self.phase == "start":
            _set(words, [self.markers.opens], self.rule.thought_tokens > 0)
        if self.phase in ("start", "answer") and self.rule.may_call:
            _set(words, [self.markers.calls], True)
        return self.held or self.phase in ("start", "thought")

    def _edit_thought(self, words: Words) -> None:
        """A thought cannot end the reply, and is closed when it gets too long."""
        opened_here = self.taken[:1] and self.taken[0][1] == "marker"
        if len(self.taken) - bool(opened_here) >= self.rule.thought_tokens:
            words[:] = 0
            _set(words, [self.markers.closes], True)
        else:
            _set(words, [*self.markers.ends, self.markers.pad, self.markers.opens], False)

    def finish(self) -> Finish:
        if self.phase == "astray":
            return "invalid"
        if self.matcher is not None and self._matched:
            return "stop" if self.matcher.is_accepting() else "length"
        ended = bool(self.taken) and self.taken[-1][0] in self.markers.ends
        return "stop" if ended else "length"

    def reply(self, looped: bool = False) -> Reply:
        """What it wrote so far. looped: it was ended for repeating itself."""
        said = [(token, note) for token, part, note in self.taken if part == "reply"]
        return Reply(
            thought=tuple(token for token, part, _ in self.taken if part == "thought"),
            tokens=tuple(token for token, _ in said),
            logprobs=tuple(note[0] for _, note in said),
            allowed=tuple(note[1] for _, note in said),
            finish="loop" if looped else self.finish(),
        )


def _set(words: Words, tokens: Sequence[int], allowed: bool) -> None:
    bits = words.view(np.uint32)
    for token in tokens:
        bit = np.uint32(1 << (token & 31))
        bits[token >> 5] = bits[token >> 5] | bit if allowed else bits[token >> 5] & ~bit
