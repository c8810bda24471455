"""Manifests of any content: entries, rejected entries, or one error that says which file it is; nothing else."""

from __future__ import annotations

import datetime
import decimal
import json
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hostile.fuzzing import fuzzed
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from milvise.adapter.rows import row_problem
from milvise.adapter.schema import VISUAL
from milvise.core.lines import MOST_LINE_BYTES
from milvise.errors import InputError
from milvise.ingest.quarantine import printable
from milvise.ingest.rows import scalars
from milvise.ingest.sources import Item, LocalFile, Rejected, manifest_rows
from milvise.ingest.sources.manifest_file import ManifestFile

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["uri", "label", "\0", "\ud800", "a.jpg", "../x", "/"]
)
NUMBERS = st.integers() | st.floats() | st.integers(-(10**30), 10**30)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)


def entries(content: bytes, suffix: str) -> list[Item | Rejected] | InputError:
    """Read a manifest to its end, and check what a run would do with each entry."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"m{suffix}")
        path.write_bytes(content)
        return read(path)


def read(path: Path) -> list[Item | Rejected] | InputError:
    found = []
    try:
        for entry in ManifestFile(path):
            assert isinstance(entry, (Item, Rejected))
            if isinstance(entry, Item):
                # The next steps of a run take it as well.
                row_problem(scalars(entry, "", None), VISUAL)
                json.dumps(dict(entry.meta), allow_nan=False).encode()
                entry.label.encode()
            printable(entry.uri).encode()
            found.append(entry)
    except InputError as error:
        assert path.name in str(error)
        return error
    return found


@fuzzed
@given(st.lists(st.lists(ANY_TEXT, max_size=4), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_csv_of_any_cells(rows: list[list[str]], comma: str) -> None:
    lines = ["uri,label,x", *(comma.join(row) for row in rows)]
    entries("\n".join(lines).encode("utf-8", "surrogatepass"), ".csv")


@fuzzed
@given(
    st.binary(max_size=400)
    | st.lists(st.sampled_from([b"uri", b"label", b",", b"\n", b'"', b"\0", b"\xff", b"a.jpg"])).map(b"".join)
)
def test_csv_of_any_bytes(content: bytes) -> None:
    entries(content, ".csv")
    entries(b"uri,x\n" + content, ".csv")


@fuzzed
@given(st.lists(st.dictionaries(st.just("uri") | st.just("label") | ANY_TEXT, JSON, max_size=4) | JSON, max_size=6))
def test_json_lines_of_any_values(rows: list[Any]) -> None:
    found = entries("\n".join(json.dumps(row) for row in rows).encode(), ".jsonl")
    assert isinstance(found, list)
    assert len(found) == len(rows)


@fuzzed
@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([b'{"uri":', b"NaN", b"}", b"[", b'"', b"\n", b"1e999", b"\\ud800"])
    ).map(b"".join)
)
def test_json_lines_of_any_bytes(content: bytes) -> None:
    assert isinstance(entries(content, ".jsonl"), list)


TYPES = st.recursive(
    st.sampled_from(
        [
            pa.string(),
            pa.large_string(),
            pa.binary(),
            pa.int8(),
            pa.uint64(),
            pa.float16(),
            pa.float64(),
            pa.bool_(),
            pa.null(),
            pa.date32(),
            pa.date64(),
            pa.timestamp("ns"),
            pa.timestamp("s", "Europe/Berlin"),
            pa.time64("ns"),
            pa.duration("us"),
            pa.decimal128(38, 5),
            pa.dictionary(pa.int32(), pa.string()),
        ]
    ),
    lambda inner: (
        inner.map(pa.list_)
        | inner.map(lambda kind: pa.struct([("a", kind), ("uri", kind)]))
        | inner.map(lambda kind: pa.map_(pa.string(), kind))
    ),
    max_leaves=3,
)


def value_of(kind: pa.DataType, number: int) -> Any:
    """Return a Python value of an Arrow type, often an odd one."""
    if number % 5 == 0 or pa.types.is_null(kind):
        return None
    if pa.types.is_list(kind):
        return [value_of(kind.value_type, number + at) for at in range(number % 3)]
    if pa.types.is_struct(kind):
        return {field.name: value_of(field.type, number + 1) for field in kind}
    if pa.types.is_map(kind):
        return [(f"k{number}", value_of(kind.item_type, number + 1))]
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return ("a.jpg", "", "x\0y", "é" * (number % 9))[number % 4]
    if pa.types.is_binary(kind):
        return bytes((number % 256, 255))
    if pa.types.is_boolean(kind):
        return number % 2 == 0
    if pa.types.is_floating(kind):
        return (float("nan"), float("inf"), 1.5)[number % 3]
    if pa.types.is_decimal(kind):
        return decimal.Decimal(number)
    if pa.types.is_date(kind):
        return datetime.date(1 + number % 9_998, 1, 1)
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
        return number
    return 2**64 - 1 - number if kind == pa.uint64() else number % 100


@fuzzed
@given(TYPES, st.lists(st.tuples(ANY_TEXT, TYPES), max_size=3), st.integers(0, 2**31 - 1), st.integers(1, 8))
def test_parquet_of_any_types(uri: pa.DataType, others: list[tuple[str, pa.DataType]], seed: int, rows: int) -> None:
    columns = [("uri", uri), *((name.encode("utf-8", "replace").decode(), kind) for name, kind in others)]
    table = pa.table(
        [pa.array([value_of(kind, seed + row) for row in range(rows)], kind) for _, kind in columns],
        names=[name for name, _ in columns],
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.parquet")
        try:
            parquet.write_table(table, path, row_group_size=3)
        except (pa.ArrowException, ValueError):
            return
        read(path)


@fuzzed
@given(st.integers(0), st.binary(min_size=1, max_size=8))
@example(897, b"'\xd8\xbbbt")  # of which pyarrow asked about a column ends the process
def test_parquet_with_other_bytes_in_it(place: int, other: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.parquet")
        parquet.write_table(pa.table({"uri": [f"{n}.jpg" for n in range(50)], "n": list(range(50))}), path)
        content = path.read_bytes()
        place %= len(content)
        path.write_bytes(content[:place] + other + content[place + len(other) :])
        read(path)


def lines(*contents: bytes) -> Iterator[bytes]:
    for content in contents:
        yield content + b"\n"


def test_a_line_that_is_too_long_is_rejected_by_its_number_and_never_held(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    with path.open("wb") as file:
        file.write(b'{"uri": "a.jpg"}\n{"uri": "')
        file.seek(300 * 2**20, os.SEEK_CUR)
        file.write(b'"}\n{"uri": "b.jpg"}\n')
    tracemalloc.start()
    found = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, list)
    assert [type(entry) for entry in found] == [Item, Rejected, Item]
    assert isinstance(found[1], Rejected)
    assert "line 2 of m.jsonl is longer than 1,048,576 bytes" in found[1].reason
    assert peak < 20 * 2**20


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[" * 100_000, "not JSON: it is nested too deeply"),
        (b'{"uri": "a.jpg", "x": ' + b"[" * 200 + b"]" * 200 + b"}", "metadata is nested more than 32 times"),
        (b'{"uri": "a.jpg", "x": ' + b"9" * 5_000 + b"}", "not JSON"),
        (b'{"uri": "\xff.jpg"}', "not JSON"),
        (b'{"uri": ["a.jpg"]}', "has no uri"),
        (b'{"uri": ""}', "has no uri"),
        (b'{"URI": "a.jpg"}', "has no uri"),
    ],
)
def test_odd_lines_are_rejected_with_a_reason(line: bytes, reason: str) -> None:
    found = entries(b"".join(lines(line, b'{"uri": "b.jpg"}')), ".jsonl")
    assert isinstance(found, list)
    assert isinstance(found[0], Rejected)
    assert reason in found[0].reason
    assert isinstance(found[1], Item)


def test_odd_values_become_what_milvus_can_store() -> None:
    line = (
        b'{"uri": "a", "uri": "b.jpg", "label": NaN, "nan": NaN, "inf": [Infinity, 1], "big": 18446744073709551616, "text": "\\ud800\\u0000",'
        b' "\\ud801": {"\\u0000": null}}\n'
    )
    found = entries(line, ".jsonl")
    assert isinstance(found, list)
    item = found[0]
    assert isinstance(item, Item)
    assert (item.uri, item.label) == ("b.jpg", ""), "the last of equal keys counts, as in JSON"
    assert item.meta == {
        "inf": [None, 1], "big": "18446744073709551616", "text": "\\ud800\\0", "\\ud801": {"\\0": None},
    }  # fmt: skip


@pytest.mark.parametrize("uri", ["/etc/x.jpg", "../x.jpg", "a/../../x.jpg", "./a.jpg", "a//b.jpg", "a.jpg "])
def test_uris_are_taken_letter_for_letter(uri: str, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps({"uri": uri}))
    first, again = list(ManifestFile(path)), list(ManifestFile(path))
    assert first == again == [Item(uri, LocalFile(tmp_path / uri))]


@pytest.mark.parametrize(
    "content",
    [
        b'uri,x\na.jpg,"' + b"never closed," * 300_000,
        b"uri,x\na.jpg," + b"x" * 10_000_000 + b"\n",
        b"uri,uri\na.jpg,b.jpg\n",
        b"uri,label,label\na.jpg,b,c\n",
        b"uri\n\xff\xfe.jpg\n",
        b"\0\0\0",
    ],
)
def test_csv_that_cannot_be_read_on_is_one_error(content: bytes) -> None:
    assert isinstance(entries(content, ".csv"), InputError)


def test_csv_of_bad_lines_alone_says_so_for_each() -> None:
    found = entries(b"uri,x\n" + b"a.jpg\n" * 5, ".csv")
    assert isinstance(found, list)
    assert len(found) == 5
    assert all(isinstance(entry, Rejected) and "1 columns, not 2" in entry.reason for entry in found)


def test_parquet_is_read_some_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.parquet"
    parquet.write_table(pa.table({"uri": [f"{n}.jpg" for n in range(5_000)], "x": ["y" * 10_000] * 5_000}), path)
    tracemalloc.start()
    found = [entry.uri for entry in ManifestFile(path)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [f"{n}.jpg" for n in range(5_000)]
    assert peak < 20 * 2**20, "one long text for all rows takes little in the file and much in Python"
    monkeypatch.setattr(manifest_rows, "_GROUP", 1_000)
    error = read(path)
    assert isinstance(error, InputError)
    assert "smaller row groups" in str(error)


def test_a_manifest_is_bounded_by_line_not_by_length() -> None:
    line = b'{"uri": "a.jpg", "x": "' + b"x" * (MOST_LINE_BYTES - 60) + b'"}\n'
    found = entries(line * 3, ".jsonl")
    assert isinstance(found, list)
    assert [type(entry) for entry in found] == [Item] * 3
