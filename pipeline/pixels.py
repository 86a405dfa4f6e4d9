"""Pictures whose pixels are not square, as those of faxes: 204 dots to the inch across, 98 lines to the inch down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

SQUARE, MOST = 1.02, 4.0  # of the two resolutions, the larger by the smaller: as good as square; no picture's

SOFT = 0.7  # pixels by which the steps of black and white are softened: letters are read better so


def with_square_pixels(frame: Image) -> Image:
    """The picture with as many pixels to the inch down as across, as the file says that it was scanned: the smaller
    number is raised to the larger, so that nothing is lost. A frame that says nothing of the kind is given back."""
    across, down = _resolutions(frame.info.get("dpi") or frame.info.get("resolution"))
    if not SQUARE < max(across, down) / min(across, down) < MOST:
        return frame
    from PIL.Image import Resampling
    from PIL.ImageFilter import GaussianBlur

    finest = max(across, down)
    size = max(1, round(frame.width * finest / across)), max(1, round(frame.height * finest / down))
    if frame.mode == "1":
        squared = frame.convert("L").resize(size, Resampling.BICUBIC).filter(GaussianBlur(SOFT))
    else:
        squared = frame.resize(size, Resampling.BICUBIC)
    squared.info.update(frame.info)
    return squared


def _resolutions(said: Any) -> tuple[float, float]:
    """Across and down; 1 and 1 where the file says nothing that can be used."""
    try:
        across, down = (float(value) for value in said)
    except (TypeError, ValueError, ZeroDivisionError):
        return 1.0, 1.0
    return (across, down) if across > 0 < down and across < 1e6 > down else (1.0, 1.0)
