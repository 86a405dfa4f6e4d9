"""Attention for long documents: keys and values are never copied for each query head, and scratch is bounded.

transformers' own path repeats the two key heads of a global layer for all sixteen query heads when it reads, which
costs 8.6 GB at 262,144 tokens, and wants a mask of queries by keys. Here the query heads of a key head are folded into
the query axis, keys are walked in blocks, and the parts are joined by their log-sum-exp. So a batch can also share one
copy of the keys of what its rows have in common. Local layers and the vision tower, whose keys are few, take
transformers' path.

Source of the joining: Milakov and Gimelshein 2018, "Online normalizer calculation for softmax", arXiv 1805.02867.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "intaglio"  # for `attn_implementation`
SCRATCH = 256 << 20  # bytes that one call may take beside its result
LEAST_KEYS = 128  # in a block, as long as there is room for one query


class Shared(NamedTuple):
    """Keys or values of a batch whose rows begin with the same tokens.

    trunk: of these, (1, key heads, tokens, head size). own: of what follows, (batch, key heads, tokens, head size).
    """

    trunk: torch.Tensor
    own: torch.Tensor


def attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor | Shared,
    value: torch.Tensor | Shared,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention interface: (batch, heads, queries, head size) to (batch, queries, heads, head size)."""
    if getattr(module, "is_sliding", True):
        key, value = (_recent(states, attention_mask) for states in (key, value))
        output: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return output
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return bounded_attention(query, key, value, attention_mask, scale).transpose(1, 2).contiguous(), None


def _recent(states: torch.Tensor | Shared, mask: torch.Tensor | None) -> torch.Tensor:
    """Of each row as many of the last keys as the mask has, what is shared written out: a window's worth at most."""
    if isinstance(states, torch.Tensor):
        return states
    if mask is None:
        raise ValueError("what a local layer sees of shared tokens needs a mask.")
    own = states.own[:, :, -mask.shape[-1] :]
    missing = mask.shape[-1] - own.shape[2]
    if not missing:
        return own
    return torch.cat([states.trunk[:, :, -missing:].expand(len(own), -1, -1, -1), own], dim=2)


