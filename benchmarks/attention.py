"""What attention over a long document costs, against transformers' own (sdpa): memory, time, and the same logits.

    python -m benchmarks.attention [--contexts 32768 131072 262144] [--threads 1]

Global layers have the 26B's sizes: 16 query heads, 2 key heads of 512, keys in bf16.

    max_logit_difference  between our logits and sdpa's, in fp32, on the tiny checkpoint of the tests: contexts of 1, 64
                          and 4,096 tokens, one row and four, padded and not
    peak_scratch_mb       the most that a call takes beside its result: writing a token for 1 and 8 rows, and reading a
                          chunk of 2,048, at every context. Counted with tensors that have no memory, which runs the
                          same code in no time; `measured_scratch_mb` is torch's allocator in a real run of the smaller
                          ones, and must say the same of these
    stock_scratch_mb      the most of sdpa in a real run at the longest context for which there is memory, reading no
                          more than 64 tokens: the copy that it makes of the keys is no smaller for that
    time_ratio_stock      its seconds over ours for a token of one row at the first context (CPU)
    time_ratio_shared     a token of 8 rows: our seconds with a copy of the document for each, over those with one copy
    time_ratio_static     replies of unequal lengths on the tiny checkpoint, 8 at a time: seconds if each batch went on to
                          the end of its longest, over those with rows that leave and are replaced

A table, then one last line of JSON. Times are the host's CPU time, the best of three.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from model.gemma.attention import SCRATCH, Shared, bounded_attention
from model.gemma.prefill import CHUNK
from model.machine import available_memory
from tests.memory import peak_bytes
from tests.tiny_gemma import build
from tests.writing import bounded, row, tasks, text, transformers_own, trunk_of, write

MB = 1 << 20
HEADS, GROUPS, SIZE = 16, 2, 512
OWN = 256  # tokens that each row of a batch has of its own
ROWS = 8
STOCK_QUERIES = 64
LENGTHS = [12, 60, 9, 15, 20, 11, 14, 10, 55, 8, 13, 9, 16, 12, 10, 18, 7, 11, 48, 9, 13, 10, 12, 15]  # of replies

Work = Callable[[], torch.Tensor]


class Live(TorchDispatchMode):
    """Counts the bytes of tensors that are alive: those made while it is on, of any device, `meta` too."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {leaf.untyped_storage()._cdata for leaf in _tensors((args, kwargs))}
        made = func(*args, **(kwargs or {}))
        for leaf in _tensors(made):
            storage = leaf.untyped_storage()
            if storage._cdata not in given and storage._cdata not in self._known:
                self._known[storage._cdata] = storage.nbytes()
                self.bytes += storage.nbytes()
                weakref.finalize(storage, self._gone, storage._cdata)
        self.peak = max(self.peak, self.bytes)
        return made

    def _gone(self, key: int) -> None:
        self.bytes -= self._known.pop(key)


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


class Layer:
    """What transformers' attention wants to know of a layer."""

    num_key_value_groups = HEADS // GROUPS
    is_causal = True


def states(context: int, rows: int, device: str) -> torch.Tensor:
    return torch.randn(rows, GROUPS, context, SIZE, dtype=torch.bfloat16, device=device)


def queries(rows: int, tokens: int, device: str) -> torch.Tensor:
    return torch.randn(rows, HEADS, tokens, SIZE, dtype=torch.bfloat16, device=device)


def ours(context: int, rows: int, tokens: int, device: str = "cpu", *, shared: bool = True) -> Work:
    """A call over a document's keys: for one row, or for several that share them, each with `OWN` more."""
    query = queries(rows, tokens, device)
    if rows == 1:
        key, value = states(context, 1, device), states(context, 1, device)
    elif shared:
        key, value = (Shared(states(context, 1, device), states(OWN, rows, device)) for _ in range(2))
    else:
        key, value = (states(context + OWN, rows, device) for _ in range(2))
    return lambda: bounded_attention(query, key, value, None, 1.0)


def stock(context: int, rows: int, tokens: int) -> Work:
    """The same call of transformers' own path, over keys that each row has for itself; it wants a mask to read."""
    query, key, value = queries(rows, tokens, "cpu"), states(context, rows, "cpu"), states(context, rows, "cpu")
    seen = torch.ones(1, 1, tokens, context, dtype=torch.bool).tril(context - tokens) if tokens > 1 else None
    return lambda: sdpa_attention_forward(Layer(), query, key, value, seen, scaling=1.0)[0]


def counted(work: Work) -> float:
    """MB beside the result, for tensors without memory."""
    with Live() as live:
        out = work()
    return (live.peak - out.nbytes) / MB


def measured(work: Work) -> float:
    """MB beside the result, from torch's allocator."""
    out, peak = peak_bytes(work)
    return (peak - out.nbytes) / MB


