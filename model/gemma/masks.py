"""Which keys a query sees. Global layers go by order alone; local ones by distance too, and pictures see themselves.

transformers would write these as tensors of queries by all keys: half a gigabyte for 2,048 queries at the end of a
full context. Here a global layer gets none but for padding, and a local one only what its window holds.
"""

from __future__ import annotations

from typing import Any

import torch

Masks = dict[str, torch.Tensor | None]


def of_span(first: int, last: int, window: int, pictures: torch.Tensor | None, device: Any) -> Masks:
    """For the queries `first`…`last` of one sequence whose earlier tokens are all in the cache.

    window: tokens that a local layer sees, the query's own included. pictures: for each token up to `last` which
    picture it is of, -1 for words; None where there are only words.
    """
    begun = max(0, first - window + 1)
    query = torch.arange(first, last, device=device)[:, None]
    key = torch.arange(begun, last, device=device)[None]
    seen = key <= query
    if pictures is not None:
        seen |= (pictures[first:last, None] == pictures[None, begun:last]) & (pictures[first:last, None] >= 0)
    return {"full_attention": None, "sliding_attention": (seen & (key > query - window))[None, None]}


def of_step(lengths: torch.Tensor, longest: int, shared: int, window: int) -> Masks:
    """For one query more in each row of a batch that is padded on the left.

    lengths: tokens of each row before the step, (batch,). longest: the most of them. shared: tokens at each row's
    beginning that the rows hold in common, and that are not padded.
    """
    places = torch.arange(longest + 1, device=lengths.device)
    real = places >= (longest - lengths)[:, None]
    local = real[:, max(0, longest - window + 1) :]
    own = real[:, shared:]  # padding lies between what is shared and what is not
    return {"full_attention": own[:, None, None], "sliding_attention": local[:, None, None]}
