"""Pictures of pages as the vision tower takes them: cut into patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from model.engine import VISUAL_TOKENS
from model.pictures import PATCH, PATCHES, Picture


@dataclass(frozen=True)
class Patches:
    """Pictures as the vision tower takes them.

    pixel_values: (pictures, patches, 768), float32, 0..1. image_position_ids: (pictures, patches, 2), int64, column and
    row of each patch, -1 where a smaller picture is filled up to the size of the largest.
    """

    pixel_values: torch.Tensor
    image_position_ids: torch.Tensor


def patches(images: Any, pictures: Sequence[Picture]) -> Patches:
    """Renders the pictures and cuts them into patches. `images` is the checkpoint's image processor.

    A dense page is 31 MB of patches and far more in the vision tower: call it for a few pictures at a time.
    """
    each = [_patches(images, picture) for picture in pictures]
    most = max(picture.tokens for picture in pictures) * PATCHES
    pixels = torch.zeros(len(each), most, 3 * PATCH * PATCH)
    positions = torch.full((len(each), most, 2), -1, dtype=torch.int64)
    for row, (values, places) in enumerate(each):
        pixels[row, : len(values)] = values
        positions[row, : len(places)] = places
    return Patches(pixels, positions)


def _patches(images: Any, picture: Picture) -> tuple[torch.Tensor, torch.Tensor]:
    budget = next(budget for budget in VISUAL_TOKENS if budget >= picture.tokens)
    cut = images.preprocess([picture.render()], do_resize=False, max_soft_tokens=budget, return_tensors="pt")
    real = picture.tokens * PATCHES
    return cut["pixel_values"][0, :real], cut["image_position_ids"][0, :real]
