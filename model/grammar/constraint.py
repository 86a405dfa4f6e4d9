"""The grammar at work: a logits processor over a whole batch, whose rows each have a rule of their own, or none.

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
from collections.abc import Collection, Sequence
from typing import NamedTuple

import llguidance.numpy
import numpy as np
import torch
from torch import Tensor

from model.engine import Finish
from model.grammar.guidance import Grammars, raise_if_broken
from model.grammar.rows import Markers, Reply, Row, Rule, Words


class _Step(NamedTuple):
    """The distribution of one step: masked scores (rows, vocabulary), and per row the log-sums before and after."""

    scores: Tensor
    plain: Tensor
    allowed: Tensor


class Constraint:
    """For one call of `decode`, or of `generate` as a logits processor. Rows keep their order, so not for beams; each
    call sees one token more than the one before, so not for a decoder that takes tokens back.

    seconds, tokens: time that the host spent on finding masks so far, and for how many tokens. Applying them, which a
    GPU does by itself, is not in it.
    """

    def __init__(self, rules: Sequence[Rule], grammars: Grammars, markers: Markers) -> None:
        self.seconds = 0.0
        self.tokens = 0
        self._rules, self._grammars, self._markers = tuple(rules), grammars, markers
        self._rows: list[Row] = []
        self._seen = 0  # tokens of the prompt and the reply
        self._step: _Step | None = None
        self._chosen: list[Tensor] = []  # for each step (2, rows): log-probability among the allowed, and of these
        vocabulary = grammars.tokenizer.vocab_size
        self._buffer = torch.full(
            (len(rules), (vocabulary + 31) // 32), -1, dtype=torch.int32, pin_memory=torch.cuda.is_available()
        )
        self._words: Words = self._buffer.numpy()
        self._bits = torch.tensor([1 << bit for bit in range(8)], dtype=torch.uint8)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """input_ids: (rows, prompt and reply); scores: (rows, vocabulary), come back with -inf where forbidden."""
        self._follow(input_ids)
        started = time.perf_counter()
        edited = self._fill()
        self.seconds += time.perf_counter() - started
        masked = self._put(scores, edited) if edited else scores
        self._step = _Step(masked, _log_sum(scores), _log_sum(masked))
        return masked

    def replies(self, sequences: Tensor, looped: Collection[int] = ()) -> tuple[Reply, ...]:
        """What every row wrote, once. sequences: prompt and reply. looped: rows that were ended for repeating."""
        self._follow(sequences)
        notes = torch.stack(self._chosen).cpu().tolist() if self._chosen else []
        return tuple(
            _reply(row, [(step[0][at], step[1][at]) for step in notes], "loop" if at in looped else row.finish())
            for at, row in enumerate(self._rows)
        )

    def _follow(self, input_ids: Tensor) -> None:
        """Brings the rows to where the batch is: one token further, but for the first time."""
        if self._step is None:
            self._rows = [
                Row(rule, self._grammars, self._markers, self._thought_open(ids) if rule.thinks else False)
                for rule, ids in zip(self._rules, input_ids, strict=True)
            ]
        else:
            assert input_ids.shape[1] == self._seen + 1, "each call sees one token more"
            self._take(input_ids[:, -1], self._step)
        self._seen = input_ids.shape[1]

    def _thought_open(self, ids: Tensor) -> bool:
        """Whether the prompt itself opens the thought, as some copies of the chat template have it."""
        marks = ids[(ids == self._markers.opens) | (ids == self._markers.closes)]
        return bool(len(marks)) and int(marks[-1]) == self._markers.opens

    def _take(self, tokens: Tensor, step: _Step) -> None:
        """tokens: (rows,), chosen from the step's distribution."""
        started = time.perf_counter()
        for row, token in zip(self._rows, tokens.tolist(), strict=True):
            self.tokens += row.held
            row.take(token)
        self.seconds += time.perf_counter() - started
        chosen = step.scores.gather(1, tokens.to(step.scores.device).unsqueeze(1)).squeeze(1).float()
        self._chosen.append(torch.stack((chosen - step.allowed, step.allowed - step.plain)))

    def _fill(self) -> list[int]:
        """Finds the masks of the next tokens; returns the rows whose masks may forbid any."""
        held = [(row.matcher, at) for at, row in enumerate(self._rows) if row.held]
        self._words.fill(-1)
        for matcher, at in held:  # one after the other: a mask takes less time than threads take to wake on a busy host
            llguidance.numpy.fill_next_token_bitmask(matcher, self._words, at)
            raise_if_broken(matcher)
        return [at for at, row in enumerate(self._rows) if row.edit(self._words[at])]

    def _put(self, scores: Tensor, rows: Sequence[int]) -> Tensor:
        return self._put_on_device(scores) if scores.is_cuda else _put_on_host(scores, self._words, rows)

    def _put_on_device(self, scores: Tensor) -> Tensor:
        """An eighth of the bytes crosses; they become bits where the scores are."""
        packed = self._buffer.to(scores.device, non_blocking=True).view(torch.uint8)
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


def _reply(row: Row, notes: Sequence[tuple[float, float]], finish: Finish) -> Reply:
    said = [(token, part, note) for (token, part), note in zip(row.taken, notes, strict=True)]
    reply = [(token, note) for token, part, note in said if part == "reply"]
    return Reply(
        thought=tuple(token for token, part, _ in said if part == "thought"),
        tokens=tuple(token for token, _ in reply),
        logprobs=tuple(note[0] for _, note in reply),
        allowed=tuple(note[1] for _, note in reply),
        finish=finish,
    )
