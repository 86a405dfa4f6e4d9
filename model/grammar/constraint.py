"""The grammar at work: over a whole batch, whose rows each have a rule of their own, or none, and come and go.

It masks and takes notes. It never writes: a reply that the limit cuts off stays cut off, for whatever closed it would
be invented.

Of a chosen token two probabilities are noted. The one among the tokens that the grammar allowed is what
`Reply.logprobs` holds: how sure the model is of a value. In the plain distribution a compact reply looks doubtful
throughout, for a model likes a space after a colon, and that doubt falls on the first token of every value. What is
lost by this is kept beside it, as `Reply.allowed`: how much of its probability the model gave to the allowed tokens
together. Little means that it wanted to write something which the schema has no place for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import llguidance.numpy
import numpy as np
import torch
from torch import Tensor

from model.grammar.guidance import Grammars, raise_if_broken
from model.grammar.rows import Row, Words


class Masked(NamedTuple):
    """The distribution of one step: scores (rows, vocabulary) with -inf where forbidden, the log-sums before, after."""

    scores: Tensor
    plain: Tensor
    allowed: Tensor


class Constraint:
    """Masks the scores of rows and tells them what was chosen. It keeps no row, so that a batch may change.

    seconds, tokens: time that the host spent on finding masks so far, and for how many tokens. Applying them, which a
    GPU does by itself, is not in it.
    """

    def __init__(self, grammars: Grammars) -> None:
        self.seconds = 0.0
        self.tokens = 0
        self._vocabulary = grammars.tokenizer.vocab_size
        self._buffer = self._room(0)
        self._bits = torch.tensor([1 << bit for bit in range(8)], dtype=torch.uint8)

    def choose(self, rows: Sequence[Row], scores: Tensor) -> list[int]:
        """The likeliest token that each row may take; it has then taken it. scores: (rows, vocabulary)."""
        masked = self.mask(rows, scores)
        tokens = masked.scores.argmax(-1)
        self.take(rows, masked, tokens)
        return tokens.tolist()  # type: ignore[no-any-return]

    def mask(self, rows: Sequence[Row], scores: Tensor) -> Masked:
        """scores: (rows, vocabulary), of each row's next token."""
        started = time.perf_counter()
        words, edited = self._fill(rows)
        self._account(rows, started)
        masked = self._put(scores, words, edited) if edited else scores
        return Masked(masked, _log_sum(scores), _log_sum(masked))

    def take(self, rows: Sequence[Row], masked: Masked, tokens: Tensor) -> None:
        """tokens: (rows,), chosen from the scores of `mask`."""
        chosen = masked.scores.gather(1, tokens.to(masked.scores.device).unsqueeze(1)).squeeze(1).float()
        notes = torch.stack((chosen - masked.allowed, masked.allowed - masked.plain), dim=1).tolist()
        started = time.perf_counter()
        for row, token, (among, together) in zip(rows, tokens.tolist(), notes, strict=True):
            self.tokens += row.held
            row.take(token, (among, together))
        self._account(rows, started)

    def _account(self, rows: Sequence[Row], started: float) -> None:
        seconds = time.perf_counter() - started
        self.seconds += seconds
        for row in rows:
            row.seconds += seconds / len(rows)

    def _fill(self, rows: Sequence[Row]) -> tuple[Words, list[int]]:
        """The masks of the next tokens, and the rows whose masks may forbid any."""
        if len(rows) > len(self._buffer):
            self._buffer = self._room(len(rows))
        words: Words = self._buffer[: len(rows)].numpy()
        words.fill(-1)
        for at, row in enumerate(rows):  # one after the other: a mask takes less time than threads take to wake
            if row.held and row.matcher is not None:
                llguidance.numpy.fill_next_token_bitmask(row.matcher, words, at)
                raise_if_broken(row.matcher)
        return words, [at for at, row in enumerate(rows) if row.edit(words[at])]

    def _room(self, rows: int) -> Tensor:
        words = (self._vocabulary + 31) // 32
        return torch.empty((rows, words), dtype=torch.int32, pin_memory=torch.cuda.is_available())

    def _put(self, scores: Tensor, words: Words, rows: Sequence[int]) -> Tensor:
        return self._put_on_device(scores) if scores.is_cuda else _put_on_host(scores, words, rows)

    def _put_on_device(self, scores: Tensor) -> Tensor:
        """An eighth of the bytes crosses; they become bits where the scores are."""
        packed = self._buffer[: len(scores)].to(scores.device, non_blocking=True).view(torch.uint8)
        self._bits = self._bits.to(scores.device)
        forbidden = ((packed.unsqueeze(-1) & self._bits) == 0).view(len(packed), -1)
        return scores.masked_fill(forbidden[:, : scores.shape[1]], -torch.inf)


def _put_on_host(scores: Tensor, words: Words, rows: Sequence[int]) -> Tensor:
    """Writes the smaller part of each row: most tokens are allowed within a text, and hardly any elsewhere."""
    out = scores.clone()
    for at in rows:
        allowed = np.unpackbits(words[at].view(np.uint8), bitorder="little")[: scores.shape[1]]
        if 2 * int(np.count_nonzero(allowed)) > len(allowed):
            out[at, torch.from_numpy(np.flatnonzero(allowed == 0))] = -torch.inf
        else:
            few = torch.from_numpy(np.flatnonzero(allowed))
            out[at] = -torch.inf
            out[at, few] = scores[at, few]
    return out


def _log_sum(scores: Tensor) -> Tensor:
    return torch.logsumexp(scores.float(), dim=-1)
