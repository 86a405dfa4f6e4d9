"""Key and value caches of a document's prefix, and of the asks that go on from it.

A cache holds tensors of (batch, key heads, tokens, head size), global layers all tokens, local ones the last of their
window. Layers only ever replace their tensors, so that a branch shares its trunk's.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from model.gemma.attention import Shared


def empty_cache(config: Any) -> DynamicCache:
    """A cache for a model of this configuration, with its local and global layers."""
    return DynamicCache(config=config.get_text_config())


def branch(cache: DynamicCache) -> DynamicCache:
    """A cache that goes on from this one and leaves it as it is; nothing of its global layers is copied, ever."""
    twig = copy(cache)
    twig.layers = [
        _Grown(layer) if type(layer) is DynamicLayer and layer.is_initialized else copy(layer) for layer in cache.layers
    ]
    return twig


class _Grown(DynamicLayer):  # type: ignore[misc]  # transformers is not typed
    """A global layer that begins with another's tokens: these stay where they are, and only what follows is its own.

    keys, values: of its own tokens, (batch, key heads, tokens, head size).
    """

    def __init__(self, trunk: DynamicLayer) -> None:
        super().__init__()
        self.trunk = trunk
        self.shared = trunk.get_seq_length()
        self.lazy_initialization(trunk.keys, trunk.values)
        self.keys, self.values = trunk.keys[:, :, :0], trunk.values[:, :, :0]

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        own = super().update(key_states, value_states)
        return tuple(Shared(*pair) for pair in zip((self.trunk.keys, self.trunk.values), own, strict=True))

    def get_seq_length(self) -> int:
        return self.shared + super().get_seq_length()  # type: ignore[no-any-return]


def shared_length(cache: DynamicCache) -> int:
    """How many of the first tokens the cache's rows hold in common."""
    return next((layer.shared for layer in cache.layers if isinstance(layer, _Grown)), 0)


def merged(caches: Sequence[DynamicCache]) -> DynamicCache:
    """One cache over a batch of caches of one sequence each, padded on the left to the longest.

    The caches are branches of one trunk, or of none. What they share is held once, unpadded; in row i it is followed by
    (longest - its own length) tokens that its attention mask has to hide.
    """
    whole = copy(caches[0])
    whole.layers = [copy(layer) for layer in whole.layers]
    longest = max(cache.get_seq_length() for cache in caches)
    for number, layer in enumerate(whole.layers):
        if not layer.is_initialized:  # it uses another layer's keys
            continue
        kept = longest - shared_length(whole)
        if isinstance(layer, DynamicSlidingWindowLayer):
            kept = min(longest, layer.sliding_window - 1)
            layer.cumulative_length = longest
        rows = [cache.layers[number] for cache in caches]
        layer.keys = torch.cat([_to_length(row.keys, kept) for row in rows])
        layer.values = torch.cat([_to_length(row.values, kept) for row in rows])
    return whole


def bytes_of(*caches: DynamicCache) -> int:
    """What the keys and values of all these caches take, each tensor counted once."""
    layers = [layer for cache in caches for layer in cache.layers if layer.is_initialized]
    layers += [layer.trunk for layer in layers if isinstance(layer, _Grown)]
    tensors = {id(tensor): tensor for layer in layers for tensor in (layer.keys, layer.values)}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _to_length(states: torch.Tensor, tokens: int) -> torch.Tensor:
    return pad(states, (0, 0, tokens - states.shape[-2], 0))
