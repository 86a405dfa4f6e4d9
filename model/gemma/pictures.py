"""Pages as Gemma 4 sees them: how large a picture becomes for a budget of tokens, and its patches.

One token stands for 48 x 48 pixels: 3 x 3 patches of 16 x 16. The budget fixes the area, the page's aspect the sides.
Sizes follow from the page alone, so that tokens can be counted, and pages be rendered at the very size that is wanted,
before there is any picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from PIL.Image import Resampling
from transformers.models.gemma4.image_processing_pil_gemma4 import get_aspect_ratio_preserving_size

from model.engine import VISUAL_TOKENS, PageView
from schemas.page import WHOLE_PAGE, Box

if TYPE_CHECKING:
    from PIL.Image import Image

PATCH, POOL = 16, 3  # pixels along a patch, patches along a token
SIDE = PATCH * POOL  # pixels along a token
PATCHES = POOL * POOL  # patches in a token


@dataclass(frozen=True, slots=True)
class Picture:
    """A region of a page at the size at which the model sees it; nothing is rendered before `render`.

    width, height: pixels, multiples of 48.
    """

    image: Callable[[int, Box], Image]
    region: Box
    width: int
    height: int
    long_side: int

    @property
    def tokens(self) -> int:
        return (self.width // SIDE) * (self.height // SIDE)

    def render(self) -> Image:
        """The region in RGB, exactly `width` x `height`."""
        image = self.image(self.long_side, self.region).convert("RGB")
        size = (self.width, self.height)
        return image if image.size == size else image.resize(size, Resampling.BICUBIC)


def picture_of(view: PageView, region: Box = WHOLE_PAGE, visual_tokens: int | None = None) -> Picture | None:
    """The picture of a region of a page for a budget of tokens, the page's own if none is given; None without one."""
    if view.image is None:
        return None
    sides = max(1.0, view.text.width * region.width), max(1.0, view.text.height * region.height)
    width, height = fitted(*sides, visual_tokens or view.visual_tokens)
    return Picture(view.image, region, width, height, _long_side(sides, (width, height)))


def fitted(width: float, height: float, visual_tokens: int) -> tuple[int, int]:
    """Width and height in pixels to which Gemma 4 resizes a picture of any size, by its processor's own rule.

    visual_tokens: one of `VISUAL_TOKENS`; the picture takes at most that many tokens.
    """
    tall, wide = get_aspect_ratio_preserving_size(height, width, PATCH, visual_tokens * PATCHES, POOL)
    return int(wide), int(tall)


def _long_side(sides: tuple[float, float], size: tuple[int, int]) -> int:
    """The long side at which to render, so that neither side has to be enlarged; bounded for pages like ribbons."""
    scale = max(size[0] / sides[0], size[1] / sides[1])
    return min(math.ceil(scale * max(sides)), 2 * max(size))


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
