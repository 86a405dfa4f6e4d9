"""What fits: bytes of weights, of the cache and of scratch memory, from a config.json alone. No torch, no download.

Weights are exact to the byte for what is counted (tests/test_sizes.py compares them with loaded models). The cache is
exact. Scratch memory is a formula over the largest tensors alive at once (`workspace_bytes`); it was not measured on a
GPU, which is what `intaglio doctor --bench` is for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from model.engine import Quantisation
from model.gemma.dimensions import Config, Layer, Matrix, layers, parts, required, text_config

GB = 10**9
BF16 = 2  # bytes
FLOAT32 = 4
NF4_BLOCK = 64  # weights that share one scale, kept as a byte
SCALE_BLOCK = 256  # of those bytes share one float32 (double quantisation)
OFFSET = FLOAT32  # the mean scale, which double quantisation takes off

RESERVE = GB  # CUDA's context, its libraries, and what the allocator wastes; an assumption
QUANTISED = frozenset({"experts", "attention", "dense mlp"})  # the rest always stays in 16 bit
MOST_SEQUENCES = 1024

Storage = Literal["nf4", "int8", "none", "stock nf4"]  # "stock nf4": load_in_4bit as it comes, which skips the experts
QUANTISATIONS: tuple[Quantisation, ...] = ("nf4", "int8", "none")


@dataclass(frozen=True, slots=True)
class Scratch:
    """What bounds scratch memory while answering.

    prefill_tokens: of one sequence, read at a time. key_block: keys that one step of attention looks at.
    expert_bytes: of unpacked experts and the rows in hand. pages: pictures encoded at a time, of visual_tokens each.
    """

    prefill_tokens: int = 2048
    key_block: int = 2048
    expert_bytes: int = 128 << 20
    pages: int = 1
    visual_tokens: int = 1120


@dataclass(frozen=True, slots=True)
class Fit:
    """What `batch` sequences of `context` tokens take, in bytes, with the weights stored as `quantisation` says."""

    quantisation: Storage
    context: int
    batch: int
    weights: int
    cache: int
    workspace: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.workspace + RESERVE


def parameter_counts(config: Config) -> dict[str, int]:
    """Parameters by group of weights."""
    return {name: part.parameters for name, part in parts(config).items()}


def weight_bytes(config: Config, quantisation: Storage) -> int:
    """Bytes of all weights once loaded. Raises UsageError for a config that is not a Gemma 4's."""
    total = 0
    for name, part in parts(config).items():
        quantised = name != "experts" if quantisation == "stock nf4" else name in QUANTISED
        total += part.others * BF16
        total += sum(_matrix_bytes(matrix, quantisation if quantised else "none") for matrix in part.matrices)
    return total


