"""Ends the rows of a batch that loop, and only these."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import StoppingCriteria

from model.grammar.guidance import Grammars
from model.grammar.loops import MOST_ROWS, LoopWatch


class LoopStop(StoppingCriteria):  # type: ignore[misc]
    """For one call of `generate`; see `Constraint.replies` for what to do with `looped`.

    rows: for each row of the batch, how many rows that look the same its pages can hold at most.
    """

    def __init__(self, grammars: Grammars, prompt_tokens: int, rows: Sequence[int]) -> None:
        def text(tokens: Sequence[int]) -> str:
            return b"".join(grammars.pieces(tokens)).decode("utf-8", errors="replace")

        self._seen = prompt_tokens
        self._watches = [LoopWatch(text, most or MOST_ROWS) for most in rows]
        self._over: set[int] = set()
        self._ends = frozenset(grammars.tokenizer.eos_tokens)

    @property
    def looped(self) -> frozenset[int]:
        return frozenset(at for at, watch in enumerate(self._watches) if watch.looped)

    def __call__(self, input_ids: Tensor, scores: Tensor | None, **_: object) -> Tensor:
        """input_ids: (rows, prompt and reply so far). Returns which rows are over, (rows,)."""
        for at, tokens in enumerate(input_ids[:, self._seen :].tolist()):
            for token in tokens:
                if at not in self._over and (token in self._ends or self._watches[at].feed(token)):
                    self._over.add(at)
        self._seen = input_ids.shape[1]
        looped = self.looped
        return torch.tensor([at in looped for at in range(len(self._watches))], device=input_ids.device)
