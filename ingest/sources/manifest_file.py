"""Tables that list pictures: CSV, JSON lines and Parquet, read a little at a time, whatever is written in them.

A URI is taken letter for letter, since it identifies the picture: ``./a.jpg`` and ``a.jpg`` are two. Absolute ones and those with
``..`` are read, because a manifest is its user's own file.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from milvise.core.json_data import parse_json
from milvise.core.lines import MOST_LINE_BYTES, bounded_lines
from milvise.core.records import Row
from milvise.errors import InputError, MissingExtraError
from milvise.ingest.sources.content import LocalFile
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.label_and_meta import label_and_meta

_COLUMNS = ("uri", "label")

_ROWS = 64
_BATCH = 2**28
_GROUP = 2**29


class ManifestFile:
    """A manifest: a column ``uri``, relative to the manifest's folder, perhaps ``label``; the rest is metadata.

    Raises
    ------
    InputError
        While it is read, if it cannot be read on: it is damaged, or has no column ``uri``.
    """

    def __init__(self, path: Path) -> None:
        self.root = path.parent
        self.path = path
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingExtraError("reading a manifest", "ingest") from None

    def __str__(self) -> str:
        return str(self.path)

    @property
    def location(self) -> str:
        """The absolute path of the manifest's folder."""
        return str(self.root.resolve())

    def __iter__(self) -> Iterator[Item | Rejected]:
        rows, kind = {
            ".csv": (_csv_rows, "CSV"),
            ".jsonl": (_json_rows, "JSON lines"),
            ".parquet": (_parquet_rows, "Parquet"),
        }[self.path.suffix]
        entries = self._guarded(rows(self.path), kind)
        for row in entries:
            yield row if isinstance(row, Rejected) else self._item(row)

    def _guarded(self, rows: Iterator[Row | Rejected], kind: str) -> Iterator[Row | Rejected]:
        """Yield the rows; whatever a library raises on a damaged file becomes an error that says which file it is."""
        try:
            yield from rows
        except InputError:
            raise
        except Exception as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{self.path} cannot be read as {kind}: {reason}") from error

    def _item(self, row: Mapping[str, Any]) -> Item | Rejected:
        uri = row.get("uri")
        if not isinstance(uri, str) or not uri:
            return Rejected("", f"an entry of {self.path.name} has no uri")
        if "://" in uri:
            return Rejected(uri, "only files are read; download the picture first")
        try:
            label, meta = label_and_meta({name: value for name, value in row.items() if name != "uri"})
        except ValueError as error:
            return Rejected(uri, str(error))
        return Item(uri, LocalFile(self.root / uri), label, meta)


def _csv_rows(path: Path) -> Iterator[Row | Rejected]:
    import pyarrow
    from pyarrow import csv

    bad: list[Rejected] = []

    def reject(row: Any) -> str:
        bad.append(Rejected("", f"a line of {path.name} has {row.actual_columns} columns, not {row.expected_columns}"))
        return "skip"

    text = {name: pyarrow.string() for name in _COLUMNS}
    with path.open("rb") as file:
        reader = csv.open_csv(
            _Utf8(file),
            read_options=csv.ReadOptions(block_size=MOST_LINE_BYTES),
            parse_options=csv.ParseOptions(invalid_row_handler=reject, newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=text, strings_can_be_null=True),
        )
        _require_uri(reader.schema.names, path)
        for batch in reader:
            yield from _rows_of(batch, path)
            yield from bad
            bad.clear()
        yield from bad


class _Utf8(io.RawIOBase):
    """A file that is checked to be UTF-8 while it is read: pyarrow prints a traceback for a bad line that is not."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to so many bytes."""
        data = self._file.read(-1 if size is None else size)
        self._decoder.decode(data, final=not data)
        return data


def _parquet_rows(path: Path) -> Iterator[Row | Rejected]:
    from pyarrow import parquet

    with parquet.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
        _require_uri(file.schema_arrow.names, path)
        for number in range(file.metadata.num_row_groups):
            rows = _batch_rows(file.metadata.row_group(number), path)
            for batch in file.iter_batches(rows, row_groups=[number], use_threads=False):
                yield from _rows_of(batch, path)


def _batch_rows(group: Any, path: Path) -> int:
    """Return how many rows of a row group may be held at a time: each may be as long as the whole group says it is."""
    # Of the group, and not of its columns: asking a damaged file about a column ends the process.
    length = int(group.total_byte_size)
    if not 0 <= length <= _GROUP:
        raise InputError(
            f"a row group of {path} takes {length:,} bytes, and at most {_GROUP:,} are read. Write smaller row groups, or leave"
            " columns out that are no metadata."
        )
    return max(1, min(_ROWS, _BATCH // max(1, length)))


def _rows_of(batch: Any, path: Path) -> Iterator[Row | Rejected]:
    try:
        rows = batch.to_pylist()
    except Exception:  # a value that Python has nothing for, such as a date in the year 300,000
        rows = None
    if rows is not None:
        yield from rows
        return
    for place in range(batch.num_rows):
        row: Row | Rejected
        try:
            row = {name: batch.column(at)[place].as_py() for at, name in enumerate(batch.schema.names)}
        except Exception as error:
            row = Rejected("", f"row {place} of a part of {path.name} cannot be read: {error}")
        yield row


def _json_rows(path: Path) -> Iterator[Row | Rejected]:
    with path.open("rb") as file:
        for number, line in enumerate(bounded_lines(file), start=1):
            if line is None:
                yield Rejected("", f"line {number} of {path.name} is longer than {MOST_LINE_BYTES:,} bytes")
            elif line.strip():
                yield _json_row(line, number, path)


def _json_row(line: bytes, number: int, path: Path) -> Row | Rejected:
    try:
        row = parse_json(line)
    except ValueError as error:
        return Rejected("", f"line {number} of {path.name} is not JSON: {error}")
    return row if isinstance(row, dict) else Rejected("", f"line {number} of {path.name} is no object")


def _require_uri(names: Sequence[str], path: Path) -> None:
    if names.count("uri") != 1 or names.count("label") > 1:
        raise InputError(
            f"{path} must have one column 'uri', and no more than one 'label'.\nReceived: {', '.join(names)[:1_000]}"
        )
