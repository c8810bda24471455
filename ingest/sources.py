"""Where pictures come from: folders and manifests, read as lazy streams."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from milvise.embeddings.pictures import extensions
from milvise.errors import InputError, MissingExtraError

_COLUMNS = ("uri", "label")


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to load.

    Attributes
    ----------
    uri : str
        Relative to the source: what identifies the picture in a gallery.
    path : Path
        Where the file is.
    """

    uri: str
    path: Path
    label: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry of a source that cannot be used, and why."""

    uri: str
    reason: str


class Source(Protocol):
    """A stream of pictures that can be read more than once.

    Attributes
    ----------
    root : Path
        The folder that URIs are relative to.
    """

    root: Path

    def __iter__(self) -> Iterator[Item | Rejected]: ...


def open_source(source: str, *, labels: bool = True) -> Source:
    """Return the source that a path stands for: a folder, or a ``.csv``, ``.jsonl`` or ``.parquet`` manifest.

    Parameters
    ----------
    source : str
        The path.
    labels : bool
        Whether the folder in which a picture lies is its label.

    Raises
    ------
    InputError
        If there is nothing at the path, or it is of another kind.
    """
    path = Path(source)
    if path.is_dir():
        return Folder(path, labels=labels)
    if not path.exists():
        raise InputError(f"there is no folder or manifest at {path}.")
    if path.suffix not in (".csv", ".jsonl", ".parquet"):
        raise InputError(
            f"pictures are read from a folder, or from a manifest that ends in .csv, .jsonl or .parquet.\nReceived: {path}"
        )
    return Table(path)


class Folder:
    """The pictures in a folder and the folders in it; hidden files and other kinds of files are passed over."""

    def __init__(self, root: Path, *, labels: bool = True) -> None:
        self.root = root
        self._labels = labels
        self._extensions = extensions()

    def __iter__(self) -> Iterator[Item | Rejected]:
        yield from self._walk(self.root, ())

    def _walk(self, folder: Path, parts: tuple[str, ...]) -> Iterator[Item | Rejected]:
        folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif "." + entry.name.rpartition(".")[2].lower() in self._extensions:
                        label = parts[-1] if parts and self._labels else ""
                        yield Item("/".join((*parts, entry.name)), folder / entry.name, label)
        except OSError as error:
            yield Rejected("/".join(parts), f"the folder cannot be read: {error.strerror}")
        for name in sorted(folders):
            yield from self._walk(folder / name, (*parts, name))


class Table:
    """A manifest: a column ``uri``, relative to the manifest's folder, perhaps ``label``; the rest is metadata."""

    def __init__(self, path: Path) -> None:
        self.root = path.parent
        self._path = path
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingExtraError("reading a manifest", "ingest") from None

    def __iter__(self) -> Iterator[Item | Rejected]:
        rows = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}[self._path.suffix](self._path)
        for row in rows:
            yield row if isinstance(row, Rejected) else self._item(row)

    def _item(self, row: Mapping[str, Any]) -> Item | Rejected:
        uri = row.get("uri")
        if not isinstance(uri, str) or not uri:
            return Rejected(str(uri or ""), f"an entry of {self._path.name} has no uri")
        if "://" in uri:
            return Rejected(uri, "only files are read; download the picture first")
        label = row.get("label")
        meta = {name: _plain(value) for name, value in row.items() if name not in _COLUMNS and value is not None}
        return Item(uri, self.root / uri, "" if label is None else str(label), meta)


def _csv_rows(path: Path) -> Iterator[dict[str, Any] | Rejected]:
    import pyarrow
    from pyarrow import csv

    bad: list[Rejected] = []

    def reject(row: Any) -> str:
        bad.append(Rejected("", f"a line of {path.name} has {row.actual_columns} columns, not {row.expected_columns}"))
        return "skip"

    text = {name: pyarrow.string() for name in _COLUMNS}
    try:
        reader = csv.open_csv(
            path,
            parse_options=csv.ParseOptions(invalid_row_handler=reject, newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=text, strings_can_be_null=True),
        )
        _require_uri(reader.schema.names, path)
        for batch in reader:
            yield from batch.to_pylist()
            yield from bad
            bad.clear()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error


def _parquet_rows(path: Path) -> Iterator[dict[str, Any] | Rejected]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            _require_uri(file.schema_arrow.names, path)
            for batch in file.iter_batches(1024):
                yield from batch.to_pylist()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error


def _json_rows(path: Path) -> Iterator[dict[str, Any] | Rejected]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                row = Rejected("", f"line {number} of {path.name} is not JSON: {error}")
            yield (
                row if isinstance(row, (dict, Rejected)) else Rejected("", f"line {number} of {path.name} is no object")
            )


def _require_uri(names: list[str], path: Path) -> None:
    if "uri" not in names:
        raise InputError(f"{path} has no column 'uri'.\nReceived: {', '.join(names)}")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: dates and the like become text."""
    return value if isinstance(value, (str, int, float, bool, list, dict)) else str(value)
