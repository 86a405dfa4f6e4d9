"""How fast a model of full size reads and writes on this machine, and the bytes it takes, without its weights.

Reads and writes by the engine's own means: a document once, in chunks; then a token at a time for all replies about it,
over one copy of what was read. Only the grammar is left out. Routers with random weights send tokens to all experts
alike, which trained ones need not do.
"""

from __future__ import annotations

import gc
import platform
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers import DynamicCache

from model.gemma import attention
from model.gemma.cache import branch, empty_cache
from model.gemma.decode import Row, decode
from model.gemma.dimensions import Config
from model.gemma.prefill import CHUNK, prefill
from model.gemma.prompt import Prompt
from model.gemma.sizes import GB, fit, weight_bytes
from model.gemma.stand_in import stand_in
from model.machine import available_memory
from schemas.errors import EngineUnavailable

WRITTEN = 32  # tokens that writing is timed over
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
    """One document and so many replies. read, write: tokens a second, of all replies together; with peaks in bytes.

    expected: bytes by the sums of `model.gemma.sizes`. outcome: empty where it was measured, else why not.
    """

    context: int
    replies: int
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
        attention.register()
        model = stand_in(config, device, attention.NAME)
    tensors = model.state_dict(keep_vars=True).values()
    taken = sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())
    _write(model, _read(model, _words(model, WARM_UP + 1), WARM_UP), 2, WARM_UP)
    return model, Build(_name(device), clock.seconds, taken, clock.peak)


def bench(
    config: Config, contexts: Sequence[int], replies: Sequence[int], say: Callable[[str], None]
) -> tuple[Build, tuple[Measure, ...]]:
    """Makes the model of a config.json on the best device here, and measures it. Raises EngineUnavailable."""
    device = best_device()
    require_room(config, device)
    say(f"making {weight_bytes(config, 'nf4') / GB:.1f} GB of random weights on {device}")
    model, built = build(config, device)
    return built, tuple(measure(model, config, contexts, replies, say))


def measure(
    model: Any,
    config: Config,
    contexts: Sequence[int],
    replies: Sequence[int],
    say: Callable[[str], None],
    chunk: int = CHUNK,
) -> Iterator[Measure]:
    """Each context with each number of replies, smallest first. What does not fit by the sums is not tried.

    say: is told what is being done. chunk: tokens read at a time.
    """
    free = room(model.device)
    for context in sorted(set(contexts)):
        plans = [Measure(context, count, fit(config, "nf4", context, count).total) for count in sorted(set(replies))]
        fitting = [plan for plan in plans if plan.expected <= free]
        if fitting:
            yield from _measured(model, fitting, chunk, say)
        for plan in plans[len(fitting) :]:
            yield replace(plan, outcome=f"does not fit: takes {plan.expected / GB:.1f} of {free / GB:.1f} GB")
        _forget(model.device)


def _measured(model: Any, plans: Sequence[Measure], chunk: int, say: Callable[[str], None]) -> Iterator[Measure]:
    """All plans are about one document, which is read once."""
    clock, context = Clock(model.device), plans[0].context
    done = 0
    try:
        say(f"reading {context:,} tokens")
        with clock.running():
            document = _read(model, _words(model, context + 1), chunk)
        read, read_peak = context / clock.seconds, clock.peak
        for plan in plans:
            say(f"writing {plan.replies} replies about {context:,} tokens")
            with clock.running():
                _write(model, document, plan.replies, WRITTEN)
            write = plan.replies * WRITTEN / clock.seconds
            yield replace(plan, read=read, read_peak=read_peak, write=write, write_peak=clock.peak)
            done += 1
    except torch.OutOfMemoryError:
        for plan in plans[done:]:
            yield replace(plan, outcome=f"ran out of memory, though the sum is {plan.expected / GB:.1f} GB")


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """Read to its last token but one, with which each reply begins."""

    prompt: Prompt
    cache: DynamicCache


def _read(model: Any, words: tuple[int, ...], chunk: int) -> Document:
    prompt = Prompt("bench", words, prefix=len(words) - 1, pictures=())
    cache = empty_cache(model.config)
    prefill(model, None, prompt, cache, end=prompt.prefix, chunk=chunk)
    return Document(prompt, cache)


def _write(model: Any, document: Document, replies: int, tokens: int) -> None:
    """Every reply's first token reads the prompt's last, as a short question would."""
    rows = []
    for _ in range(replies):
        cache = branch(document.cache)
        logits = prefill(model, None, document.prompt, cache)
        assert logits is not None
        rows.append(Row(None, cache, logits, most=tokens))
    waiting = iter(rows)
    written = decode(
        model,
        lambda: next(waiting, None),
        lambda rows, scores: scores.argmax(-1).tolist(),
        frozenset(),
        most_rows=replies,
        draft=0,
    )
    deque(written, maxlen=0)


def _words(model: Any, tokens: int) -> tuple[int, ...]:
    """From the middle of the vocabulary, where no token stands for a picture."""
    size = model.config.get_text_config().vocab_size
    return tuple(torch.randint(size // 2, size * 3 // 4, (tokens,)).tolist())


def _forget(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
