"""What tests of constrained replies share: the tiny tokenizer's grammars, and replies drawn at random under a mask."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import llguidance.numpy
import numpy as np
from llguidance import LLMatcher

from model.grammar.guidance import Grammars, raise_if_broken
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
