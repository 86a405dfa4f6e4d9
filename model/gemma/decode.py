"""Writing: the most likely token after the next, for a batch of prompts that were read already.

Greedy on purpose: the checkpoint's own settings would sample. A row ends with a stop token, its limit, or when whoever
watches it says so. It then leaves the batch, and the next that waits takes its place: rows of unequal lengths do not
wait for one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeVar

import torch
from transformers import DynamicCache

from model.engine import Finish
from model.gemma.cache import merged, only, shared_length
from model.gemma.masks import Masks, of_span, of_step
from model.gemma.prefill import logits_of

DRAFT = 8  # tokens guessed at a time
KEY = 3  # tokens that must have come before for what came after them to be a guess

Subject = TypeVar("Subject")


@dataclass(slots=True, eq=False)
class Row(Generic[Subject]):
    """One prompt that was read, and what is written after it.

    subject: what the row is about, to whoever has it written. cache: of one sequence; the batch takes it apart. logits:
    of the next token, (vocabulary,). most: tokens that may be written. source: the prompt's tokens, from which what
    comes next can be guessed. ends: told each token, says whether it is the last, and how that came.
    """

    subject: Subject
    cache: DynamicCache
    logits: torch.Tensor
    most: int
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


Chooser = Callable[[Sequence[Row[Subject]], torch.Tensor], Sequence[int]]
"""The next token of each row, from their scores, (rows, vocabulary). Rows come and go between calls."""


@torch.inference_mode()
def decode(
    model: Any,
    waiting: Callable[[], Row[Subject] | None],
    choose: Chooser[Subject],
    stops: frozenset[int],
    *,
    most_rows: int,
    draft: int = DRAFT,
) -> Iterator[Row[Subject]]:
    """Writes rows, at most `most_rows` at a time, and gives each as soon as it has ended.

    waiting: reads and gives the next row, None when there is none for now; it is asked whenever there is room, also
    after a row was given. The rows' caches are branches of one trunk, or of none. stops: tokens that end a row. draft:
    how many tokens of a row that is alone are guessed from its source and checked in one run, 0 for none; what is
    written does not depend on it.
    """
    batch = _Batch(model, choose, stops, draft)
    while True:
        new = list(islice(iter(waiting, None), most_rows - len(batch.rows)))
        yield from batch.admit(new)
        if batch.rows:
            yield from batch.step()
        elif not new:
            return


class _Batch(Generic[Subject]):
    """Rows under way. lengths: tokens of each row that the cache holds, which are all but the last that was chosen."""

    def __init__(self, model: Any, choose: Chooser[Subject], stops: frozenset[int], draft: int) -> None:
        self.model, self.choose, self.stops, self.draft = model, choose, stops, draft
        self.window = model.config.get_text_config().sliding_window
        self.rows: list[Row[Subject]] = []
        self.lengths: list[int] = []
        self.cache: DynamicCache | None = None
        self.guesser: Guesser | None = None  # of the only row

    def admit(self, rows: Sequence[Row[Subject]]) -> list[Row[Subject]]:
        """Gives rows their first token and takes them in; returns those that end with it."""
        if not rows:
            return []
        self._pick(rows, torch.stack([row.logits for row in rows]))
        new = [row for row in rows if row.finish is None]
        self.lengths += [row.cache.get_seq_length() for row in new]
        self.rows += new
        caches = [self.cache] if self.cache is not None else []
        caches += [row.cache for row in new]
        self.cache = caches[0] if len(caches) == 1 else merged(caches) if caches else None
        self.guesser = None
        return [row for row in rows if row.finish is not None]

    def step(self) -> list[Row[Subject]]:
        """Writes one token more of each row, of a single one as many as were guessed; returns rows that ended."""
        if len(self.rows) == 1 and self.draft:
            self._write_guessed(self.rows[0])
        else:
            self._write()
        ended = [row for row in self.rows if row.finish is not None]
        if ended:
            self._keep([place for place, row in enumerate(self.rows) if row.finish is None])
        return ended

    def _keep(self, places: list[int]) -> None:
        self.rows = [self.rows[place] for place in places]
        self.lengths = [self.lengths[place] for place in places]
        self.cache = only(self.cache, places, max(self.lengths)) if places else None
        self.guesser = None

    def _write(self) -> None:
        device = self.model.device
        lengths = torch.tensor(self.lengths, device=device)
        tokens = torch.tensor([row.written[-1:] for row in self.rows], device=device)
        masks = of_step(lengths, min(self.lengths), max(self.lengths), shared_length(self.cache), self.window)
        logits = self._run(tokens, masks, lengths[:, None])[:, -1]
        self.lengths = [length + 1 for length in self.lengths]
        self._pick(self.rows, logits)

    def _write_guessed(self, row: Row[Subject]) -> None:
        """Prompt lookup: what followed the last few tokens where they stood before is checked several tokens at a time.

        Source: https://github.com/apoorvumang/prompt-lookup-decoding
        """
        assert self.cache is not None
        if self.guesser is None:
            self.guesser = Guesser(row.source)
            self.cache.activate_past_recording()
        device, known = self.model.device, self.lengths[0]
        guessed = self.guesser.after(row.written, min(self.draft, row.most - len(row.written) - 1))
        tokens = torch.tensor([[row.written[-1], *guessed]], device=device)
        end = known + tokens.shape[1]
        masks = of_span(known, end, self.window, None, device)
        logits = self._run(tokens, masks, torch.arange(known, end, device=device)[None])[0]
        right = 0
        for place, wanted in enumerate((*guessed, None)):
            self._pick([row], logits[place][None])
            if row.finish is not None or row.written[-1] != wanted:
                break
            right += 1
        self.cache.crop(right - len(guessed))
        self.lengths = [known + 1 + right]

    def _run(self, tokens: torch.Tensor, masks: Masks, positions: torch.Tensor) -> torch.Tensor:
        """The logits after these tokens, (rows, tokens, vocabulary); the cache then holds them."""
        output = self.model.model(
            input_ids=tokens, attention_mask=masks, position_ids=positions, cache=self.cache, use_cache=True
        )
        return logits_of(self.model, output.last_hidden_state)

    def _pick(self, rows: Sequence[Row[Subject]], logits: torch.Tensor) -> None:
        """Gives every row its next token. logits: (rows, vocabulary)."""
        for row, token in zip(rows, self.choose(rows, logits), strict=True):
            row.take(token, self.stops)


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
