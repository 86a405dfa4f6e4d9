"""A config with the widths of the 26B, so small otherwise that a processor runs it in seconds."""

from __future__ import annotations

from typing import Any

from model.gemma.dimensions import GEMMA_4_26B_A4B


def real_widths() -> dict[str, Any]:
    """The 26B's own layers, one of each kind, with few experts and words."""
    text = GEMMA_4_26B_A4B["text_config"] | {"num_hidden_layers": 2, "num_experts": 8, "vocab_size": 512}
    text |= {"layer_types": ["sliding_attention", "full_attention"]}
    vision = GEMMA_4_26B_A4B["vision_config"] | {"num_hidden_layers": 1, "position_embedding_size": 64}
    return {**GEMMA_4_26B_A4B, "text_config": text, "vision_config": vision}
