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
    time_ratio_stock      its seconds over ours for a token of one row at the first context, in fp32; `_8_rows` for as
                          many, of which sdpa has a copy of the document for each
    time_ratio_shared     a token of 8 rows: our seconds with a copy of the document for each, over those with one copy
    …_bf16                the same in bf16: a processor has to widen our keys first, a GPU does not
    time_ratio_static     replies of unequal lengths on the tiny checkpoint, 8 at a time: seconds if each batch went on
                          to the end of its longest, over those with rows that leave and are replaced

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
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.utils.logging import disable_progress_bar

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


class Call(NamedTuple):
    """So many tokens of so many rows over a document of `context` tokens."""

    context: int
    rows: int = 1
    tokens: int = 1
    device: str = "cpu"
    dtype: torch.dtype = torch.bfloat16

    def query(self) -> torch.Tensor:
        return torch.randn(self.rows, HEADS, self.tokens, SIZE, dtype=self.dtype, device=self.device)

    def states(self, rows: int, tokens: int) -> torch.Tensor:
        return torch.randn(rows, GROUPS, tokens, SIZE, dtype=self.dtype, device=self.device)


def ours(call: Call, *, shared: bool = True) -> Work:
    """shared: rows have the document in common, and each `OWN` tokens more; else each has all for itself."""
    query, key, value = call.query(), call.states(1, call.context), call.states(1, call.context)
    if call.rows == 1:
        return lambda: bounded_attention(query, key, value, None, 1.0)
    if shared:
        pair = (Shared(each, call.states(call.rows, OWN)) for each in (key, value))
    else:
        pair = (call.states(call.rows, call.context + OWN) for _ in range(2))
    keys, values = pair
    return lambda: bounded_attention(query, keys, values, None, 1.0)


def stock(call: Call) -> Work:
    """transformers' own path, where each row has all for itself; to read more than a token it wants a mask."""
    query, key, value = call.query(), call.states(call.rows, call.context), call.states(call.rows, call.context)
    seen = torch.ones(1, 1, call.tokens, call.context, dtype=torch.bool).tril(call.context - call.tokens)
    return lambda: sdpa_attention_forward(Layer(), query, key, value, seen if call.tokens > 1 else None, scaling=1.0)[0]


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
            counts[context, rows, tokens] = counted(ours(Call(context, rows, tokens, "meta")))
            print(f"{context:>9,} keys, {rows} x {tokens:>5,} queries {counts[context, rows, tokens]:>9.1f} MB counted")
    real = 0.0
    for rows in (1, ROWS):
        found = measured(ours(Call(contexts[0], rows)))
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
    found = measured(stock(Call(context, tokens=STOCK_QUERIES)))
    print(f"{context:>9,} keys, 1 x {STOCK_QUERIES:>5} queries {found:>9.1f} MB measured, sdpa")
    return {"stock_scratch_mb": found, "stock_context": context}


def times(context: int) -> dict[str, float]:
    """In fp32, where both multiply what they are given, and in bf16, which a processor has to widen for us."""
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        one, rows = Call(context, dtype=dtype), Call(context, ROWS, dtype=dtype)
        taken = {
            "a token of one row": seconds(ours(one)),
            "the same, sdpa": seconds(stock(one)),
            f"a token of {ROWS} rows, one copy": seconds(ours(rows)),
            f"the same, {ROWS} copies": seconds(ours(rows, shared=False)),
            f"the same, {ROWS} copies, sdpa": seconds(stock(rows)),
        }
        for name, each in taken.items():
            print(f"{context:>9,} keys, {str(dtype)[6:]:<9}{name:<32} {1000 * each:>9.1f} ms")
        alone, theirs, together, apart, theirs_apart = taken.values()
        suffix = "" if dtype == torch.float32 else "_bf16"
        found |= {
            f"time_ratio_stock{suffix}": theirs / alone,
            f"time_ratio_shared{suffix}": apart / together,
            f"time_ratio_stock_8_rows{suffix}": theirs_apart / together,
        }
    return found


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
    disable_progress_bar()
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
