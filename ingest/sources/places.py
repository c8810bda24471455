"""From the text that says where a picture is back to its bytes, in another process or on another machine.

A place holds no credential. It is one of these:

- the absolute path of a file, or ``file://`` with it;
- a URL that `milvise.ingest.sources.remote.url` allows;
- ``bytes:START+LENGTH:PLACE`` for a part of such a file: a member of a tar;
- ``row:NUMBER:COLUMN:PLACE`` for a row of a Parquet file.
"""

from __future__ import annotations

import os
from pathlib import Path

from milvise.errors import InputError
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.byte_range import ByteRange, range_at
from milvise.ingest.sources.content import Content, LocalFile
from milvise.ingest.sources.file_url import path_of
from milvise.ingest.sources.parquet_row import ParquetRow, row_at
from milvise.ingest.sources.remote.remote_object import RemoteObject
from milvise.ingest.sources.remote.url import is_remote, require_url, scheme_of


def place_of(content: Content) -> str:
    """Return the text from which `content_at` opens the same bytes from any working directory."""
    if content.path is not None:
        return os.path.abspath(content.path)  # noqa: PTH100 - links stay
    return str(content)


def content_at(place: str) -> Content:
    """Return the content at a place.

    Parameters
    ----------
    place : str
        As `place_of` returns it, or ``file://`` and an absolute path.

    Raises
    ------
    InputError
        If it is no such place, or holds a credential.
    """
    if (part := range_at(place)) is not None:
        return ByteRange(_file(part[2]), part[0], part[1])
    if (row := row_at(place)) is not None:
        return ParquetRow(_file(row[2]), row[0], row[1])
    file = _file(place)
    return RemoteObject(file.place) if file.is_remote else LocalFile(Path(file.place))


def _file(place: str) -> FileAnywhere:
    if is_remote(place):
        return FileAnywhere(require_url(place))
    path = str(path_of(place)) if scheme_of(place) == "file" else place
    if not os.path.isabs(path):  # noqa: PTH117 - a text, which may be no path at all
        raise InputError(
            "this is no place of a picture.\nExpected: an absolute path, a URL that milvise reads, or a part of such a file"
            f"\nReceived: {place[:200]!r}"
        )
    return FileAnywhere(path)
