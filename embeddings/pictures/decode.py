"""From the bytes of a picture file to the pixels that a backbone reads."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from PIL import Image, UnidentifiedImageError

from milvise.core.arrays import Pixels
from milvise.embeddings.pictures import headers, limits, memory
from milvise.embeddings.pictures.files import opened
from milvise.embeddings.pictures.rgb import LARGE, Fit, ResizeRule, is_turned, resized, to_rgb
from milvise.errors import ImageError

__all__ = [
    "FORMATS",
    "MOST_PIXELS",
    "Picture",
    "Pixels",
    "ResizeRule",
    "decode",
    "decode_file",
    "decode_image",
    "decode_opened",
    "to_rgb",
]

FORMATS = (
    "AVIF", "BMP", "DDS", "DIB", "GIF", "ICNS", "ICO", "IM", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "PSD",
    "QOI", "SGI", "TGA", "TIFF", "WEBP", "XBM", "XPM",
)  # fmt: skip
"""What is read. Formats whose Pillow plugin starts another program (EPS) or reads other files are left out."""

MOST_PIXELS = limits.MOST_PIXELS

_IN_MEMORY = 32 * 2**20
"""Larger files are not read whole, and no two of them are decoded at a time."""

_SMALL = 2**22


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes
    ----------
    pixels : ndarray of shape (size, size, 3), uint8
        Resized for the backbone, RGB; of shape (height, width, 3) where the picture was to fit.
    width, height : int
        Size in pixels of the picture as it is meant to be seen, before resizing.
    """

    pixels: Pixels
    width: int
    height: int


def extensions() -> frozenset[str]:
    """Return the file extensions of `FORMATS`, lower-case, with their dots."""
    return frozenset(ext for ext, name in Image.registered_extensions().items() if name in _readable())


def decode(data: bytes, *, size: int, rule: ResizeRule | Fit) -> Picture:
    """Decode a picture file for a backbone whose input is `size` pixels square.

    The first frame of an animation is taken, EXIF rotation applied, transparency laid on white, and 16-bit, CMYK and
    palette pictures are brought to 8-bit RGB. Large pictures wait for each other where they would take more memory than
    `milvise.embeddings.picture_memory.MOST_MEMORY` together.

    Parameters
    ----------
    data : bytes
        The content of the file.
    size : int
        Side of the result in pixels, of ``fit`` the longer one.
    rule : {"crop", "squash", "fit"}
        ``crop`` scales the shorter side and cuts the longer one to the middle; ``squash`` ignores the proportions, as
        ``keras.utils.load_img(target_size=…)`` does. ``fit`` is for people: the whole picture in its proportions, its longer
        side `size` pixels or as it is.

    Raises
    ------
    ImageError
        If the bytes are not a picture, or one that is damaged or takes too much memory; the message is the reason.
    """
    if not data:
        raise ImageError("the file is empty")
    return _explained(lambda: _decode(io.BytesIO(data), len(data), size, rule))


def decode_file(path: Path | str, *, size: int, rule: ResizeRule | Fit) -> tuple[Picture, str]:
    """Decode a picture file as `decode`; return with it the SHA-256 of what was decoded, in hexadecimal.

    Raises
    ------
    ImageError
        As `decode`, and if the file is no regular one, cannot be read, or is written to meanwhile.
    """
    with opened(path) as (file, length):
        return decode_opened(file, length, size=size, rule=rule)


def decode_opened(file: IO[bytes], length: int, *, size: int, rule: ResizeRule | Fit) -> tuple[Picture, str]:
    """Decode a picture from an open file that can be sought in, which is `length` bytes long; see `decode_file`."""
    if length <= _IN_MEMORY:
        with memory.CONTENTS.taken(2 * length):
            data = file.read(length)
            return decode(data, size=size, rule=rule), hashlib.sha256(data).hexdigest()
    picture = _explained(lambda: _decode(file, length, size, rule))
    file.seek(0)
    return picture, hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def decode_image(image: Image.Image, *, size: int, rule: ResizeRule) -> Picture:
    """Bring an opened Pillow image to the pixels that a backbone reads; see `decode`."""
    return _explained(lambda: _loaded(image, size, rule))


def _explained(decoded: Callable[[], Picture]) -> Picture:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decoded()
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("not a picture in a format that can be read") from None
    except Image.DecompressionBombError:
        raise ImageError(f"more than {MOST_PIXELS:,} pixels (a decompression bomb?)") from None
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged files
        raise ImageError(f"damaged: {type(error).__name__}: {error}") from error


@cache
def _readable() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _decode(file: IO[bytes], length: int, size: int, rule: ResizeRule | Fit) -> Picture:
    file.seek(0)
    start = file.read(32)
    needed = headers.before_opening(file, start, length)
    with ExitStack() as held:
        if length > _IN_MEMORY:
            needed = memory.MOST_MEMORY
        if needed:
            held.enter_context(memory.DECODING.taken(needed))
        small = length <= _SMALL and isinstance(file, io.BytesIO)
        guarded: Any = file if small else headers.Opening(file, headers.metadata_limit(start, length))
        file.seek(0)
        image = Image.open(guarded, formats=_readable())
        try:
            if guarded is not file:
                guarded.opened()
            return _decoded(image, file, length, size, rule, None if needed else held)
        finally:
            # Also where it failed: the memory is given back before another picture takes it.
            large = image.width * image.height > memory.TRIMMED
            image.close()
            if large:
                memory.trim()


def _decoded(
    image: Image.Image, file: IO[bytes], length: int, size: int, rule: ResizeRule | Fit, held: ExitStack | None
) -> Picture:
    """Decode an opened picture; the memory is taken in `held`, unless that was done before."""
    width, height = image.size
    limits.check(width, height, 0)
    if image.format == "JPEG2000" and width * height > LARGE:
        _halve(image, headers.jpeg2000_levels(file), size)
    else:
        # A JPEG decodes several times faster at a half, a quarter or an eighth of its size.
        image.draft("RGB", _draft_size(width, height, size, rule))
    needed = limits.check(width, height, limits.memory_of(image, width, height, length))
    if held is not None:
        held.enter_context(memory.DECODING.taken(needed))
    turned = is_turned(image)
    pixels = resized(image, size, rule)
    if image.format in ("ICO", "ICNS"):
        width, height = image.size
    return Picture(pixels, height if turned else width, width if turned else height)


def _halve(image: Any, levels: int, size: int) -> None:
    """Have a JPEG 2000 decoded at a half, a quarter … of its size, since each of its pixels takes twenty bytes."""
    times = 0
    while times < levels and min(image.size) >> (times + 1) >= 2 * size:
        times += 1
    image.reduce = times


def _loaded(image: Image.Image, size: int, rule: ResizeRule) -> Picture:
    """Return the pixels of an image that somebody else opened, which is decoded as it is."""
    if 0 in image.size:
        raise ImageError(f"a picture of {image.width} x {image.height} pixels")
    width, height = image.size
    is_file = bool(getattr(image, "tile", None)) and getattr(image, "fp", None) is not None
    needed = limits.memory_of(image, width, height, 0) if is_file else 12 * min(width * height, LARGE)
    with memory.DECODING.taken(limits.check(width, height, needed)):
        turned = is_turned(image)
        pixels = resized(image, size, rule)
    return Picture(pixels, height if turned else width, width if turned else height)


def _draft_size(width: int, height: int, size: int, rule: ResizeRule | Fit) -> tuple[int, int]:
    # Twice the size that is needed, so that the resampling below still decides what the pixels look like.
    scale = 2 * size / (max(width, height) if rule == "fit" else min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
