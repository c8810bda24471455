"""Parquet files that hold pictures, as data sets are published, here and in a store."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from object_store import BUCKET, ObjectStore, object_store
from pyarrow import parquet
from small_world import paint

from milvise.adapter import Store
from milvise.errors import ImageError, InputError
from milvise.ingest.sources import Item, Rejected, held_bytes, open_source, reads_much
from milvise.ingest.sources.places import content_at, place_of
from milvise.ingest.summary import Summary

Load = Callable[..., Summary]


def picture(seed: int, folder: Path) -> bytes:
    return paint(folder / "painted.png", seed).read_bytes()


def write(path: Path, rows: list[dict[str, Any]], *, group: int = 2, names: list[str] | None = None) -> Path:
    table = pa.Table.from_pylist(rows)
    if names is not None:
        features = {
            "info": {"features": {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}}
        }
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, row_group_size=group)
    os.utime(path, (1, 1))
    return path


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """As `datasets` writes it: a struct of bytes and path, and the number of a class."""
    rows = [
        {
            "image": {"bytes": picture(number, tmp_path), "path": f"{number}.png"},
            "label": number % 2,
            "year": 2000 + number,
        }
        for number in range(5)
    ]
    return write(tmp_path / "data/train-0.parquet", rows, names=["tench", "gold fish"])


def items(source: str | Path) -> list[Item]:
    found = list(open_source(str(source)))
    assert all(isinstance(entry, Item) for entry in found), found
    return found  # type: ignore[return-value]


def test_pictures_labels_and_metadata_of_a_published_data_set(published: Path, tmp_path: Path) -> None:
    found = items(published)
    assert [item.uri for item in found] == [f"train-0.parquet/{number}" for number in range(5)]
    assert [item.label for item in found] == ["tench", "gold fish", "tench", "gold fish", "tench"]
    assert dict(found[3].meta) == {"year": 2003, "path": "3.png"}
    assert reads_much(open_source(str(published)))
    with found[3].content.opened() as (file, length):
        assert (file.read(), length) == (picture(3, tmp_path), len(picture(3, tmp_path)))


@pytest.mark.parametrize("column", ["image", "img", "bytes"])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_plain_bytes_are_pictures_too_and_a_uri_stays(column: str, kind: pa.DataType, tmp_path: Path) -> None:
    data = picture(1, tmp_path)
    table = pa.table(
        {column: pa.array([data, None, b""], kind), "uri": ["a.png", "b.png", None], "label": ["cat", "x", "y"]}
    )
    parquet.write_table(table, tmp_path / "p.parquet")
    first, second, third = open_source(str(tmp_path / "p.parquet"))
    assert isinstance(first, Item)
    assert (first.uri, first.label) == ("a.png", "cat")
    assert isinstance(second, Rejected)
    assert isinstance(third, Rejected)
    assert (second.uri, third.uri) == ("b.png", "p.parquet/2")
    assert "no bytes of a picture" in second.reason


def test_a_table_whose_image_is_a_text_lists_pictures(tmp_path: Path) -> None:
    table = pa.table({"image": ["a sunset"], "uri": ["a.png"]})
    parquet.write_table(table, tmp_path / "p.parquet")
    (item,) = items(tmp_path / "p.parquet")
    assert (item.uri, dict(item.meta), item.content.path) == ("a.png", {"image": "a sunset"}, tmp_path / "a.png")
    assert not reads_much(open_source(str(tmp_path / "p.parquet")))


def test_places_lead_back_to_rows(published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(published.parent)
    found = items("train-0.parquet")
    places = [place_of(item.content) for item in found]
    assert places[4] == f"row:4:image:{published}"
    monkeypatch.chdir(tmp_path)
    for number in (4, 0, 3, 1, 2):
        with content_at(places[number]).opened() as (file, _):
            assert file.read() == picture(number, tmp_path)
    with pytest.raises(ImageError, match="has 5 rows, and no row 9"), content_at(f"row:9:image:{published}").opened():
        pass
    write(published, [{"image": {"bytes": b"new", "path": ""}, "label": 0}])
    os.utime(published, (2, 2))
    with content_at(places[0]).opened() as (file, _):
        assert file.read() == b"new"


def test_without_room_for_bytes_rows_are_read_again(
    published: Path, monkeypatch: pytest.MonkeyPatch, load: Load, tmp_path: Path
) -> None:
    monkeypatch.setattr(held_bytes, "MOST_HELD", 0)
    assert all(item.content.held is None for item in items(published))  # type: ignore[attr-defined]
    assert load(published).embedded == 5


def test_they_are_loaded_and_unchanged_ones_skipped(load: Load, own_store: Store, published: Path) -> None:
    assert (load(published).embedded, load(published).unchanged) == (5, 5)
    assert held_bytes.ROOM.taken == 0


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


def test_in_a_store_it_is_read_by_parts(load: Load, published: Path, server: ObjectStore, tmp_path: Path) -> None:
    server.faults.plan = ["503", "ok", "cut"]
    server.put("d/train.parquet", published.read_bytes())
    source = open_source(f"s3://{BUCKET}/d/train.parquet")
    assert [item.label for item in source if isinstance(item, Item)][:2] == ["tench", "gold fish"]
    place = place_of(next(item.content for item in source if isinstance(item, Item)))
    assert place == f"row:0:image:s3://{BUCKET}/d/train.parquet"
    with content_at(place).opened() as (file, _):
        assert file.read() == picture(0, tmp_path)
    assert load(source).embedded == 5


def test_tables_in_a_store_are_read_whatever_their_kind(server: ObjectStore) -> None:
    server.put("t/a.csv", b"uri,label\nx.png,cat\n")
    server.put("t/a.jsonl", b'{"uri": "x.png", "label": "cat"}\n')
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"uri": ["x.png"], "label": ["cat"]}), buffer)
    server.put("t/a.parquet", buffer.getvalue())
    for kind in ("csv", "jsonl", "parquet"):
        (item,) = items(f"s3://{BUCKET}/t/a.{kind}")
        assert (item.uri, item.label, str(item.content)) == ("x.png", "cat", f"s3://{BUCKET}/t/x.png")
    server.put("t/bad.parquet", b"PAR1 nothing")
    with pytest.raises(InputError, match=f"s3://{BUCKET}/t/bad.parquet cannot be read as Parquet"):
        list(open_source(f"s3://{BUCKET}/t/bad.parquet"))
    with pytest.raises(InputError, match="it is not there"):
        list(open_source(f"s3://{BUCKET}/t/none.csv"))
