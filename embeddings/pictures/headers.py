"""What the first bytes of a picture file say, before Pillow takes them at their word."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from typing import IO

from PIL import Image
from PIL.BmpImagePlugin import DibImageFile
from PIL.PngImagePlugin import PngImageFile

from milvise.embeddings.pictures.limits import check, with_conversion
from milvise.embeddings.pictures.memory import MOST_MEMORY
from milvise.errors import ImageError

_METADATA = 32 * 2**20
_MORE_METADATA = 128 * 2**20
_READS = 200_000
_TAGS = 2**20
_ICON_PICTURES = 256


class Opening(io.RawIOBase):
    """A picture file whose metadata are limited: what is read until `opened` is called counts.

    Raises
    ------
    ImageError
        From a read, if there are more bytes, or more pieces, of metadata than any good picture has.
    """

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._bytes = most
        self._reads = _READS
        self._opening = True

    def opened(self) -> None:
        """End the counting."""
        self._opening = False

    # No `fileno`: libtiff would map the file into memory, and the process die where the disk fails or the file shrinks.

    def read(self, size: int | None = -1) -> bytes:
        """Return up to so many bytes."""
        return self._limited(self._file.read, size)

    def readline(self, size: int | None = -1) -> bytes:
        """Return the rest of the line."""
        return self._limited(self._file.readline, size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()

    def _limited(self, read: Callable[[int], bytes], size: int | None) -> bytes:
        size = -1 if size is None else size
        if not self._opening:
            return read(size)
        data = read(min(size, self._bytes + 1) if size >= 0 else self._bytes + 1)
        self._bytes -= len(data)
        self._reads -= 1
        if self._bytes < 0 or self._reads < 0:
            raise ImageError("its metadata are longer than those of any good picture")
        return data


def metadata_limit(start: bytes, length: int) -> int:
    """Return how many bytes may be read of a file until its size is known."""
    if _is_webp(start) or _is_avif(start):
        return length + 2**16
    return _MORE_METADATA if start.startswith((b"8BPS", b"II", b"MM")) else _METADATA


def before_opening(file: IO[bytes], start: bytes, length: int) -> int:
    """Check what Pillow decodes or unpacks as soon as it opens a file; return how many bytes of memory that takes.

    Parameters
    ----------
    file : file
        Its position is moved.
    start : bytes
        The first bytes of it.
    length : int
        Bytes of the whole file.

    Raises
    ------
    ImageError
        If it takes more than there is.
    """
    if (_is_webp(start) or _is_avif(start)) and 3 * length > MOST_MEMORY:
        raise ImageError(f"a WebP or AVIF file of {length:,} bytes, which has to be read whole")
    if _is_webp(start):
        width, height = _webp_size(start)
        return check(width, height, with_conversion(int(16.1 * width * height) + 2 * length, width * height))
    if start.startswith(b"\0\0\1\0"):
        sizes = list(_icon_sizes(file, start))
        return max((check(w, h, with_conversion(16 * w * h, w * h)) for w, h in sizes), default=0)
    if start.startswith((b"II", b"MM")):
        _check_tags(file, start)
    if start.startswith(b"\x89PNG"):
        _check_chunks(file)
    return 0


def jpeg2000_levels(file: IO[bytes]) -> int:
    """Return how many times a JPEG 2000 picture can be halved while it is decoded."""
    file.seek(0)
    start = file.read(2**16)
    place = start.find(b"\xff\x52", start.find(b"\xff\x4f\xff\x51"))
    # FF52, two bytes of length, style, progression, two bytes of layers, transform, levels
    return start[place + 9] if 0 <= place < len(start) - 9 else 0


def _is_avif(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis", b"mif1", b"msf1")


def _is_webp(start: bytes) -> bool:
    return start.startswith(b"RIFF") and start[8:12] == b"WEBP"


def _webp_size(start: bytes) -> tuple[int, int]:
    """Return the size of the canvas, for which memory is taken when a file is opened."""
    kind = start[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(start[24:27], "little"), 1 + int.from_bytes(start[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(start[26:28], "little") & 0x3FFF, int.from_bytes(start[28:30], "little") & 0x3FFF


def _icon_sizes(file: IO[bytes], start: bytes) -> Iterator[tuple[int, int]]:
    """Yield the sizes of the pictures in a Windows icon as they say themselves; its own table tells up to 256."""
    count = int.from_bytes(start[4:6], "little")
    if count > _ICON_PICTURES:
        raise ImageError(f"an icon of {count:,} pictures, more than {_ICON_PICTURES}")
    file.seek(6)
    table = file.read(16 * count)
    for place in range(0, len(table) - 15, 16):
        offset = int.from_bytes(table[place + 12 : place + 16], "little")
        file.seek(offset)
        is_png = file.read(8) == b"\x89PNG\r\n\x1a\n"
        file.seek(offset)
        found: Image.Image = PngImageFile(file) if is_png else DibImageFile(file)
        yield found.size


def _check_tags(file: IO[bytes], start: bytes) -> None:
    """Refuse a TIFF whose first directory has lists of numbers that grow to many times their size in Python."""
    order = "<" if start.startswith(b"II") else ">"
    big = start[2:4] in (b"+\0", b"\0+")
    place, count, entry = ("Q", "Q", "HHQ8x") if big else ("I", "H", "HHI4x")
    file.seek(8 if big else 4)
    file.seek(*_unpacked(file, order + place))
    (entries,) = _unpacked(file, order + count)
    for _ in range(min(entries, _READS)):
        _, kind, values = _unpacked(file, order + entry)
        if values > _TAGS and kind not in (1, 2, 6, 7):
            raise ImageError(f"a tag of {values:,} numbers, more than any good picture has")


def _unpacked(file: IO[bytes], form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _check_chunks(file: IO[bytes]) -> None:
    """Refuse a PNG with more than a good picture has beside its pixels; Pillow keeps what stands behind them, too."""
    file.seek(8)
    length = chunks = 0
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name not in (b"IDAT", b"fdAT"):
            length, chunks = length + size, chunks + 1
        if length > _METADATA or chunks > _READS // 10:
            raise ImageError("its metadata are longer than those of any good picture")
        if name == b"IEND":
            break
        file.seek(size + 4, io.SEEK_CUR)
