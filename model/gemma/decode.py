"""Writing: the most likely token after the next, for a batch of prompts that were read already.

Greedy on purpose: the checkpoint's own settings would sample. A row ends with an end token, its limit, or when whoever
watches it says so; the batch goes on without heed of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from transformers import DynamicCache

from model.engine import Finish
from model.gemma.cache import merged, shared_length
from model.gemma.masks import Masks, of_span, of_step
from model.gemma.prefill import logits_of

DRAFT = 8  # tokens guessed at a time
KEY = 3  # tokens that must have come before for what came after them to be a guess


class Chooser(Protocol):
    """Bends the scores of a batch's next tokens: grammar, thinking. (batch, written so far), (batch, vocabulary)."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor: ...


@dataclass(slots=True, eq=False)
class Row:
    """One prompt that was read, and what is written after it.

    cache: of one sequence. logits: of the next token, (vocabulary,). source: the prompt's tokens, from which what comes
    next can be guessed. ends: whether a text so far is to end here, and how. probabilities: natural logarithms of the
    chosen tokens' under the model's own distribution.
    """

    cache: DynamicCache
    logits: torch.Tensor
    most: int
    source: tuple[int, ...] = ()
    ends: Callable[[Sequence[int]], Finish | None] = lambda written: None
    written: list[int] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    finish: Finish | None = None

    def take(self, token: int, logprob: float, ends: frozenset[int]) -> None:
        """Appends a token and decides whether it was the last."""
        self.written.append(token)
        self.probabilities.append(logprob)
        if token in ends:
            self.finish = "stop"
        else:
            self.finish = self.ends(self.written) or ("length" if len(self.written) >= self.most else None)


@torch.inference_mode()
def decode(model: Any, rows: Sequence[Row], choose: Chooser, ends: frozenset[int], draft: int = DRAFT) -> int:
    """Writes all rows to their ends, and returns how many times the model was run.

    ends: end tokens. draft: how many tokens of a single row are guessed from its source and checked in one run; 0 for
    none. What is written is the same with and without guesses.
    """
    cache = rows[0].cache if len(rows) == 1 else merged([row.cache for row in rows])
    _pick(rows, choose, torch.stack([row.logits for row in rows]), ends)
    if len(rows) == 1 and draft:
        return _write_guessing(model, rows[0], cache, choose, ends, draft)
    return _write(model, rows, cache, choose, ends)


def _write(model: Any, rows: Sequence[Row], cache: DynamicCache, choose: Chooser, ends: frozenset[int]) -> int:
    lengths = torch.tensor([row.cache.get_seq_length() for row in rows], device=model.device)
    longest = cache.get_seq_length()
    shared, window = shared_length(cache), model.config.get_text_config().sliding_window
    steps = 0
    while any(row.finish is None for row in rows):
        tokens = torch.tensor([row.written[-1:] for row in rows], device=model.device)
        masks = of_step(lengths + steps, longest + steps, shared, window)
        states = _run(model, tokens, masks, (lengths + steps)[:, None], cache)
        steps += 1
        _pick(rows, choose, logits_of(model, states[:, -1]), ends)
    return steps


def _write_guessing(
    model: Any, row: Row, cache: DynamicCache, choose: Chooser, ends: frozenset[int], draft: int
) -> int:
    """Prompt lookup: what followed the last few tokens where they stood before is checked several tokens at a time.

    Source: https://github.com/apoorvumang/prompt-lookup-decoding
    """
    cache.activate_past_recording()
    guess, window = Guesser(row.source), model.config.get_text_config().sliding_window
    steps = 0
    while row.finish is None:
        known = cache.get_seq_length()
        guessed = guess.after(row.written, min(draft, row.most - len(row.written) - 1))
        tokens = torch.tensor([[row.written[-1], *guessed]], device=model.device)
        positions = torch.arange(known, known + tokens.shape[1], device=model.device)[None]
        masks = of_span(known, known + tokens.shape[1], window, None, model.device)
        logits = logits_of(model, _run(model, tokens, masks, positions, cache)[0])
        steps += 1
        right = 0
        for place, wanted in enumerate((*guessed, None)):
            _pick([row], choose, logits[place][None], ends)
            if row.finish is not None or row.written[-1] != wanted:
                break
            right += 1
        cache.crop(right - len(guessed))
    return steps


def _run(model: Any, tokens: torch.Tensor, masks: Masks, positions: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    output = model.model(input_ids=tokens, attention_mask=masks, position_ids=positions, cache=cache, use_cache=True)
    states: torch.Tensor = output.last_hidden_state
    return states


def _pick(rows: Sequence[Row], choose: Chooser, logits: torch.Tensor, ends: frozenset[int]) -> None:
    """Gives every row its next token; rows that have ended get their last one again, which nobody reads."""
    longest = max(len(row.written) for row in rows)
    written = torch.tensor([row.written + row.written[-1:] * (longest - len(row.written)) for row in rows])
    chosen = choose(written.to(logits.device), logits.clone()).argmax(-1)
    logprobs = logits.gather(-1, chosen[:, None])[:, 0] - logits.logsumexp(-1)
    for row, token, logprob in zip(rows, chosen.tolist(), logprobs.tolist(), strict=True):
        if row.finish is None:
            row.take(token, logprob, ends)


class Guesser:
    """Finds what followed the same few tokens before, in the prompt and in what was written since."""

    def __init__(self, source: Sequence[int]) -> None:
        self._text = list(source)
        self._written = 0
        self._places: dict[tuple[int, ...], int] = {}
        self._index(KEY)

    def after(self, written: Sequence[int], most: int) -> tuple[int, ...]:
        """At most `most` tokens that may come next; none where these last tokens are new."""
        begun = len(self._text)
        self._text.extend(written[self._written :])
        self._written = len(written)
        self._index(max(KEY, begun))
        place = self._places.get(tuple(self._text[-KEY:]))
        if place is None:
            return ()
        follows = self._text[place : place + max(0, most)]
        for missing in range(most - len(follows)):  # the text ends here: it goes on as it did since that place
            follows.append(follows[missing])
        return tuple(follows)

    def _index(self, first: int) -> None:
        """Notes what follows the tokens before each place, but the last, which nothing follows yet."""
        for place in range(first, len(self._text)):
            self._places[tuple(self._text[place - KEY : place])] = place
