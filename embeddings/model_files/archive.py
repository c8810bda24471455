"""The archive that a ``.keras`` file is: a zip whose members are known, and no larger than they may be."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from milvise.errors import ModelError

CONFIG, WEIGHTS, RECORD = "config.json", "model.weights.h5", "milvise.json"
MEMBERS = frozenset({CONFIG, WEIGHTS, RECORD, "metadata.json"})

MOST_BYTES = 2**32
"""Of a file: more than a thousand million weights."""

MOST_JSON_BYTES = 2**24
"""Of a configuration or a record; the longest configuration of ``keras.applications`` has 1 MB."""

MOST_RATIO = 20
"""Of the weights to their packed form. Keras does not pack them, and weights hardly get smaller."""

_SPARE_BYTES = 2**20
_MOST_DIRECTORY_BYTES = 4096
_LOCAL_HEADER = struct.Struct("<26xHH")
_END = struct.Struct("<4s4H2LH")
_END_64 = b"PK\x06\x07"
_END_64_BYTES = 20


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, zipfile.ZipFile]]:
    """Open a ``.keras`` file whose members are those that Keras and milvise write.

    Raises
    ------
    ModelError
        If it is not such a file, or is damaged; also for what is read from it in the context.
    """
    try:
        with path.open("rb") as file:
            _check_directory(file, path.stat().st_size)
            with zipfile.ZipFile(file) as archive:
                _check_members(archive)
                yield file, archive
    except (OSError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        raise ModelError(f"its archive cannot be read: {ascii(str(error))[:200]}") from error


def read_json(archive: zipfile.ZipFile, name: str) -> Any:
    """Return the data in a JSON member.

    Raises
    ------
    ModelError
        If it is too long, or not JSON.
    """
    with archive.open(name) as member:
        text = member.read(MOST_JSON_BYTES + 1)
    if len(text) > MOST_JSON_BYTES:
        raise ModelError(f"its {name} is longer than {MOST_JSON_BYTES} bytes.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"its {name} is not JSON: {str(error)[:200]}") from None


def weights_member(file: BinaryIO, archive: zipfile.ZipFile) -> BinaryIO:
    """Return the weights in an archive as a file of their own, once their checksum is found to be right."""
    info = archive.getinfo(WEIGHTS)
    with archive.open(info) as member:
        # Reading to the end compares the checksum: h5py would take what is damaged for weights.
        unpacked = io.BytesIO(member.read()) if info.compress_type != zipfile.ZIP_STORED else None
        while member.read(2**20):
            pass
    if unpacked is not None:
        return unpacked
    file.seek(info.header_offset)
    name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    part = _Part(file, info.header_offset + _LOCAL_HEADER.size + name + extra, info.file_size)
    return cast(BinaryIO, io.BufferedReader(part))


def _check_directory(file: BinaryIO, size: int) -> None:
    """Check that the list of members is short: `zipfile` reads all of it at once."""
    if size > MOST_BYTES:
        raise ModelError(f"it has {size} bytes.\nExpected: {MOST_BYTES} at most")
    file.seek(max(0, size - _END.size - _END_64_BYTES))
    tail = file.read()
    if len(tail) < _END.size or not tail[-_END.size :].startswith(b"PK\x05\x06"):
        raise ModelError("it is not a zip archive, or is cut off.")
    *_, listed, _, comment = _END.unpack(tail[-_END.size :])
    if listed > _MOST_DIRECTORY_BYTES or comment or tail.startswith(_END_64):
        raise ModelError("its archive has more members than a model, or a comment.")


def _check_members(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    other = [name for name in names if name not in MEMBERS]
    if other:
        raise ModelError(
            f"its archive holds {ascii(other[0])[:100]}.\nExpected: {', '.join(sorted(MEMBERS))}. Vocabularies and other files"
            " beside the weights, and weights in another format than HDF5, are not loaded."
        )
    if len(set(names)) < len(names):
        raise ModelError("its archive holds two members of one name.")
    missing = {CONFIG, WEIGHTS}.difference(names)
    if missing:
        raise ModelError(f"its archive holds no {min(missing)}.")
    for info in archive.infolist():
        stored = info.compress_type == zipfile.ZIP_STORED
        if not stored and info.compress_type != zipfile.ZIP_DEFLATED:
            raise ModelError(f"its {info.filename} is packed in a way that is not known.")
        if stored and info.file_size != info.compress_size:
            raise ModelError(f"its {info.filename} is not as long as the archive says.")
        most = MOST_RATIO * info.compress_size + _SPARE_BYTES if info.filename == WEIGHTS else MOST_JSON_BYTES
        if info.file_size > most:
            raise ModelError(f"its {info.filename} has {info.file_size} bytes when unpacked.\nExpected: {most} at most")


class _Part(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        found = self._file.read(length)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)
