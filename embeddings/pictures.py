"""From the bytes of a picture file to the pixels that a backbone reads."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from milvise.errors import ImageError

ResizeRule = Literal["crop", "squash"]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

FORMATS = (
    "AVIF", "BMP", "DDS", "DIB", "GIF", "ICNS", "ICO", "IM", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "PSD",
    "QOI", "SGI", "TGA", "TIFF", "WEBP", "XBM", "XPM",
)  # fmt: skip
"""What is read. Formats whose Pillow plugin starts another program (EPS) or reads other files are left out."""

MOST_PIXELS = 2 * 89_478_485
"""Where Pillow itself begins to call a picture a decompression bomb: about 179 megapixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes
    ----------
    pixels : ndarray of shape (size, size, 3), uint8
        Resized for the backbone, RGB.
    width, height : int
        Size in pixels of the picture as it is meant to be seen, before resizing.
    """

    pixels: Pixels
    width: int
    height: int


def extensions() -> frozenset[str]:
    """Return the file extensions of `FORMATS`, lower-case, with their dots."""
    return frozenset(ext for ext, name in Image.registered_extensions().items() if name in _readable())


def decode(data: bytes, *, size: int, rule: ResizeRule) -> Picture:
    """Decode a picture file for a backbone whose input is `size` pixels square.

    The first frame of an animation is taken, EXIF rotation applied, transparency laid on white, and 16-bit, CMYK and
    palette pictures are brought to 8-bit RGB.

    Parameters
    ----------
    data : bytes
        The content of the file.
    size : int
        Side of the result in pixels.
    rule : {"crop", "squash"}
        ``crop`` scales the shorter side and cuts the longer one to the middle; ``squash`` ignores the proportions, as
        ``keras.utils.load_img(target_size=…)`` does.

    Raises
    ------
    ImageError
        If the bytes are not a picture, or one that is damaged or too large; the message is the reason.
    """
    if not data:
        raise ImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, size, rule)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("not a picture in a format that can be read") from None
    except Image.DecompressionBombError:
        raise ImageError(f"more than {MOST_PIXELS:,} pixels (a decompression bomb?)") from None
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged files
        raise ImageError(f"damaged: {type(error).__name__}: {error}") from error


def decode_image(image: Image.Image, *, size: int, rule: ResizeRule) -> Picture:
    """Bring an opened Pillow image to the pixels that a backbone reads; see `decode`."""
    image = to_rgb(ImageOps.exif_transpose(image))
    return Picture(np.asarray(_resize(image, size, rule), dtype=np.uint8), image.width, image.height)


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the image as 8-bit RGB, transparency laid on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        return white.convert("RGB")
    return image.convert("RGB")


@cache
def _readable() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _decode(data: bytes, size: int, rule: ResizeRule) -> Picture:
    with Image.open(io.BytesIO(data), formats=_readable()) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise ImageError(f"{width} x {height} pixels, more than {MOST_PIXELS:,} (a decompression bomb?)")
        # A JPEG decodes several times faster at a half, a quarter or an eighth of its size.
        image.draft("RGB", _draft_size(width, height, size))
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        picture = decode_image(image, size=size, rule=rule)
    return Picture(picture.pixels, height if turned else width, width if turned else height)


def _draft_size(width: int, height: int, size: int) -> tuple[int, int]:
    # Twice the size that is needed, so that the resampling below still decides what the pixels look like.
    scale = 2 * size / min(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resize(image: Image.Image, size: int, rule: ResizeRule) -> Image.Image:
    if rule == "squash":
        return image.resize((size, size), Image.Resampling.BILINEAR)
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _to_8_bit(values: np.ndarray[Any, Any]) -> Pixels:
    """Scale 16-bit samples by their full range, and other wide samples by the range that they use."""
    low, high = (0.0, 65_535.0) if values.dtype.kind in "ui" else (float(values.min()), float(values.max()))
    if values.dtype.kind in "ui" and (values.min() < low or values.max() > high):
        low, high = float(values.min()), float(values.max())
    scaled = (values.astype(np.float64) - low) / max(high - low, 1e-12)
    return (np.nan_to_num(scaled).clip(0, 1) * 255).round().astype(np.uint8)
