"""How many replies are written at a time: as many as the free memory holds, counted before, not tried out."""

from __future__ import annotations

from typing import Any

import torch

MOST_ROWS = 32
SPARE = 0.3  # of what is free, for activations and what fragments leave unused


def rows_at_once(model: Any, tokens: int) -> int:
    """tokens: that a row may add to the pages that all rows share."""
    if model.device.type != "cuda":
        return MOST_ROWS
    free, _ = torch.cuda.mem_get_info(model.device)
    reserved = torch.cuda.memory_reserved(model.device) - torch.cuda.memory_allocated(model.device)
    return max(1, min(MOST_ROWS, int((free + reserved) * (1 - SPARE)) // row_bytes(model.config, tokens)))


def row_bytes(config: Any, tokens: int) -> int:
    """Keys and values of one row in 16 bit: of global layers its own tokens, of local ones a whole window."""
    text = config.get_text_config()
    total = 0
    for kind, layer in zip(text.layer_types, text.per_layer_config, strict=True):
        kept = text.sliding_window if kind == "sliding_attention" else tokens
        total += 2 * 2 * layer.num_key_value_heads * layer.head_dim * kept
    return total
