"""Prompts as a batch that transformers' own `forward` and `generate` take."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from model.gemma.pictures import patches
from model.gemma.processor import IMAGE, Processor
from model.gemma.prompt import Prompt


def batched(processor: Processor, prompts: Sequence[Prompt]) -> dict[str, torch.Tensor]:
    """What a model's own `forward` takes: prompts padded on the left to the longest, every picture rendered at once."""
    longest = max(len(prompt.ids) for prompt in prompts)
    input_ids = torch.full((len(prompts), longest), processor.pad_id, dtype=torch.int64)
    attention_mask = torch.zeros_like(input_ids)
    for row, prompt in enumerate(prompts):
        begin = longest - len(prompt.ids)
        input_ids[row, begin:] = torch.tensor(prompt.ids)
        attention_mask[row, begin:] = 1
    inputs = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "position_ids": (attention_mask.cumsum(-1) - 1).clamp(min=0),
        "mm_token_type_ids": (input_ids == processor.ids[IMAGE]).to(torch.int64),
    }
    pictures = [picture for prompt in prompts for picture in prompt.pictures]
    if pictures:
        cut = patches(processor.images, pictures)
        inputs |= {"pixel_values": cut.pixel_values, "image_position_ids": cut.image_position_ids}
    return inputs