def register() -> None:
    """Makes `NAME` known to transformers."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def bounded_attention(
    query: torch.Tensor,
    key: torch.Tensor | Shared,
    value: torch.Tensor | Shared,
    mask: torch.Tensor | None,
    scale: float,
    scratch: int = SCRATCH,
) -> torch.Tensor:
    """Softmax attention, (batch, heads, queries, head size), summed up in fp32.

    mask: (batch or 1, 1, queries, keys), True where a query sees a key, for the last keys of each row; earlier ones are
    seen by all. None lets every query see the keys up to its own, of which the last query's is the last. scratch: bytes
    at most beside the result, unless a single query with `LEAST_KEYS` keys takes more.
    """
    out = torch.empty_like(query)
    parts = list(_parts(key, value, query.shape[2], mask))
    step = _queries_at_once(query, parts[0][0].shape[1], scratch)
    for first in range(0, query.shape[2], step):
        piece = query[:, :, first : first + step]
        seen = ((keys, values, _rows(seen, first, first + step)) for keys, values, seen in parts)
        out[:, :, first : first + step] = _attend(piece, seen, scale, scratch)
    return out


_Part = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


def _parts(
    key: torch.Tensor | Shared, value: torch.Tensor | Shared, queries: int, mask: torch.Tensor | None
) -> Iterator[_Part]:
    """Keys and values with their masks: what all rows share, what every query sees, and what only some do."""
    if isinstance(key, Shared) and isinstance(value, Shared):
        yield key.trunk, value.trunk, None
        key, value = key.own, value.own
    assert isinstance(key, torch.Tensor) and isinstance(value, torch.Tensor)
    if mask is None and queries > 1:
        mask = torch.ones(1, 1, queries, queries, dtype=torch.bool, device=key.device).tril()
    masked = 0 if mask is None else mask.shape[-1]
    free = key.shape[2] - masked
    if free < 0:
        raise ValueError("the mask has more keys than the rows have of their own.")
    if free:
        yield key[:, :, :free], value[:, :, :free], None
    if masked:
        yield key[:, :, free:], value[:, :, free:], mask


def _rows(mask: torch.Tensor | None, first: int, last: int) -> torch.Tensor | None:
    return None if mask is None else mask[:, :, first:last]


def _queries_at_once(query: torch.Tensor, groups: int, scratch: int) -> int:
    """So many that their own copies take half of the scratch and a block of keys the other."""
    batch, heads, queries, size = query.shape
    a_query = batch * heads * 4 * max(6 * size, 4 * LEAST_KEYS)
    a_block = 4 * 2 * batch * groups * LEAST_KEYS * size
    return int(max(1, min(queries, (scratch - a_block) // (2 * a_query))))


def _attend(query: torch.Tensor, parts: Iterator[_Part], scale: float, scratch: int) -> torch.Tensor:
    batch, heads, queries, size = query.shape
    whole: _Partial | None = None
    for keys, values, mask in parts:
        groups = keys.shape[1]
        folded = query.float().mul_(scale).reshape(batch, groups, heads // groups * queries, size)
        if keys.shape[0] < batch:  # one copy for all rows: they become queries of one row
            partial = _walk(_joined(folded), keys, values, None, scratch)
            partial = _Partial(*(_split(tensor, batch) for tensor in partial))
        else:
            if mask is not None:
                mask = mask.repeat(1, 1, heads // groups, 1)
            partial = _walk(folded, keys, values, mask, scratch)
        whole = partial if whole is None else _merged(whole, partial)
    assert whole is not None
    return whole.out.reshape(batch, heads, queries, size).to(query.dtype)


class _Partial(NamedTuple):
    """Attention to some of the keys. out: (batch, groups, queries, head size); weight: log-sum-exp of its scores."""

    out: torch.Tensor
    weight: torch.Tensor


def _walk(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, scratch: int
) -> _Partial:
    """Attends to keys block by block."""
    rows, groups, queries, size = query.shape
    a_key = 4 * rows * groups * (4 * queries + 2 * size)
    block = max(LEAST_KEYS, scratch // 2 // a_key)
    whole: _Partial | None = None
    for first in range(0, keys.shape[2], block):
        last = min(first + block, keys.shape[2])
        scores = _product(query, keys[:, :, first:last].transpose(-1, -2))
        if mask is not None:
            scores.masked_fill_(~mask[:, :, :, first:last], -torch.inf)
        weight = scores.logsumexp(-1, keepdim=True)
        # A query that sees nothing of the block has the weight of nothing, -inf, and no share in it.
        shares = scores.sub_(weight.nan_to_num(neginf=0.0)).exp_()
        partial = _Partial(_product(shares, values[:, :, first:last]), weight)
        whole = partial if whole is None else _merged(whole, partial)
    assert whole is not None
    return whole


def _product(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """one @ other, in fp32: (rows, groups, m, k) and (rows, groups, k, n)."""
    return _narrow(one, other) if other.is_cuda and other.dtype != torch.float32 else one @ other.float()


def _narrow(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The product of numbers of 16 bit, summed up in fp32 by the kernel, so that keys are not copied to be widened."""
    narrow = one.to(other.dtype).flatten(0, 1)
    return torch.bmm(narrow, other.flatten(0, 1), out_dtype=torch.float32).unflatten(0, one.shape[:2])


def _merged(one: _Partial, other: _Partial) -> _Partial:
    weight = torch.logaddexp(one.weight, other.weight)
    known = weight.nan_to_num(neginf=0.0)
    out = one.out * (one.weight - known).exp() + other.out * (other.weight - known).exp()
    return _Partial(out, weight)


def _joined(folded: torch.Tensor) -> torch.Tensor:
    """(batch, groups, queries, size) to (1, groups, batch · queries, size)."""
    return folded.transpose(0, 1).flatten(1, 2)[None]


def _split(joined: torch.Tensor, batch: int) -> torch.Tensor:
    """The reverse of `_joined`."""
    return joined[0].unflatten(1, (batch, -1)).transpose(0, 1)
