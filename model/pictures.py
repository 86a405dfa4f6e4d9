"""Pages as Gemma 4 sees them: how large a picture becomes for a budget of tokens.

One token stands for 48 x 48 pixels: 3 x 3 patches of 16 x 16. The budget fixes the area, the page's aspect the sides.
Sizes follow from the page alone, so that tokens can be counted, and pages be rendered at the very size that is wanted,
before there is any picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.engine import PageView
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
        from PIL.Image import Resampling

        image = self.image(self.long_side, self.region).convert("RGB")
        size = (self.width, self.height)
        return image if image.size == size else image.resize(size, Resampling.BICUBIC)


def picture_of(view: PageView, region: Box = WHOLE_PAGE, visual_tokens: int | None = None) -> Picture | None:
    """The picture of a region of what is shown of a page, for a budget of tokens, the page's own if none is given; None
    where there is no picture.
    """
    if view.image is None:
        return None
    region = view.region.part(region)
    sides = max(1.0, view.text.width * region.width), max(1.0, view.text.height * region.height)
    width, height = fitted(*sides, visual_tokens or view.visual_tokens)
    return Picture(view.image, region, width, height, _long_side(sides, (width, height)))


def fitted(width: float, height: float, visual_tokens: int) -> tuple[int, int]:
    """Width and height in pixels to which Gemma 4 resizes a picture of any size, by its processor's own rule.

    visual_tokens: one of `VISUAL_TOKENS`; the picture takes at most that many tokens. Rounding down may leave a side
    of a picture like a ribbon with nothing; it then becomes one token wide, and the other side as long as it may be.
    Source: `get_aspect_ratio_preserving_size` of transformers, with which the tests compare it.
    """
    factor = math.sqrt(visual_tokens * SIDE * SIDE / (width * height))
    wide, tall = math.floor(factor * width / SIDE), math.floor(factor * height / SIDE)
    if not tall:
        wide, tall = min(math.floor(width / height), visual_tokens), 1
    elif not wide:
        wide, tall = 1, min(math.floor(height / width), visual_tokens)
    return wide * SIDE, tall * SIDE


def _long_side(sides: tuple[float, float], size: tuple[int, int]) -> int:
    """The long side at which to render, so that neither side has to be enlarged; bounded for pages like ribbons."""
    scale = max(size[0] / sides[0], size[1] / sides[1])
    return min(math.ceil(scale * max(sides)), 2 * max(size))
