"""Key and value caches of a document's prefix, and of the asks that go on from it.

A cache holds tensors of (batch, key heads, tokens, head size), global layers all tokens, local ones the last of their
window. Layers only ever replace their tensors, so that a branch shares its trunk's until it grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import DynamicCache
from transformers.cache_utils import DynamicSlidingWindowLayer


def empty_cache(config: Any) -> DynamicCache:
    """A cache for a model of this configuration, with its local and global layers."""
    return DynamicCache(config=config.get_text_config())


def branch(cache: DynamicCache) -> DynamicCache:
    """A cache that goes on from this one and leaves it as it is; nothing is copied before it grows."""
    twig = copy(cache)
    twig.layers = [copy(layer) for layer in cache.layers]
    return twig


def merged(caches: Sequence[DynamicCache]) -> DynamicCache:
    """One cache over a batch of caches of one sequence each, padded on the left to the longest.

    Row i is led by (longest - its own length) tokens that its attention mask has to hide.
    """
    whole = branch(caches[0])
    longest = max(cache.get_seq_length() for cache in caches)
    for number, layer in enumerate(whole.layers):
        rows = [cache.layers[number] for cache in caches]
        if not layer.is_initialized:  # it shares another layer's keys
            continue
        kept = longest
        if isinstance(layer, DynamicSlidingWindowLayer):
            kept = min(longest, layer.sliding_window - 1)
            layer.cumulative_length = longest
        layer.keys = torch.cat([_to_length(row.keys, kept) for row in rows])
        layer.values = torch.cat([_to_length(row.values, kept) for row in rows])
    return whole


def bytes_of(cache: DynamicCache) -> int:
    """What the keys and values take."""
    tensors = [tensor for layer in cache.layers if layer.is_initialized for tensor in (layer.keys, layer.values)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _to_length(states: torch.Tensor, tokens: int) -> torch.Tensor:
    return pad(states, (0, 0, tokens - states.shape[-2], 0))
