"""A picture whose bytes stand in a row of a Parquet file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import IO, Any
from urllib.parse import quote, unquote

from milvise.errors import ImageError, InputError
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.content import ContentState
from milvise.ingest.sources.held_bytes import HeldBytes
from milvise.ingest.sources.manifest_rows import group_of, parquet_file
from milvise.ingest.sources.remote.stores import Entry, number_of
from milvise.ingest.sources.spooled import spooled

COLUMNS = ("image", "img", "bytes")
_PLACE = re.compile(r"row:(\d{1,18}):([^:]*):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ParquetRow:
    """The picture of a row; `str` of it is ``row:NUMBER:COLUMN:PLACE``, its column quoted as in a URL.

    Parameters
    ----------
    file : FileAnywhere
    number : int
        Of the row in the file, from 0.
    column : str
    version : int, optional
        Of the file: a number that is new whenever its content is.
    length : int, optional
        How many bytes the picture has.
    held : HeldBytes, optional
        The bytes, where they came along while the file was read.
    """

    file: FileAnywhere
    number: int
    column: str
    version: int | None = None
    length: int | None = None
    held: HeldBytes | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"row:{self.number}:{quote(self.column, safe='')}:{self.file.place}"

    @property
    def path(self) -> None:
        """None: it is no file by itself."""
        return

    @classmethod
    def at(cls, file: FileAnywhere, number: int) -> ParquetRow:
        """Return the picture of a row, its column looked up in the file.

        Raises
        ------
        ImageError
            If the file cannot be read, or holds no pictures.
        """
        try:
            with parquet_file(file) as opened:
                column = picture_column(opened.schema_arrow)
        except Exception as error:  # what pyarrow raises for damaged files
            raise ImageError(f"{file} cannot be read as Parquet: {error}") from error
        if column is None:
            raise ImageError(f"{file} holds no pictures")
        return cls(file, number, column)

    def with_bytes(self, length: int, held: HeldBytes | None) -> ParquetRow:
        """Return it with its length, and with its bytes where they are held."""
        return replace(self, length=length, held=held)

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], int]]:
        """Read it; yields a file that can be sought in, and its length in bytes.

        Raises
        ------
        ImageError
            If the file or the row cannot be read, or holds no picture.
        """
        data = self.held.data if self.held is not None else _read(self.file, self.number, self.column)
        with spooled(lambda start, end: data[start:end], len(data)) as (file, length):
            yield file, length

    def state(self) -> ContentState | None:
        """Return where it is, its length, and a number for the version of the file; None where that is not known."""
        if self.version is None or self.length is None:
            return None
        return ContentState(str(self), self.length, number_of(f"{self.version}:{self.number}"))


def picture_column(schema: Any) -> str | None:
    """Return the name of the column that holds pictures, None if there is none."""
    return next((name for name in COLUMNS if name in schema.names and _holds_bytes(schema.field(name).type)), None)


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def row_at(place: str) -> tuple[int, str, str] | None:
    """Return number, column and file of a place that is the `str` of a `ParquetRow`; None for another place."""
    found = _PLACE.fullmatch(place)
    return None if found is None else (int(found[1]), unquote(found[2]), found[3])


_lock = Lock()
_group: list[tuple[Entry, int, int, Any]] = []
"""Of the row group that was read last: its file, its first row, the one behind its last, and its pictures."""


def _read(table: FileAnywhere, number: int, column: str) -> bytes:
    try:
        found = table.look()
        with _lock:
            if not _is_kept(found, number):
                with parquet_file(table) as file:
                    first, end, at = group_of(file, table, number)
                    pictures = file.read_row_group(at, columns=[column], use_threads=False).column(column)
                _group[:] = [(found, first, end, pictures)]
            _, first, _, pictures = _group[0]
            value = pictures[number - first].as_py()
    except InputError as error:
        raise ImageError(str(error)) from error
    except Exception as error:  # what pyarrow raises for damaged files
        raise ImageError(f"{table} cannot be read as Parquet: {error}") from error
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise ImageError("the row holds no bytes of a picture")
    return data


def _is_kept(found: Entry, number: int) -> bool:
    return (
        bool(_group) and found.version is not None and _group[0][0] == found and _group[0][1] <= number < _group[0][2]
    )
