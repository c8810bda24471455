"""Parquet files that hold the pictures themselves, as data sets are published: the bytes of a picture in each row.

The column is called ``image``, ``img`` or ``bytes``, and holds bytes, or a struct with the fields ``bytes`` and perhaps ``path``. The label that is
a number of a class becomes the name of the class, where the file says the names as the library ``datasets`` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from milvise.core.json_data import parse_json
from milvise.core.records import Row
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.held_bytes import held
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.label_and_meta import label_and_meta
from milvise.ingest.sources.manifest_rows import batches, parquet_file, parquet_rows, rows_of
from milvise.ingest.sources.parquet_row import ParquetRow, picture_column

_MOST_HELD = 2**20


def parquet_entries(table: FileAnywhere) -> Iterator[Row | Item | Rejected]:
    """Yield the pictures of a Parquet file that holds them, and the rows of one that lists them."""
    with parquet_file(table) as file:
        column = picture_column(file.schema_arrow)
        if column is not None:
            yield from _pictures(file, table, column)
            return
    yield from parquet_rows(table)


def holds_pictures(table: FileAnywhere) -> bool:
    """Return whether a Parquet file holds pictures; false where it cannot be read."""
    try:
        with parquet_file(table) as file:
            return picture_column(file.schema_arrow) is not None
    except Exception:  # what pyarrow raises for damaged files; reading it tells
        return False


def _pictures(file: Any, table: FileAnywhere, column: str) -> Iterator[Item | Rejected]:
    version = table.look().version
    whole = table if table.is_remote else FileAnywhere(os.path.abspath(table.place))  # noqa: PTH100 - links stay
    names = _class_names(file.schema_arrow.metadata or {})
    number = 0
    for batch in batches(file, table):
        pictures = batch.column(column)
        for place, row in enumerate(rows_of(batch.drop_columns([column]), table)):
            content = ParquetRow(whole, number, column, version)
            yield _entry(row, content, pictures[place].as_py(), names)
            number += 1


def _entry(row: Row | Rejected, content: ParquetRow, value: Any, names: Mapping[str, list[str]]) -> Item | Rejected:
    uri = f"{content.file.name}/{content.number}"
    if isinstance(row, Rejected):
        return Rejected(uri, row.reason)
    given = row.pop("uri", None)
    uri = given if isinstance(given, str) and given else uri
    if isinstance(value, dict):
        if value.get("path"):
            row.setdefault("path", value["path"])
        value = value.get("bytes")
    if not value:
        return Rejected(uri, "the row holds no bytes of a picture")
    label = row.get("label")
    if isinstance(label, int) and 0 <= label < len(names.get("label", ())):
        row["label"] = names["label"][label]
    try:
        label, meta = label_and_meta(row)
    except ValueError as error:
        return Rejected(uri, str(error))
    come_along = held(value) if len(value) <= _MOST_HELD else None
    return Item(uri, content.with_bytes(len(value), come_along), label, meta)


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Return the names of classes, by column, that the library ``datasets`` has written into a schema."""
    try:
        features = parse_json(metadata[b"huggingface"])["info"]["features"]
        found = {name: one["names"] for name, one in features.items() if isinstance(one, dict) and "names" in one}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
    return {name: list(map(str, names)) for name, names in found.items() if isinstance(names, list)}