def _matrix_bytes(matrix: Matrix, quantisation: Storage) -> int:
    if quantisation == "none":
        return matrix.elements * BF16
    experts, weights = matrix.experts, matrix.rows * matrix.columns
    if quantisation == "int8":
        return experts * (weights + matrix.rows * FLOAT32)  # a scale for every row
    scales = -(-weights // NF4_BLOCK)
    return experts * (-(-weights // 2) + scales + -(-scales // SCALE_BLOCK) * FLOAT32 + OFFSET)


def cache_bytes(config: Config, tokens: int, batch: int = 1) -> int:
    """Bytes of keys and values in bf16 of `batch` sequences, each of `tokens` tokens.

    Local layers keep no more than their window; global layers keep every token, and keys and values apart even where
    both come from one matrix; layers that share keep nothing.
    """
    own = (layer for layer in layers(config) if not layer.shares)
    return batch * sum(2 * BF16 * layer.kv_heads * layer.head_dim * _kept(layer, tokens) for layer in own)


def _kept(layer: Layer, tokens: int) -> int:
    return tokens if layer.window is None else min(tokens, layer.window)


def workspace_bytes(config: Config, context: int, batch: int = 1, scratch: Scratch | None = None) -> int:
    """Bytes of scratch memory at the worst moment of reading and writing `batch` sequences of `context` tokens.

    Reading takes one sequence at a time, in chunks; writing takes all at once, a token each. The worst moment is the
    largest of: reading a chunk, writing a token, encoding pages; within the first two, the larger of attention and
    experts, beside the residual stream:

        attention  mask (q x context, 1 byte) + the larger of
                     the keys of one global layer, copied when tokens are appended (context x kv x d, bf16)
                     scores, masked scores and their exponentials (heads x q x block, float32), the queries, the sum so
                     far and the next one (heads x q x d, float32), a block of keys and of values (float32)
        experts    unpacked matrices and rows in hand, which a setting bounds; their sum (tokens x H, float32)
        held over  the chunk just read in every local layer, whose cache is a view of window and chunk
        logits     vocabulary x (bf16, float32, and its log-softmax), once a sequence
        a page     patches p = 9 x visual tokens v; mask (p x p, bool, and as bf16 for the kernel), gate, up and product
                     of the feed-forward part (bf16), four streams; or pooling: p x v, int64 and float32

    The attention is the engine's own, which never repeats keys and values for every query head.
    """
    limits = scratch or Scratch()
    chunk = min(limits.prefill_tokens, context)
    reading = _pass_bytes(config, chunk, context, 1, limits) + _held_over(config, chunk, context)
    writing = _pass_bytes(config, 1, context, batch, limits)
    return max(reading, writing, _vision_bytes(config, limits))


def _held_over(config: Config, chunk: int, context: int) -> int:
    """What DynamicSlidingWindowLayer keeps alive beyond the window until it is called again."""
    return sum(
        2 * BF16 * layer.kv_heads * layer.head_dim * (min(context, layer.window + chunk) - _kept(layer, context))
        for layer in layers(config)
        if layer.window is not None and not layer.shares
    )


def _pass_bytes(config: Config, queries: int, context: int, batch: int, limits: Scratch) -> int:
    text = text_config(config)
    hidden, rows = required(text, "hidden_size"), batch * queries
    stack = layers(config)
    streams = rows * hidden * (4 * BF16 + FLOAT32)
    attention = max(_attention_bytes(layer, queries, context, batch, limits) for layer in stack)
    dense = 3 * rows * max(layer.width for layer in stack) * BF16
    logits = batch * required(text, "vocab_size") * (BF16 + 2 * FLOAT32)
    return streams + max(attention, dense, _expert_bytes(text, rows, limits), logits)


def _attention_bytes(layer: Layer, queries: int, context: int, batch: int, limits: Scratch) -> int:
    seen = context if layer.window is None else min(context, layer.window + queries)
    block = min(limits.key_block, seen)
    appended = seen * layer.kv_heads * layer.head_dim * BF16
    scores = 3 * layer.heads * queries * block * FLOAT32
    sums = 3 * layer.heads * queries * layer.head_dim * FLOAT32
    keys = 2 * layer.kv_heads * block * layer.head_dim * FLOAT32
    return batch * (queries * seen + max(appended, scores + sums + keys))


def _expert_bytes(text: Config, rows: int, limits: Scratch) -> int:
    if not text.get("enable_moe_block"):
        return 0
    return limits.expert_bytes + rows * required(text, "hidden_size") * FLOAT32


def _vision_bytes(config: Config, limits: Scratch) -> int:
    vision = config.get("vision_config")
    if not vision:
        return 0
    hidden, width = required(vision, "hidden_size"), required(vision, "intermediate_size")
    patches = limits.visual_tokens * required(vision, "pooling_kernel_size") ** 2
    encoding = patches**2 * (1 + BF16) + patches * (3 * width + 4 * hidden) * BF16
    pooling = patches * limits.visual_tokens * (8 + FLOAT32) + patches * hidden * FLOAT32
    return limits.pages * max(encoding, pooling)


def fit(config: Config, quantisation: Storage, context: int, batch: int = 1, scratch: Scratch | None = None) -> Fit:
    """The sum for so many sequences, whether or not any card holds it."""
    return Fit(
        quantisation=quantisation,
        context=context,
        batch=batch,
        weights=weight_bytes(config, quantisation),
        cache=cache_bytes(config, context, batch),
        workspace=workspace_bytes(config, context, batch, scratch),
    )


def most_sequences(config: Config, quantisation: Storage, context: int, card_bytes: int) -> int:
    """How many sequences of `context` tokens fit at once on a card with so many bytes: 0 where not even one does."""
    weights = weight_bytes(config, quantisation)

    def too_many(batch: int) -> bool:
        scratch = workspace_bytes(config, context, batch)
        return weights + cache_bytes(config, context, batch) + scratch + RESERVE > card_bytes

    return bisect_left(range(1, MOST_SEQUENCES + 1), True, key=too_many)


def longest_context(config: Config, quantisation: Storage, card_bytes: int) -> int:
    """Tokens of the longest single sequence that fits on a card with so many bytes: 0 where the weights do not."""
    most = required(text_config(config), "max_position_embeddings")
    return bisect_left(
        range(1, most + 1), True, key=lambda tokens: fit(config, quantisation, tokens).total > card_bytes
    )


def table(config: Config, contexts: Iterable[int], cards: Iterable[int]) -> list[tuple[Fit, tuple[int, ...]]]:
    """For each quantisation and context, what one sequence takes, and how many fit on each card (in bytes)."""
    cards = tuple(cards)
    kinds: tuple[Storage, ...] = (*QUANTISATIONS, "stock nf4")
    return [
        (fit(config, kind, context), tuple(most_sequences(config, kind, context, card) for card in cards))
        for kind in kinds
        for context in contexts
    ]
