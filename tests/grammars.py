"""What tests of constrained replies share: the tiny tokenizer's grammars, and replies drawn at random under a mask."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import llguidance.numpy
import numpy as np
import torch
from llguidance import LLMatcher
from transformers import LogitsProcessor

from model.grammar.constraint import Constraint, Masked
from model.grammar.guidance import Grammars, raise_if_broken
from model.grammar.rows import Markers, Reply, Row, Rule
from tests.tiny_gemma import tiny_config, tiny_tokenizer


@cache
def tokenizer() -> Any:
    return tiny_tokenizer()


@cache
def grammars() -> Grammars:
    return grammars_of(tokenizer())


def grammars_of(tokenizer: Any) -> Grammars:
    vocabulary = tiny_config(tokenizer).text_config.vocab_size
    return Grammars.of(tokenizer, vocabulary, [1, tokenizer.convert_tokens_to_ids("<turn|>")])


def allowed(matcher: LLMatcher) -> list[int]:
    """The tokens that may come next."""
    mask = llguidance.numpy.allocate_token_bitmask(1, grammars().tokenizer.vocab_size)
    llguidance.numpy.fill_next_token_bitmask(matcher, mask)
    raise_if_broken(matcher)
    return [int(token) for token in np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))]


def drawn(schema: Any, seed: int, most: int = 4000, hurry: float = 0.3) -> tuple[str, bool]:
    """A reply drawn token by token, and whether it is whole. hurry: how often what closes is taken where it may be."""
    choose, matcher, tokens = random.Random(seed), grammars().matcher(schema), list[int]()
    closers = {token for text in ('"', "}", "]", "null", ",") for token in grammars().tokenizer.tokenize_str(text)}
    while not matcher.is_accepting() and len(tokens) < most:
        options = allowed(matcher)
        closing = [token for token in options if token in closers]
        token = choose.choice(closing if closing and choose.random() < hurry else options)
        assert matcher.consume_token(token)
        tokens.append(token)
    return b"".join(grammars().pieces(tokens)).decode("utf-8", errors="replace"), matcher.is_accepting()


class Constrained(LogitsProcessor):  # type: ignore[misc]  # transformers is not typed
    """A constraint in transformers' own `generate`, which tells what it chose one call later, and drops no row."""

    def __init__(self, rules: list[Rule], markers: Markers) -> None:
        self.constraint = Constraint(grammars())
        self.rules, self.markers = rules, markers
        self.rows: list[Row] = []
        self.masked: Masked | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._follow(input_ids)
        self.masked = self.constraint.mask(self.rows, scores)
        return self.masked.scores

    def replies(self, sequences: torch.Tensor) -> tuple[Reply, ...]:
        self._follow(sequences)
        return tuple(row.reply() for row in self.rows)

    def _follow(self, input_ids: torch.Tensor) -> None:
        if self.masked is None:
            opened = (input_ids[:, -1] == self.markers.opens).tolist()
            self.rows = [
                Row(rule, grammars(), self.markers, begun) for rule, begun in zip(self.rules, opened, strict=True)
            ]
        else:
            self.constraint.take(self.rows, self.masked, input_ids[:, -1])
