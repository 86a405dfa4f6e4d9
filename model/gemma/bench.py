"""How fast a model of full size reads and writes on this machine, and the bytes it takes, without its weights.

Routers with random weights send tokens to all experts alike, which trained ones need not do. Reading takes one document
at a time, in chunks, as the engine does; writing takes all documents of a batch at once.
"""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from model.gemma.dimensions import Config
from model.gemma.sizes import GB, Scratch, fit, weight_bytes
from model.gemma.stand_in import stand_in
from model.machine import available_memory
from schemas.errors import EngineUnavailable

WRITTEN = 32  # tokens that writing is timed over
CHUNK = Scratch().prefill_tokens
WARM_UP = 16  # tokens read and written before any clock runs, for kernels that are made at their first use
SMALL = GB // 2  # bytes of weights up to which a processor is done within minutes


@dataclass(frozen=True, slots=True)
class Build:
    """How the model came to be. peak_bytes: None where the device has no counter, as processors have none."""

    device: str
    seconds: float
    weight_bytes: int
    peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One context and batch. read, write: tokens a second, of one document and of all together; with peaks in bytes.

    expected: bytes by the sums of `model.gemma.sizes`. outcome: empty where it was measured, else why not.
    """

    context: int
    batch: int
    expected: int
    read: float | None = None
    write: float | None = None
    read_peak: int | None = None
    write_peak: int | None = None
    outcome: str = ""


@dataclass(slots=True)
class Clock:
    """Seconds and the peak of a device's memory over a stretch of work, the device having done all of it."""

    device: torch.device
    seconds: float = field(default=0.0, init=False)
    peak: int | None = field(default=None, init=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        on_card = self.device.type == "cuda"
        if on_card:
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
        begun = time.perf_counter()
        yield
        if on_card:
            torch.cuda.synchronize(self.device)
            self.peak = torch.cuda.max_memory_allocated(self.device)
        self.seconds = time.perf_counter() - begun


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def room(device: torch.device) -> int:
    """Bytes that the model and all it needs may take: what is free, and what this process has already."""
    if device.type != "cuda":
        return available_memory() or 0
    return int(torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device))


def require_room(config: Config, device: torch.device) -> None:
    """Raises EngineUnavailable where the model does not fit, or would keep a processor busy for hours."""
    weights, free = weight_bytes(config, "nf4"), room(device)
    if device.type != "cuda" and weights > SMALL:
        raise EngineUnavailable(
            f"there is no CUDA device here, and {weights / GB:.1f} GB of weights would take a processor hours.",
            remedy="Measure where a card is, or name the folder of a small model with --model.",
        )
    if (needed := fit(config, "nf4", WARM_UP).total) > free:
        raise EngineUnavailable(
            f"the model takes {needed / GB:.1f} GB, and {free / GB:.1f} GB are free on {device}.",
            remedy="Free the card, or see `intaglio doctor` for those that hold it.",
        )


def build(config: Config, device: torch.device) -> tuple[Any, Build]:
    """The model with random weights in 4 bit, warmed up, and how long making it took."""
    clock = Clock(device)
    with clock.running():
        model = stand_in(config, device)
    tensors = model.state_dict(keep_vars=True).values()
    taken = sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())
    _write(model, _read(model, _words(model, 1, WARM_UP), WARM_UP), WARM_UP)
    return model, Build(_name(device), clock.seconds, taken, clock.peak)


def bench(
    config: Config, contexts: Sequence[int], batches: Sequence[int], say: Callable[[str], None]
) -> tuple[Build, tuple[Measure, ...]]:
    """Makes the model of a config.json on the best device here, and measures it. Raises EngineUnavailable."""
    device = best_device()
    require_room(config, device)
    say(f"making {weight_bytes(config, 'nf4') / GB:.1f} GB of random weights on {device}")
    model, built = build(config, device)
    return built, tuple(measure(model, config, contexts, batches, say))


