"""Tables that list pictures: CSV, JSON lines and Parquet, read a little at a time, whatever is written in them.

A URI is taken letter for letter, since it identifies the picture: ``./a.jpg`` and ``a.jpg`` are two. Absolute ones and those with
``..`` are read, because a manifest is its user's own file. A manifest from elsewhere names no file of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from milvise.core.records import Row
from milvise.errors import InputError, MissingExtraError
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.content import Content, LocalFile
from milvise.ingest.sources.file_url import path_of
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.label_and_meta import label_and_meta
from milvise.ingest.sources.manifest_rows import csv_rows, json_rows
from milvise.ingest.sources.parquet_pictures import holds_pictures, parquet_entries
from milvise.ingest.sources.remote.remote_object import RemoteObject
from milvise.ingest.sources.remote.url import STORES, bucket_of, problem_with, scheme_of, shown

SUFFIXES = (".csv", ".jsonl", ".parquet")
MOST_ORIGINS = 32


class ManifestFile:
    """A manifest: a column ``uri``, relative to the manifest's folder or a URL, perhaps ``label``; the rest is metadata.

    A Parquet file may hold the pictures themselves; see `milvise.ingest.sources.parquet_pictures`.

    Attributes
    ----------
    origins : set of str
        The buckets that the last reading named; at most `MOST_ORIGINS`.

    Raises
    ------
    InputError
        While it is read, if it cannot be read on: it is damaged, or has no column ``uri``.
    """

    def __init__(self, file: Path | FileAnywhere) -> None:
        self.file = FileAnywhere(str(file)) if isinstance(file, Path) else file
        self.origins: set[str] = set()
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingExtraError("reading a manifest", "ingest") from None

    def __str__(self) -> str:
        return str(self.file)

    @property
    def location(self) -> str:
        """The absolute path, or the URL, of the manifest's folder."""
        return self.file.folder

    def __iter__(self) -> Iterator[Item | Rejected]:
        self.origins.clear()
        rows, kind = {
            ".csv": (csv_rows, "CSV"),
            ".jsonl": (json_rows, "JSON lines"),
            ".parquet": (parquet_entries, "Parquet"),
        }[self._suffix]
        for row in self._explained(rows(self.file), kind):
            yield row if isinstance(row, Item | Rejected) else self._item(row)

    def holds_pictures(self) -> bool:
        """Return whether it is a Parquet file with the pictures in it; false where it cannot be read."""
        return self._suffix == ".parquet" and holds_pictures(self.file)

    @property
    def _suffix(self) -> str:
        return Path(self.file.name).suffix

    def _explained(self, rows: Iterator[Row | Item | Rejected], kind: str) -> Iterator[Row | Item | Rejected]:
        """Yield the rows; what a library raises for a damaged file becomes an error that says which file it is."""
        try:
            yield from rows
        except (InputError, MissingExtraError):
            raise
        except Exception as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{self.file} cannot be read as {kind}: {reason}") from error

    def _item(self, row: Mapping[str, Any]) -> Item | Rejected:
        uri = row.get("uri")
        if not isinstance(uri, str) or not uri:
            return Rejected("", f"an entry of {self.file.name} has no uri")
        content = self._content(uri)
        if isinstance(content, str):
            return Rejected(shown(uri) if scheme_of(uri) else uri, content)
        try:
            label, meta = label_and_meta({name: value for name, value in row.items() if name != "uri"})
        except ValueError as error:
            return Rejected(uri, str(error))
        return Item(uri, content, label, meta)

    def _content(self, uri: str) -> Content | str:
        """Return the picture that a URI leads to, or why it is not read."""
        if scheme_of(uri) and scheme_of(uri) != "file":
            return problem_with(uri) or self._remote(uri)
        if not self.file.is_remote:
            try:
                return LocalFile(path_of(uri) if scheme_of(uri) else Path(self.file.place).parent / uri)
            except InputError as error:
                return str(error)
        if scheme_of(uri) or uri.startswith("/") or ".." in uri.split("/"):
            return "a manifest from elsewhere names URLs, or files below its own folder"
        url = f"{self.file.folder}/{uri}"
        return problem_with(url) or self._remote(url)

    def _remote(self, url: str) -> RemoteObject:
        if scheme_of(url) in STORES and len(self.origins) < MOST_ORIGINS:
            self.origins.add(bucket_of(url))
        return RemoteObject(url)
