"""What tests of reading and writing share: the tiny checkpoint twice, with our attention and with transformers' own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, DynamicCache, LogitsProcessor, LogitsProcessorList

from model.gemma.attention import NAME, register
from model.gemma.cache import branch, empty_cache
from model.gemma.decode import DRAFT, Row, decode
from model.gemma.prefill import prefill
from model.gemma.prompt import Prompt

END = frozenset({1})
MOST = 40  # tokens that a row writes


def bounded(checkpoint: Path) -> Any:
    """In fp32, so that a batch and its rows alone round alike."""
    torch.set_num_threads(1)
    register()
    attention = {"text_config": NAME, "vision_config": "sdpa"}
    return AutoModelForImageTextToText.from_pretrained(
        checkpoint, dtype=torch.float32, attn_implementation=attention
    ).eval()


def transformers_own(checkpoint: Path) -> Any:
    torch.set_num_threads(1)
    return AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32).eval()


def text(length: int, seed: int = 0) -> Prompt:
    ids = random.Random(seed).choices(range(30, 200), k=length)
    return Prompt("ask", tuple(ids), prefix=0, pictures=())


def tasks(prefix: int, lengths: Sequence[int]) -> list[Prompt]:
    """Prompts that begin with the same tokens."""
    pages = text(prefix).ids
    return [Prompt(f"{at}", pages + text(length, seed=at + 1).ids, prefix, ()) for at, length in enumerate(lengths)]


def trunk_of(model: Any, prompt: Prompt, chunk: int = 2048) -> DynamicCache:
    cache = empty_cache(model.config)
    prefill(model, None, prompt, cache, end=prompt.prefix, chunk=chunk)
    return cache


def restless(rows: Sequence[Row[Any]], scores: torch.Tensor) -> list[int]:
    """Keeps a random model from saying one thing over and over: no token comes again within the last six."""
    bent = scores.clone()
    for row, score in zip(rows, bent, strict=True):
        score[row.written[-6:]] = -torch.inf
    return bent.argmax(-1).tolist()


def likeliest(rows: Sequence[Row[Any]], scores: torch.Tensor) -> list[int]:
    return scores.argmax(-1).tolist()


def write(
    model: Any, rows: Sequence[Row[Any]], choose: Any = restless, most_rows: int = 32, draft: int = DRAFT
) -> list[Row[Any]]:
    """All rows, in the order in which they ended."""
    waiting = iter(rows)
    return list(decode(model, lambda: next(waiting, None), choose, END, most_rows=most_rows, draft=draft))


def by_transformers(model: Any, prompt: Prompt, most: int = MOST) -> list[int]:
    """What `generate` writes, as restless as `restless` lets it be."""

    class Restless(LogitsProcessor):  # type: ignore[misc]  # transformers is not typed
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            return scores.scatter(1, input_ids[:, len(prompt.ids) :][:, -6:], -torch.inf)

    written = model.generate(
        torch.tensor([prompt.ids]),
        attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=most,
        eos_token_id=1,
        logits_processor=LogitsProcessorList([Restless()]),
    )
    return list(written[0, len(prompt.ids) :].tolist())


def row(model: Any, prompt: Prompt, chunk: int = 2048, trunk: DynamicCache | None = None, most: int = MOST) -> Row[str]:
    """The prompt, read to its end: afresh, or from where the trunk ends."""
    cache = empty_cache(model.config) if trunk is None else branch(trunk)
    logits = prefill(model, None, prompt, cache, chunk=chunk)
    assert logits is not None
    return Row(prompt.ask_id, cache, logits, most, source=prompt.ids)
