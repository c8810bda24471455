"""What decoding a picture may cost: how much memory it will take, and how much is taken at a time.

Pillow holds 1, 2 or 4 bytes for each pixel; what a format's decoder takes beside that was measured with
``benchmarks/picture_memory.py``.
"""

from __future__ import annotations

import ctypes
import io
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Condition
from typing import IO, Any

from PIL import Image
from PIL.BmpImagePlugin import DibImageFile
from PIL.IcnsImagePlugin import IcnsFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.PngImagePlugin import PngImageFile

from milvise.embeddings.rgb import LARGE
from milvise.errors import ImageError

MOST_PIXELS = 2 * 89_478_485
"""Where Pillow itself begins to call a picture a decompression bomb: about 179 megapixels."""

MOST_MEMORY = 800 * 2**20
"""Bytes that decoding takes at a time, however many threads decode."""

MOST_CONTENT = 96 * 2**20
"""Bytes of files that are held in memory at a time."""

_BESIDE = {
    "AVIF": 11.0, "DDS": 5.0, "GIF": 2.0, "ICO": 12.0, "PPM": 9.0, "PSD": 4.0, "QOI": 5.0, "SGI": 4.0, "WEBP": 12.1, "XPM": 5.0,
}  # fmt: skip
"""Bytes for each pixel that a format's decoder takes beside the picture itself."""

TRIMMED = 4_000_000
"""What pictures of more pixels took is given back to the system at once."""

_JPEG2000_SAMPLE = 5.0
_JPEG_SAMPLE = 2.0
_TILES = 2**24
_CONVERTED = 8

_METADATA = 32 * 2**20
_MORE_METADATA = 128 * 2**20
_READS = 200_000
_TAGS = 2**20
_ICON_PICTURES = 256

_SCANS = 20
_SCANNED = 4_000_000_000
"""Every scan of a progressive JPEG goes over all pixels: so many of them take about ten seconds."""


class Budget:
    """Memory that threads take and give back; who asks first gets first, so that large pictures are not passed over for ever."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._free = most
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Wait until so many bytes are free, at most `most`, and take them for the block."""
        amount = min(amount, self.most)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._free >= amount)
                self._free -= amount
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


DECODING = Budget(MOST_MEMORY)
CONTENTS = Budget(MOST_CONTENT)
"""Whoever takes from both takes from this one first, so that none waits for another in a circle."""


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


def trim() -> None:
    """Give memory that was freed back to the system, which glibc keeps for the thread that had it."""
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


@cache
def _libc() -> Any:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "malloc_trim") else None
    except (OSError, TypeError):
        return None


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
        return check(width, height, _with_conversion(int(16.1 * width * height) + 2 * length, width * height))
    if start.startswith(b"\0\0\1\0"):
        sizes = list(_icon_sizes(file, start))
        return max((check(w, h, _with_conversion(16 * w * h, w * h)) for w, h in sizes), default=0)
    if start.startswith((b"II", b"MM")):
        _check_tags(file, start)
    if start.startswith(b"\x89PNG"):
        _check_chunks(file)
    return 0


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
    return _with_conversion(int(held * pixels + beside), pixels)


def jpeg2000_levels(file: IO[bytes]) -> int:
    """Return how many times a JPEG 2000 picture can be halved while it is decoded."""
    file.seek(0)
    start = file.read(2**16)
    place = start.find(b"\xff\x52", start.find(b"\xff\x4f\xff\x51"))
    # FF52, two bytes of length, style, progression, two bytes of layers, transform, levels
    return start[place + 9] if 0 <= place < len(start) - 9 else 0


def _with_conversion(memory: int, pixels: int) -> int:
    """Add what making RGB takes: two copies of a picture that is not large, some tiles of one that is."""
    return memory + (_TILES if pixels > LARGE else _CONVERTED * pixels)


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
