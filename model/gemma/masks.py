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


def of_step(lengths: torch.Tensor, shortest: int, longest: int, shared: int, window: int) -> Masks:
    """For one query more in each row of a batch whose rows are padded on the left, behind what they share.

    lengths: tokens of each row before the step, (batch,); shortest, longest: the least and the most of them. shared:
    tokens at each row's beginning that the rows hold in common, and that are not padded.
    """
    padding = (longest - lengths)[:, None]
    own = torch.arange(longest + 1 - shared, device=lengths.device) >= padding
    kept = min(longest - shared, window - 1)  # of its own tokens, by a local layer
    recent = max(0, min(shared, window - 1 - (shortest - shared)))  # of the shared tokens, still seen by some row
    behind = torch.arange(shared - recent, shared, device=lengths.device) > lengths[:, None] - window
    local = torch.cat([behind, own[:, own.shape[1] - kept - 1 :]], dim=1)
    return {"full_attention": own[:, None, None], "sliding_attention": local[:, None, None]}
