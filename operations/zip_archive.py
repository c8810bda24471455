"""Pictures as a zip file that is made while it is read, a chunk at a time."""

from __future__ import annotations

import io
import time
from collections.abc import Generator, Sequence
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from milvise.errors import ImageError, NoFileError
from milvise.operations.files import SIZES, StoredFile, Thumbnails, safe_names

MISSING = "missing.txt"

_CHUNK = 2**16


def zipped(files: Sequence[StoredFile], thumbnails: Thumbnails | None = None) -> Generator[bytes, None, None]:
    """Yield a zip file of pictures, which are stored as they are: they are packed already.

    It holds no more than a chunk of one picture in memory. Pictures that are not there as they were loaded are listed in
    ``missing.txt`` inside.

    Parameters
    ----------
    files : sequence of StoredFile
    thumbnails : Thumbnails, optional
        With it the largest thumbnails are written instead of the files.
    """
    names = safe_names((file.picture.uri for file in files), extension=None if thumbnails is None else ".webp")
    missing: list[str] = []
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        for file, name in zip(files, names, strict=True):
            try:
                if thumbnails is not None:
                    archive.writestr(_entry(name), thumbnails.of(file, SIZES[-1]))
                else:
                    yield from _stored(archive, sink, file, name)
            except (NoFileError, ImageError):
                missing.append(file.picture.uri)
            yield sink.taken()
        if missing:
            archive.writestr(_entry(MISSING), "".join(f"{uri!r}\n" for uri in missing))
    yield sink.taken()


def _stored(archive: ZipFile, sink: _Sink, file: StoredFile, name: str) -> Generator[bytes, None, None]:
    with file.opened() as (opened, length):
        entry = _entry(name)
        entry.file_size = length
        with archive.open(entry, "w") as written:
            while chunk := opened.read(_CHUNK):
                written.write(chunk)
                yield sink.taken()


def _entry(name: str) -> ZipInfo:
    made = ZipInfo(name, time.localtime()[:6])
    made.external_attr = 0o644 << 16
    return made


class _Sink(io.RawIOBase):
    """Where the archive is written to, from which chunks are taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        """Keep bytes until they are taken."""
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data
