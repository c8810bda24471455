"""Rows of tables: CSV, JSON lines and Parquet, read a little at a time, whatever is written in them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from milvise.core.json_data import parse_json
from milvise.core.lines import MOST_LINE_BYTES, bounded_lines
from milvise.core.records import Row
from milvise.errors import InputError
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.item import Rejected

_COLUMNS = ("uri", "label")

_ROWS = 64
_BATCH = 2**28
_GROUP = 2**29
_BUFFER = 2**20


def csv_rows(table: FileAnywhere) -> Iterator[Row | Rejected]:
    """Yield the rows of a CSV file with a header line."""
    import pyarrow
    from pyarrow import csv

    bad: list[Rejected] = []

    def reject(row: Any) -> str:
        bad.append(Rejected("", f"a line of {table.name} has {row.actual_columns} columns, not {row.expected_columns}"))
        return "skip"

    text = {name: pyarrow.string() for name in _COLUMNS}
    with table.opened() as file:
        reader = csv.open_csv(
            _Utf8(file),
            read_options=csv.ReadOptions(block_size=MOST_LINE_BYTES),
            parse_options=csv.ParseOptions(invalid_row_handler=reject, newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=text, strings_can_be_null=True),
        )
        _require_uri(reader.schema.names, table)
        for batch in reader:
            yield from rows_of(batch, table)
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


def parquet_rows(table: FileAnywhere) -> Iterator[Row | Rejected]:
    """Yield the rows of a Parquet file."""
    with parquet_file(table) as file:
        _require_uri(file.schema_arrow.names, table)
        for batch in batches(file, table):
            yield from rows_of(batch, table)


@contextmanager
def parquet_file(table: FileAnywhere) -> Iterator[Any]:
    """Yield an opened Parquet file, of which little is read at a time."""
    from pyarrow import parquet

    with ExitStack() as held:
        # By its path where it has one: pyarrow reads that by itself.
        source = held.enter_context(table.opened(block=_BUFFER)) if table.is_remote else table.place
        yield held.enter_context(parquet.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER))


def batches(file: Any, table: FileAnywhere) -> Iterator[Any]:
    """Yield the rows of a Parquet file, so few at a time that memory is bounded."""
    for number in range(file.metadata.num_row_groups):
        rows = _batch_rows(file.metadata.row_group(number), table)
        yield from file.iter_batches(rows, row_groups=[number], use_threads=False)


def group_of(file: Any, table: FileAnywhere, number: int) -> tuple[int, int, int]:
    """Return of the row group with a row: its first row, the one behind its last, and its own number.

    Raises
    ------
    InputError
        If there is no such row, or its group is too large to be read.
    """
    first = 0
    for at in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(at)
        if number < first + group.num_rows:
            _batch_rows(group, table)
            return first, first + group.num_rows, at
        first += group.num_rows
    raise InputError(f"{table} has {first:,} rows, and no row {number:,}.")


def _batch_rows(group: Any, table: FileAnywhere) -> int:
    """Return how many rows of a row group may be held at a time: each may be as long as the whole group says it is."""
    # Of the group, and not of its columns: asking a damaged file about a column ends the process.
    length = int(group.total_byte_size)
    if not 0 <= length <= _GROUP:
        raise InputError(
            f"a row group of {table} takes {length:,} bytes, and at most {_GROUP:,} are read. Write smaller row groups, or leave"
            " columns out that are no metadata."
        )
    return max(1, min(_ROWS, _BATCH // max(1, length)))


def rows_of(batch: Any, table: FileAnywhere) -> Iterator[Row | Rejected]:
    """Yield the rows of a batch, as many as it has."""
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
            row = Rejected("", f"row {place} of a part of {table.name} cannot be read: {error}")
        yield row


def json_rows(table: FileAnywhere) -> Iterator[Row | Rejected]:
    """Yield the objects of a file with one JSON document a line."""
    with table.opened() as file:
        for number, line in enumerate(bounded_lines(file), start=1):
            if line is None:
                yield Rejected("", f"line {number} of {table.name} is longer than {MOST_LINE_BYTES:,} bytes")
            elif line.strip():
                yield _json_row(line, number, table)


def _json_row(line: bytes, number: int, table: FileAnywhere) -> Row | Rejected:
    try:
        row = parse_json(line)
    except ValueError as error:
        return Rejected("", f"line {number} of {table.name} is not JSON: {error}")
    return row if isinstance(row, dict) else Rejected("", f"line {number} of {table.name} is no object")


def _require_uri(names: Sequence[str], table: FileAnywhere) -> None:
    if names.count("uri") != 1 or names.count("label") > 1:
        raise InputError(
            f"{table} must have one column 'uri', and no more than one 'label'.\nReceived: {', '.join(names)[:1_000]}"
        )
