"""Seconds that Gemma 4 26B A4B would take on a card for what a simulator was asked. Arithmetic, not a measurement.

Writing a token is bound by the bytes that the card reads for it, so a step takes bytes / bandwidth. Bytes are those of
`model.gemma.sizes`: weights in 4.127 bits, the cache in 16. Of one step of r replies about a document of p tokens:

    weights    attention 1.110e9, dense mlp 0.535e9 at 4.127 bit; router 0.011e9, embeddings 0.738e9 at 16: 2.35 GB
    experts    22.838e9 at 4.127 bit = 11.78 GB, of which r replies that choose 8 of 128 by themselves hit the share
               1 - (1 - 8 / 128) ** r: 0.74 GB for one reply, 2.7 for four, 10.3 for thirty-two
    document   20,480 p, once for all replies: their prefix is shared. 3.1 GB at 150,000 tokens
    replies    each its own window of local layers, 0.21 GB, and 20,480 for each token that it has written

So a step costs a + b r, with b falling as experts are shared. How many replies a card holds at once beside weights,
document and scratch memory is `sizes.most_replies`; what more is asked waits for the next batch.

Reading a token is bound by arithmetic: 2 operations for each active weight but the embeddings (3.08e9), and
4 x heads x head size for each key, in 5 global layers over half of the document and in 25 local ones over their window.
On top, every chunk of up to 2,048 tokens unpacks the experts: 4 bits read, 16 written and read. A document is read once
for all asks about the same pages; each ask has its own question and schema to read behind it, as a chunk of its own.

What the host does between two steps is left out, and so are pictures' encoders. Both would make one long reply look
worse: a batch shares the first, and either way reads the same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from model.gemma.dimensions import GEMMA_4_26B_A4B, layers, parts, required, text_config
from model.gemma.sizes import BF16, GB, cache_bytes, most_replies

CONFIG = GEMMA_4_26B_A4B
CHUNK = 2048  # tokens read at a time
BITS = 4.127  # of a weight in NF4 with double quantisation


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card. memory: bytes. bandwidth: bytes a second. operations: in 16 bit a second that are reached.

    The default is a round 24 GB card: some 1,000 GB/s, and a third of the 165e12 that its makers state in 16 bit.
    """

    memory: int = 24 * GB
    bandwidth: float = 1000e9
    operations: float = 55e12


@dataclass(frozen=True, slots=True)
class Call:
    """Asks that were put at once about the same pages.

    prefix: tokens of the pages. read: whether they were read for it, not kept from the call before. questions, replies:
    tokens of each ask's own.
    """

    prefix: int
    read: bool
    questions: tuple[int, ...]
    replies: tuple[int, ...]


def seconds(calls: Iterable[Call], card: Card) -> float:
    """Of all calls, one after the other."""
    return sum(reading_seconds(call, card) + writing_seconds(call, card) for call in calls)


def reading_seconds(call: Call, card: Card) -> float:
    """Of the pages, which look back on half of themselves, and of each question behind them."""
    pages = _chunks_seconds(call.prefix, call.prefix // 2, card) if call.read else 0.0
    return pages + sum(_chunks_seconds(tokens, call.prefix, card) for tokens in call.questions)


def writing_seconds(call: Call, card: Card) -> float:
    """Batch after batch: a reply that is whole leaves its batch, and the others go on."""
    at_once = max(1, most_replies(CONFIG, "nf4", call.prefix, card.memory))
    return (
        sum(_batch_bytes(call.prefix, sorted(lengths)) for lengths in _batches(call.replies, at_once)) / card.bandwidth
    )


def _batches(lengths: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    return (lengths[first : first + most] for first in range(0, len(lengths), most))


def _batch_bytes(prefix: int, lengths: Sequence[int]) -> float:
    """lengths: of the replies, ascending."""
    every_step = _bytes("attention", "dense mlp") + _bytes("router", "embeddings", bits=16) + prefix * _kept_bytes()
    total, before = 0.0, 0
    for place, length in enumerate(lengths):
        active = len(lengths) - place
        total += (length - before) * (every_step + _expert_bytes(active))
        before = length
    return total + sum(length * _window_bytes() + _kept_bytes() * length * (length + 1) / 2 for length in lengths)


@cache
def _expert_bytes(replies: int) -> float:
    text = text_config(CONFIG)
    missed = 1 - required(text, "top_k_experts") / required(text, "num_experts")
    return _bytes("experts") * (1 - missed**replies)


@cache
def _bytes(*names: str, bits: float = BITS) -> float:
    found = parts(CONFIG)
    return sum(found[name].parameters for name in names) * bits / 8


@cache
def _kept_bytes() -> int:
    """Of keys and values that global layers keep of one token."""
    return sum(2 * BF16 * layer.kv_heads * layer.head_dim for layer in layers(CONFIG) if layer.window is None)


@cache
def _window_bytes() -> int:
    """Of keys and values in all local layers' windows."""
    window = max(layer.window or 0 for layer in layers(CONFIG))
    return cache_bytes(CONFIG, window) - window * _kept_bytes()


def _token_operations(keys: int) -> float:
    """To read one token that looks back on so many."""
    text = text_config(CONFIG)
    share = required(text, "top_k_experts") / required(text, "num_experts")
    found = parts(CONFIG)
    weights = share * found["experts"].parameters
    weights += sum(found[name].parameters for name in ("attention", "dense mlp", "router"))
    seen = sum(layer.heads * layer.head_dim * min(keys, layer.window or keys) for layer in layers(CONFIG))
    return 2 * weights + 4 * seen


def _chunks_seconds(tokens: int, keys: int, card: Card) -> float:
    """To read so many tokens, each looking back on so many, and to unpack the experts for each chunk of them."""
    unpacked = math.ceil(tokens / CHUNK) * parts(CONFIG)["experts"].parameters * (BITS / 8 + 2 * BF16)
    return tokens * _token_operations(keys) / card.operations + unpacked / card.bandwidth
