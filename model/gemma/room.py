"""How many replies are written at a time: as many as the free memory holds, counted before, not tried out."""

from __future__ import annotations

from typing import Any

import torch

from model.gemma.sizes import MOST_REPLIES, reply_bytes

SPARE = 0.3  # of what is free, for activations and what fragments leave unused


def rows_at_once(model: Any, tokens: int) -> int:
    """tokens: that a row may add to the pages that all rows share."""
    if model.device.type != "cuda":
        return MOST_REPLIES
    free, _ = torch.cuda.mem_get_info(model.device)
    reserved = torch.cuda.memory_reserved(model.device) - torch.cuda.memory_allocated(model.device)
    row = reply_bytes(model.config.to_dict(), tokens)
    return max(1, min(MOST_REPLIES, int((free + reserved) * (1 - SPARE)) // row))