def seconds(work: Callable[[], Any], repeat: int = 3) -> float:
    best = float("inf")
    for _ in range(repeat):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def scratch(contexts: Sequence[int]) -> dict[str, float]:
    counts = {}
    for context in contexts:
        for rows, tokens in ((1, 1), (ROWS, 1), (1, CHUNK)):
            counts[context, rows, tokens] = counted(ours(context, rows, tokens, "meta"))
            print(f"{context:>9,} keys, {rows} x {tokens:>5,} queries {counts[context, rows, tokens]:>9.1f} MB counted")
    real = 0.0
    for rows in (1, ROWS):
        found = measured(ours(contexts[0], rows, 1))
        print(f"{contexts[0]:>9,} keys, {rows} x     1 queries {found:>9.1f} MB measured")
        if abs(found - counts[contexts[0], rows, 1]) > 0.05 * found:
            raise SystemExit("what is counted is not what is measured.")
        real = max(real, found)
    return {
        "peak_scratch_mb": max(counts.values()),
        "scratch_setting_mb": SCRATCH / MB,
        "measured_scratch_mb": real,
    }


def stock_scratch(contexts: Sequence[int]) -> dict[str, float]:
    copied = 2 * 2 * HEADS * SIZE  # bytes for each token
    room = (available_memory() or 0) / 2
    context = max((each for each in contexts if each * copied < room), default=contexts[0])
    found = measured(stock(context, 1, STOCK_QUERIES))
    print(f"{context:>9,} keys, 1 x {STOCK_QUERIES:>5} queries {found:>9.1f} MB measured, sdpa")
    return {"stock_scratch_mb": found, "stock_context": context}


def times(context: int) -> dict[str, float]:
    one, theirs = seconds(ours(context, 1, 1)), seconds(stock(context, 1, 1))
    together, apart = seconds(ours(context, ROWS, 1)), seconds(ours(context, ROWS, 1, shared=False))
    for name, taken in (
        ("a token of one row", one),
        ("the same, sdpa", theirs),
        (f"a token of {ROWS} rows, one copy", together),
        (f"the same, {ROWS} copies", apart),
        (f"the same, {ROWS} copies, sdpa", seconds(stock(context, ROWS, 1))),
    ):
        print(f"{context:>9,} keys, {name:<32} {1000 * taken:>9.1f} ms")
    return {"time_ratio_stock": theirs / one, "time_ratio_shared": apart / together}


@torch.no_grad()
def logit_difference(checkpoint: Path) -> float:
    models, worst = (bounded(checkpoint), transformers_own(checkpoint)), 0.0
    for context in (1, 64, 4096):
        for rows in (1, 4):
            for padded in (False, True):
                ids = torch.tensor([text(context, seed).ids for seed in range(rows)])
                mask = torch.ones_like(ids)
                for at in range(rows if padded else 0):
                    mask[at, : context * (at + 1) // 6] = 0
                inputs = {"attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}
                found, wanted = (model(ids, **inputs, logits_to_keep=64).logits for model in models)
                apart = float((found - wanted)[mask[:, -64:].bool()].abs().max())
                print(
                    f"{context:>9,} tokens, {rows} rows{', padded' if padded else '':<8} logits differ by {apart:.1e}"
                )
                worst = max(worst, apart)
    return worst


def static_ratio(checkpoint: Path) -> float:
    """Rows leave, and others take their place; against batches that all go on to the end of their longest."""
    model, prompts = bounded(checkpoint), tasks(512, [4] * len(LENGTHS))
    trunk = trunk_of(model, prompts[0])

    def written(limits: Sequence[int], at_once: int) -> float:
        rows = [row(model, prompt, trunk=trunk, most=most) for prompt, most in zip(prompts, limits, strict=False)]
        begun = time.process_time()
        write(model, rows, most_rows=at_once, draft=0)
        return time.process_time() - begun

    groups = [LENGTHS[first : first + ROWS] for first in range(0, len(LENGTHS), ROWS)]
    static = sum(written([max(group)] * len(group), ROWS) for group in groups)
    leaving = written(LENGTHS, ROWS)
    print(f"{len(LENGTHS)} replies of {min(LENGTHS)} to {max(LENGTHS)} tokens: {leaving:.2f} s, static {static:.2f} s")
    return static / leaving


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contexts", type=int, nargs="+", default=[32_768, 131_072, 262_144])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(0)
    contexts = sorted(options.contexts)
    torch.set_num_threads(options.threads)
    figures = scratch(contexts) | stock_scratch(contexts) | times(contexts[0])
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = build(Path(folder))
        figures["time_ratio_static"] = static_ratio(checkpoint)
        figures["max_logit_difference"] = logit_difference(checkpoint)
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))


if __name__ == "__main__":
    main()
