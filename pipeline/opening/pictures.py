"""Picture files: opened, and their pages as they are meant to be seen."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from pipeline.limits import DocumentLimits, is_out_of_memory, out_of_memory, too_many_pixels
from pipeline.opening.kinds import HEIC
from pipeline.pixels import with_square_pixels
from schemas.errors import DamagedDocument, DocumentError, UnsupportedDocument

if TYPE_CHECKING:
    from PIL.Image import Image


def open_picture(uri: str, content: bytes, limits: DocumentLimits, kind: str = "") -> Any:
    """The open picture; that of a single page is unpacked already, so that a damaged one is found now."""
    from PIL import Image as Images
    from PIL import UnidentifiedImageError

    if kind == HEIC:
        _know_heic(uri)
    Images.MAX_IMAGE_PIXELS = limits.pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that nobody reads
            warnings.simplefilter("error", Images.DecompressionBombWarning)
            picture = Images.open(io.BytesIO(content))
            _check_pixels(picture, uri, limits)
            if frames(picture) == 1:
                picture.load()
    except (Images.DecompressionBombError, Images.DecompressionBombWarning) as error:
        raise too_many_pixels("its picture has too many pixels", limits, uri) from error
    except DocumentError:
        raise
    except UnidentifiedImageError as error:  # whose message tells an address in memory
        raise DamagedDocument(
            "no picture can be found in it.", document=uri, remedy="Fetch it again; the copy may be cut off."
        ) from error
    except Exception as error:  # Pillow's formats raise whatever their parsers meet
        if is_out_of_memory(error):
            raise out_of_memory(limits, uri) from error
        raise DamagedDocument(
            f"its picture cannot be read: {error}.", document=uri, remedy="Fetch it again; the copy may be cut off."
        ) from error
    return picture


def _know_heic(uri: str) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise UnsupportedDocument(
            "HEIC pictures need a package that is not installed.",
            document=uri,
            remedy="Install it: pip install 'intaglio[heic]'.",
        ) from error
    pillow_heif.register_heif_opener()


def picture_page(picture: Any, number: int, uri: str, limits: DocumentLimits) -> Image:
    """A page of an open file, RGB, upright by its EXIF, pixels square. Raises what Pillow does, DocumentTooLarge."""
    from PIL import ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that nobody reads
        picture.seek(number - 1)
        _check_pixels(picture, uri, limits)
        return _on_paper(ImageOps.exif_transpose(with_square_pixels(picture)))


def frames(picture: Any) -> int:
    """The pages of a picture file: TIFF has them; the frames of other formats are animations."""
    return int(picture.n_frames) if picture.format == "TIFF" else 1


def _check_pixels(picture: Image, uri: str, limits: DocumentLimits) -> None:
    if picture.width * picture.height > limits.pixels:
        raise too_many_pixels(f"its picture has {picture.width} × {picture.height} pixels", limits, uri)


def _on_paper(frame: Image) -> Image:
    """RGB: what is transparent is white; of more than 8 bits a channel, the lightest is white."""
    from PIL import Image as Images

    if frame.mode in ("RGBA", "LA", "PA") or "transparency" in frame.info:
        frame = frame.convert("RGBA")
        return Images.alpha_composite(Images.new("RGBA", frame.size, "white"), frame).convert("RGB")
    if frame.mode.startswith(("I", "F")):
        import numpy as np

        light = np.asarray(frame, np.float32)
        frame = Images.fromarray((light * (255.0 / max(float(light.max()), 1e-9))).clip(0, 255).astype(np.uint8))
    return frame.convert("RGB")
