"""Writing: the most likely token after the next, for a batch of prompts that were read already.

Greedy on purpose: the checkpoint's own settings would sample. A row ends with a stop token, its limit, or when whoever
watches it says so; the batch goes on until all have ended.
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
    """Bends the scores of a batch's next tokens, as a logits processor of transformers does: grammar, thinking.

    (batch, tokens so far), (batch, vocabulary). The first call sees one token before what is written: `Row.lead`.
    """

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor: ...


@dataclass(slots=True, eq=False)
class Row:
    """One prompt that was read, and what is written after it.

    cache: of one sequence. logits: of the next token, (vocabulary,). most: tokens that may be written. lead: stands for
    the prompt where its tokens are looked at. source: the prompt's tokens, from which what comes next can be guessed.
    ends: told each token, says whether it is the last, and how that came.
    """

    cache: DynamicCache
    logits: torch.Tensor
    most: int
    lead: int = 0
    source: tuple[int, ...] = ()
    ends: Callable[[int], Finish | None] = lambda token: None
    written: list[int] = field(default_factory=list)
    finish: Finish | None = None

    def take(self, token: int, stops: frozenset[int]) -> None:
        """Appends a token and decides whether it was the last."""
        self.written.append(token)
        if token in stops:
            self.finish = "stop"
        else:
            self.finish = self.ends(token) or ("length" if len(self.written) >= self.most else None)


@torch.inference_mode()
def decode(model: Any, rows: Sequence[Row], choose: Chooser, stops: frozenset[int], draft: int = DRAFT) -> torch.Tensor:
    """Writes all rows to their ends, and returns each row's lead and what it wrote: (batch, 1 + longest), padded.

    The caches are branches of one prompt's, or of none. stops: tokens that end a row. draft: how many tokens of a
    single row are guessed from its source and checked in one run, 0 for none; what is written does not depend on it.
    """
    batch = _Batch(model, rows, choose, stops)
    batch.pick(torch.stack([row.logits for row in rows]))
    if len(rows) == 1 and draft:
        _write_guessing(batch, draft)
    else:
        _write(batch)
    return batch.ids


class _Batch:
    """Rows under way. ids: (batch, 1 + written so far), on the CPU; rows that have ended are filled up."""

    def __init__(self, model: Any, rows: Sequence[Row], choose: Chooser, stops: frozenset[int]) -> None:
        text = model.config.get_text_config()
        self.model, self.rows, self.choose, self.stops = model, rows, choose, stops
        self.window, self.pad = text.sliding_window, text.pad_token_id
        self.cache = rows[0].cache if len(rows) == 1 else merged([row.cache for row in rows])
        self.ids = torch.tensor([[row.lead] for row in rows])

    @property
    def under_way(self) -> bool:
        return any(row.finish is None for row in self.rows)

    def run(self, tokens: torch.Tensor, masks: Masks, positions: torch.Tensor) -> torch.Tensor:
        """The logits after these tokens, (batch, tokens, vocabulary); the cache then holds them."""
        output = self.model.model(
            input_ids=tokens, attention_mask=masks, position_ids=positions, cache=self.cache, use_cache=True
        )
        return logits_of(self.model, output.last_hidden_state)

    def pick(self, logits: torch.Tensor) -> None:
        """Gives every row its next token. logits: (batch, vocabulary)."""
        chosen = self.choose(self.ids, logits).argmax(-1).tolist()
        for number, (row, token) in enumerate(zip(self.rows, chosen, strict=True)):
            if row.finish is None:
                row.take(token, self.stops)
            else:
                chosen[number] = self.pad
        self.ids = torch.cat([self.ids, torch.tensor(chosen)[:, None]], dim=1)


def _write(batch: _Batch) -> None:
    device = batch.model.device
    lengths = torch.tensor([row.cache.get_seq_length() for row in batch.rows], device=device)
    longest, shared = batch.cache.get_seq_length(), shared_length(batch.cache)
    while batch.under_way:
        masks = of_step(lengths, longest, shared, batch.window)
        batch.pick(batch.run(batch.ids[:, -1:].to(device), masks, lengths[:, None])[:, -1])
        lengths, longest = lengths + 1, longest + 1


def _write_guessing(batch: _Batch, draft: int) -> None:
    """Prompt lookup: what followed the last few tokens where they stood before is checked several tokens at a time.

    Source: https://github.com/apoorvumang/prompt-lookup-decoding
    """
    device, [row] = batch.model.device, batch.rows
    batch.cache.activate_past_recording()
    guesser = Guesser(row.source)
    while batch.under_way:
        known = batch.cache.get_seq_length()
        guessed = guesser.after(row.written, min(draft, row.most - len(row.written) - 1))
        tokens = torch.tensor([[row.written[-1], *guessed]], device=device)
        positions = torch.arange(known, known + tokens.shape[1], device=device)[None]
        masks = of_span(known, known + tokens.shape[1], batch.window, None, device)
        logits = batch.run(tokens, masks, positions)[0]
        right = 0
        for place, wanted in enumerate((*guessed, None)):
            batch.pick(logits[place][None])
            if row.finish is not None or row.written[-1] != wanted:
                break
            right += 1
        batch.cache.crop(right - len(guessed))


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
