"""Key and value caches of a document's prefix, and of the asks that go on from it.

A cache holds tensors of (batch, key heads, tokens, head size), global layers all tokens, local ones the last of their
window. Layers only ever replace their tensors, so that a branch shares its trunk's, and so do all rows of a batch: each
has only the tokens that are its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from model.gemma.attention import Shared


def empty_cache(config: Any) -> DynamicCache:
    """A cache for a model of this configuration, with its local and global layers."""
    cache = DynamicCache(config=config.get_text_config())
    cache.layers = [
        _Window(layer.sliding_window) if type(layer) is DynamicSlidingWindowLayer else layer for layer in cache.layers
    ]
    return cache


def branch(cache: DynamicCache) -> DynamicCache:
    """A cache that goes on from this one and leaves it as it is; nothing of it is copied, ever."""
    twig = copy(cache)
    twig.layers = [_grown(layer) if layer.is_initialized else copy(layer) for layer in cache.layers]
    return twig


class _Window(DynamicSlidingWindowLayer):  # type: ignore[misc]  # transformers is not typed
    """A local layer that lets go of what it read beyond its window, where transformers keeps a view of the whole."""

    keys: torch.Tensor
    values: torch.Tensor

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        seen = super().update(key_states, value_states)
        if key_states.shape[2] > 1 and not self.record_past:  # a single token is not worth a copy
            self.keys, self.values = self.keys.clone(), self.values.clone()
        return seen


class _GrownWindow(_Window):
    """A local layer that begins with another's window, which stays where it is; see `_Grown`."""

    def __init__(self, trunk: _Window) -> None:
        super().__init__(trunk.sliding_window)
        self.trunk = trunk
        self.shared = self.cumulative_length = trunk.get_seq_length()
        self.is_initialized, self.device = True, trunk.device
        self.keys, self.values = trunk.keys[:, :, :0], trunk.values[:, :, :0]

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        own = super().update(key_states, value_states)
        return tuple(Shared(*pair) for pair in zip((self.trunk.keys, self.trunk.values), own, strict=True))

    def crop(self, tokens_to_remove: int) -> None:
        left = self.cumulative_length + tokens_to_remove  # a negative number
        super().crop(tokens_to_remove)
        self.cumulative_length = left  # which transformers takes from the layer's own tokens


class _Grown(DynamicLayer):  # type: ignore[misc]
    """A global layer that begins with another's tokens: these stay where they are, and only what follows is its own.

    keys, values: of its own tokens, (batch, key heads, tokens, head size).
    """

    def __init__(self, trunk: DynamicLayer) -> None:
        super().__init__()
        self.trunk = trunk
        self.shared = trunk.get_seq_length()
        self.is_initialized, self.device = True, trunk.device
        self.keys, self.values = trunk.keys[:, :, :0], trunk.values[:, :, :0]

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        own = super().update(key_states, value_states)
        return tuple(Shared(*pair) for pair in zip((self.trunk.keys, self.trunk.values), own, strict=True))

    def get_seq_length(self) -> int:
        return self.shared + super().get_seq_length()  # type: ignore[no-any-return]


def _grown(layer: DynamicLayer) -> DynamicLayer:
    if isinstance(layer, _Grown | _GrownWindow):
        return copy(layer)
    return _GrownWindow(layer) if isinstance(layer, _Window) else _Grown(layer)


def shared_length(cache: DynamicCache) -> int:
    """How many of the first tokens the cache's rows hold in common."""
    return next((_shared(layer) for layer in cache.layers if layer.is_initialized), 0)


def _shared(layer: DynamicLayer) -> int:
    return layer.shared if isinstance(layer, _Grown | _GrownWindow) else 0


def merged(caches: Sequence[DynamicCache]) -> DynamicCache:
    """One cache over all sequences of these caches, padded on the left to the longest.

    The caches are branches of one trunk, or of none. What they share is held once, unpadded; in row i it is followed by
    (longest - its own length) tokens that its attention mask has to hide. The caches are taken apart on the way, so
    that no more than one layer is held twice, and are of no use afterwards.
    """
    longest, shared = max(cache.get_seq_length() for cache in caches), shared_length(caches[0])
    if any(shared_length(cache) != shared for cache in caches):
        raise ValueError("only branches of one trunk can be merged.")
    whole = copy(caches[0])
    whole.layers = []
    for parts in zip(*(cache.layers for cache in caches), strict=True):
        layer = copy(parts[0])
        if layer.is_initialized:  # else it uses another layer's keys
            keys, values = [part.keys for part in parts], [part.values for part in parts]
            for part in parts:
                part.keys = part.values = None
            kept = _kept(layer, longest)
            layer.keys, layer.values = _stacked(keys, kept), _stacked(values, kept)
        whole.layers.append(layer)
    return whole


def only(cache: DynamicCache, rows: Sequence[int], longest: int) -> DynamicCache:
    """The cache without its other rows, and without the padding that these need no more. longest: tokens of a row."""
    for layer in cache.layers:
        if layer.is_initialized:
            kept = _kept(layer, longest)
            begin = layer.keys.shape[2] - kept
            layer.keys = layer.keys[rows, :, begin:]
            layer.values = layer.values[rows, :, begin:]  # one after the other: the old keys are free by now
    return cache


def bytes_of(*caches: DynamicCache) -> int:
    """Memory that the keys and values of all these caches keep from others, each piece counted once."""
    layers = [layer for cache in caches for layer in cache.layers if layer.is_initialized]
    layers += [layer.trunk for layer in layers if _shared(layer)]
    pieces = [tensor.untyped_storage() for layer in layers for tensor in (layer.keys, layer.values)]
    return sum({piece.data_ptr(): piece.nbytes() for piece in pieces if piece.nbytes()}.values())


def _kept(layer: DynamicLayer, longest: int) -> int:
    """Of so many tokens, those that the layer's own tensors hold; a local layer is told of their number."""
    own = longest - _shared(layer)
    if isinstance(layer, _Window):
        layer.cumulative_length, layer.record_past = longest, False
        return min(own, int(layer.sliding_window) - 1)
    return own


def _stacked(parts: list[torch.Tensor], tokens: int) -> torch.Tensor:
    """The rows of all parts, each with nothings before it to so many tokens. The parts are let go one by one."""
    first = parts[0]
    whole = first.new_zeros(sum(len(part) for part in parts), first.shape[1], tokens, first.shape[3])
    row = 0
    while parts:
        part = parts.pop(0)
        whole[row : row + len(part), :, tokens - part.shape[2] :] = part
        row += len(part)
    return whole
