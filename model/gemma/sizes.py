"""What fits: bytes of weights, of the cache and of scratch memory, from a config.json alone. No torch, no download.

The engine reads a document once, and writes several replies about it over one copy of what it read. Parameters, scales
and the cache are exact (tests/test_sizes.py compares them with the real ones). Scratch memory is a formula over the
largest tensors alive at once (`workspace_bytes`), not measured on a GPU: `intaglio doctor --bench` does that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from model.engine import EngineSpec, Quantisation
from model.gemma.dimensions import Config, Layer, Matrix, layers, parts, required, text_config

GB = 10**9
BF16 = 2  # bytes
FLOAT32 = 4
NF4_BLOCK = 64  # weights that share one scale, kept as a byte
SCALE_BLOCK = 256  # of those bytes share one float32 (double quantisation)
OFFSET = FLOAT32  # the mean scale, which double quantisation takes off

RESERVE = GB  # CUDA's context, its libraries, and what the allocator wastes; an assumption
QUANTISED = frozenset({"experts", "attention", "dense mlp"})  # the rest always stays in 16 bit
MOST_REPLIES = 32  # that the engine writes at once
REPLY = EngineSpec().output_tokens  # that a reply may have, unless set otherwise

Storage = Literal["nf4", "int8", "none", "stock nf4"]  # "stock nf4": load_in_4bit as it comes, which skips the experts
QUANTISATIONS: tuple[Quantisation, ...] = ("nf4", "int8", "none")


@dataclass(frozen=True, slots=True)
class Scratch:
    """What bounds the engine's scratch memory; its modules hold these numbers, and a test holds them equal.

    chunk: tokens read at a time. attention_bytes: of one call on a global layer. expert_bytes: of unpacked experts and
    the rows in hand. visual_tokens: of the one picture that is encoded at a time.
    """

    chunk: int = 2048
    attention_bytes: int = 256 << 20
    expert_bytes: int = 128 << 20
    visual_tokens: int = 1120


@dataclass(frozen=True, slots=True)
class Fit:
    """What it takes, in bytes, to hold `context` tokens of a document and write `replies` at once about it."""

    quantisation: Storage
    context: int
    replies: int
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


def reply_bytes(config: Config, tokens: int = REPLY) -> int:
    """Bytes of keys and values of one reply of `tokens` tokens, beside those of the document that it is about.

    It goes on from the document's in all layers, so that it takes no more than if it stood alone.
    """
    return cache_bytes(config, tokens)


def _kept(layer: Layer, tokens: int) -> int:
    return tokens if layer.window is None else min(tokens, layer.window)


def workspace_bytes(config: Config, context: int, replies: int = 1, scratch: Scratch | None = None) -> int:
    """Bytes of scratch memory at the worst moment of reading `context` tokens and writing `replies` at once.

    The worst moment is the largest of: reading a chunk of q tokens, encoding a picture, writing a token for each reply.
    The first and the last take the residual stream and the larger of attention, dense part, experts and logits:

        attention  global: queries and result (heads x q x d, bf16, twice) + the larger of what a setting allows a call,
                     and the keys of one layer, copied when tokens are appended (context x kv x d, bf16)
                   local: keys and values of window and chunk (2 x kv x seen x d, bf16), once more joined with those of
                     the document, repeated for every head where q > 1 (2 x heads x seen x d), mask (q x seen, bool, and
                     as bf16 for the kernel), seen = window + q
        dense      gate, up and product (3 x width, bf16), each token
        experts    unpacked matrices and rows in hand, which a setting bounds; their sum (H, float32), each token
        logits     vocabulary x (bf16, float32, and one copy of it), each reply
        a picture  patches p = 9 x visual tokens v; mask (p x p, bool, and as bf16), gate, up and product, four streams,
                     in bf16; or pooling: p x v, int64 and float32, and the stream in float32
    """
    limits = scratch or Scratch()
    chunk = min(limits.chunk, context)
    reading = max(_pass_bytes(config, chunk, 1, context, limits), _vision_bytes(config, limits))
    return max(reading, _pass_bytes(config, 1, replies, REPLY, limits))


def _pass_bytes(config: Config, queries: int, rows: int, grown: int, limits: Scratch) -> int:
    """Of one run of the model. queries: tokens of each row. grown: tokens of the global layers that are appended to."""
    text = text_config(config)
    hidden, tokens = required(text, "hidden_size"), rows * queries
    stack = layers(config)
    streams = tokens * hidden * (4 * BF16 + FLOAT32)
    attention = max(_attention_bytes(layer, queries, rows, grown, limits) for layer in stack)
    dense = 3 * tokens * max(layer.width for layer in stack) * BF16
    logits = rows * required(text, "vocab_size") * (BF16 + 2 * FLOAT32)
    return streams + max(attention, dense, _expert_bytes(text, tokens, limits), logits)


def _attention_bytes(layer: Layer, queries: int, rows: int, grown: int, limits: Scratch) -> int:
    around = 2 * rows * layer.heads * queries * layer.head_dim * BF16
    if layer.window is None:
        return around + max(limits.attention_bytes, rows * grown * layer.kv_heads * layer.head_dim * BF16)
    seen = min(grown, layer.window) + queries
    heads = 2 * layer.kv_heads + (layer.heads if queries > 1 else 0)
    return around + rows * (2 * heads * seen * layer.head_dim * BF16 + queries * seen * (1 + BF16))


def _expert_bytes(text: Config, tokens: int, limits: Scratch) -> int:
    if not text.get("enable_moe_block"):
        return 0
    return limits.expert_bytes + tokens * required(text, "hidden_size") * FLOAT32


def _vision_bytes(config: Config, limits: Scratch) -> int:
    vision = config.get("vision_config")
    if not vision:
        return 0
    hidden, width = required(vision, "hidden_size"), required(vision, "intermediate_size")
    patches = limits.visual_tokens * required(vision, "pooling_kernel_size") ** 2
    encoding = patches**2 * (1 + BF16) + patches * (3 * width + 4 * hidden) * BF16
    pooling = patches * limits.visual_tokens * (8 + FLOAT32) + patches * hidden * FLOAT32
    return max(encoding, pooling)


def fit(config: Config, quantisation: Storage, context: int, replies: int = 1) -> Fit:
    """The sum, whether or not any card holds it. The replies are counted at their longest."""
    return Fit(
        quantisation=quantisation,
        context=context,
        replies=replies,
        weights=weight_bytes(config, quantisation),
        cache=cache_bytes(config, context) + replies * reply_bytes(config),
        workspace=workspace_bytes(config, context, replies),
    )


def most_replies(config: Config, quantisation: Storage, context: int, card_bytes: int) -> int:
    """How many replies at once fit on a card, about a document of `context` tokens: 0 where not even one does."""
    counts = range(1, MOST_REPLIES + 1)
    return bisect_left(counts, True, key=lambda count: fit(config, quantisation, context, count).total > card_bytes)


def longest_context(config: Config, quantisation: Storage, card_bytes: int) -> int:
    """Tokens of the longest document that fits on a card with one reply: 0 where not even the weights do."""
    most = required(text_config(config), "max_position_embeddings")
    return bisect_left(
        range(1, most + 1), True, key=lambda tokens: fit(config, quantisation, tokens).total > card_bytes
    )


def table(config: Config, contexts: Iterable[int], cards: Iterable[int]) -> list[tuple[Fit, tuple[int, ...]]]:
    """For each quantisation and context, what one reply takes, and how many fit at once on each card (in bytes)."""
    cards = tuple(cards)
    kinds: tuple[Storage, ...] = (*QUANTISATIONS, "stock nf4")
    return [
        (fit(config, kind, context), tuple(most_replies(config, kind, context, card) for card in cards))
        for kind in kinds
        for context in contexts
    ]
