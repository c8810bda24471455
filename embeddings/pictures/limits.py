"""How many pixels a picture may have, and how much memory it will take to decode it.

Pillow holds 1, 2 or 4 bytes for each pixel; what a format's decoder takes beside that was measured with
``benchmarks/picture_memory.py``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image
from PIL.IcnsImagePlugin import IcnsFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.PngImagePlugin import PngImageFile

from milvise.embeddings.pictures.memory import MOST_MEMORY
from milvise.embeddings.pictures.rgb import LARGE
from milvise.errors import ImageError

MOST_PIXELS = 2 * 89_478_485
"""Where Pillow itself begins to call a picture a decompression bomb: about 179 megapixels."""

_BESIDE = {
    "AVIF": 11.0, "DDS": 5.0, "GIF": 2.0, "ICO": 12.0, "PPM": 9.0, "PSD": 4.0, "QOI": 5.0, "SGI": 4.0, "WEBP": 12.1, "XPM": 5.0,
}  # fmt: skip
"""Bytes for each pixel that a format's decoder takes beside the picture itself."""

_JPEG2000_SAMPLE = 5.0
_JPEG_SAMPLE = 2.0
_TILES = 2**24
_CONVERTED = 8
_SCANS = 20
_SCANNED = 4_000_000_000
"""Every scan of a progressive JPEG goes over all pixels: so many of them take about ten seconds."""


def check(width: int, height: int, memory: int) -> int:
    """Return the memory that a picture takes.

    Raises
    ------
    ImageError
        If the picture is too large, or takes too much.
    """
    if width * height > MOST_PIXELS:
        raise ImageError(f"{width} x {height} pixels, more than {MOST_PIXELS:,} (a decompression bomb?)")
    if memory > MOST_MEMORY:
        raise ImageError(
            f"decoding its {width} x {height} pixels takes about {memory // 10**6:,} MB of memory, more than"
            f" {MOST_MEMORY // 10**6:,} MB. Save it smaller, or as a JPEG that is not progressive"
        )
    return memory


def memory_of(image: Image.Image, width: int, height: int, length: int) -> int:
    """Return how many bytes it takes to load an opened picture and to make RGB of it.

    Parameters
    ----------
    width, height : int
        Size in pixels before a reduced decoding was chosen, which `image.size` tells.
    length : int
        Bytes of its file.
    """
    if image.format == "ICNS":
        return max((check(w, h, 32 * w * h) for w, h in _icns_sizes(image)), default=2**24)
    file: Any = image
    shrunk = 4**file._reduce if image.format == "JPEG2000" else 1
    pixels = image.width * image.height // shrunk
    held = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    beside = _BESIDE.get(str(image.format), 1.0) * pixels
    bands = len(image.getbands())
    if image.format == "PPM" and file.tile and file.tile[0][0] == "raw":
        beside = float(pixels)
    if image.format == "JPEG2000":
        beside = _JPEG2000_SAMPLE * bands * pixels + length
    elif image.format in ("JPEG", "MPO"):
        scans, buffered = _scans(image)
        if scans > _SCANS and scans * width * height > _SCANNED:
            raise ImageError(f"{width} x {height} pixels in {scans:,} scans, which take too long to decode")
        beside = _JPEG_SAMPLE * bands * width * height if buffered else 0.0
    elif image.format == "TIFF":
        beside = _libtiff(image, length) + (held * pixels if image.getexif().get(0x0112, 1) != 1 else 0)
    elif image.format in ("WEBP", "AVIF"):
        beside += 2 * length
    return with_conversion(int(held * pixels + beside), pixels)


def with_conversion(memory: int, pixels: int) -> int:
    """Add what making RGB takes: two copies of a picture that is not large, some tiles of one that is."""
    return memory + (_TILES if pixels > LARGE else _CONVERTED * pixels)


def _icns_sizes(image: Image.Image) -> Iterator[tuple[int, int]]:
    """Yield the sizes of the pictures that are decoded for the largest one of a macOS icon."""
    icns: Any = image
    for code, _ in IcnsFile.SIZES[icns.best_size]:
        if code in icns.icns.dct:
            start, length = icns.icns.dct[code]
            icns.icns.fobj.seek(start)
            data = icns.icns.fobj.read(length)
            if data.startswith(b"\x89PNG"):
                yield PngImageFile(io.BytesIO(data)).size
            elif data[:4] == b"\xff\x4f\xff\x51" or data[4:8] == b"jP  ":
                yield Jpeg2KImageFile(io.BytesIO(data)).size
    yield image.size


def _scans(image: Image.Image) -> tuple[int, bool]:
    """Return how many scans a JPEG has, and whether all of it is held in memory while they are decoded."""
    opened: Any = image
    file = opened.fp
    behind = file.tell()
    scans, tail = 1, b""
    while block := file.read(2**20):
        block = tail + block
        place = block.find(b"\xff\xda")
        while 0 <= place <= len(block) - 5:
            parts = block[place + 4]
            scans += 1 <= parts <= 4 and block[place + 2 : place + 4] == bytes((0, 6 + 2 * parts))
            place = block.find(b"\xff\xda", place + 2)
        tail = block[-4:]
    file.seek(behind)
    return scans, bool(image.info.get("progressive")) or scans > 1


def _libtiff(image: Image.Image, length: int) -> float:
    """Return the bytes that libtiff takes for the largest strip or tile, and for the file."""
    tiff: Any = image
    if not tiff.tile or tiff.tile[0][0] == "raw":
        return 0.0
    tags = tiff.tag_v2
    sample_bits = tags.get(258, (1,))
    pixel_bytes = sum(sample_bits) / 8 if len(sample_bits) > 1 else sample_bits[0] * tags.get(277, 1) / 8
    across = image.width * min(image.height, tags.get(278, image.height))
    strip = tags[322] * tags[323] if 322 in tags else across
    return float(2 * strip * max(1.0, pixel_bytes) + length)