def measure(
    model: Any,
    config: Config,
    contexts: Sequence[int],
    batches: Sequence[int],
    say: Callable[[str], None],
    chunk: int = CHUNK,
) -> Iterator[Measure]:
    """Each context with each batch, smallest first. What does not fit by the sums is not tried, and says so.

    say: is told what is being done. chunk: tokens read at a time.
    """
    free = room(model.device)
    for context in sorted(set(contexts)):
        plans = [Measure(context, batch, fit(config, "nf4", context, batch).total) for batch in sorted(set(batches))]
        fitting = [plan for plan in plans if plan.expected <= free]
        if fitting:
            say(f"reading {context:,} tokens")
            yield from _measured(model, fitting, chunk, say)
        for plan in plans[len(fitting) :]:
            outcome = f"does not fit: takes {plan.expected / GB:.1f} of {free / GB:.1f} GB"
            yield Measure(plan.context, plan.batch, plan.expected, outcome=outcome)
        _forget(model.device)


def _measured(model: Any, plans: Sequence[Measure], chunk: int, say: Callable[[str], None]) -> Iterator[Measure]:
    """One document is read once, and stands for all of a batch."""
    clock = Clock(model.device)
    cache, done = None, 0
    try:
        with clock.running():
            cache = _read(model, _words(model, 1, plans[0].context), chunk)
        read, read_peak = plans[0].context / clock.seconds, clock.peak
        for plan in plans:
            say(f"writing to {plan.batch} of {plan.context:,} tokens")
            _repeat(cache, plan.batch)
            with clock.running():
                _write(model, cache, WRITTEN)
            write = plan.batch * WRITTEN / clock.seconds
            yield Measure(plan.context, plan.batch, plan.expected, read, write, read_peak, clock.peak)
            done += 1
    except torch.OutOfMemoryError:
        for plan in plans[done:]:
            outcome = f"ran out of memory, though the sum is {plan.expected / GB:.1f} GB"
            yield Measure(plan.context, plan.batch, plan.expected, outcome=outcome)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _read(model: Any, words: torch.Tensor, chunk: int) -> DynamicCache:
    """The cache of one document, (1, tokens). The next token's scores are computed too, as after any prompt."""
    cache = DynamicCache(config=model.config.get_text_config())
    for part in words.split(chunk, dim=1):
        hidden = _run(model, part, cache)
    model.lm_head(hidden[:, -1])
    return cache


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _write(model: Any, cache: DynamicCache, tokens: int) -> None:
    """Greedy, a token after the other, each waiting for the one before."""
    batch = cache.layers[0].keys.shape[0]
    words = _words(model, batch, 1)
    for _ in range(tokens):
        hidden = _run(model, words, cache)
        words = model.lm_head(hidden[:, -1]).float().argmax(-1, keepdim=True)


def _run(model: Any, words: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    known = cache.get_seq_length()
    last = known + words.shape[1]
    hidden: torch.Tensor = model.model(
        input_ids=words,
        attention_mask=torch.ones(words.shape[0], last, dtype=torch.long, device=words.device),
        position_ids=torch.arange(known, last, device=words.device)[None],
        cache=cache,
        use_cache=True,
    ).last_hidden_state
    return hidden


def _words(model: Any, batch: int, tokens: int) -> torch.Tensor:
    """From the middle of the vocabulary, where there are no tokens that stand for pictures."""
    size = model.config.get_text_config().vocab_size
    return torch.randint(size // 2, size * 3 // 4, (batch, tokens), device=model.device)


def _repeat(cache: DynamicCache, batch: int) -> None:
    """Makes the cache one of `batch` equal documents, layer by layer, so that it is never held twice."""
    for layer in cache.layers:
        if layer.is_initialized:
            layer.keys = layer.keys[:1].repeat_interleave(batch, dim=0)
            layer.values = layer.values[:1].repeat_interleave(batch, dim=0)


def _forget(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
