"""Shards: the rows of a load as Parquet files, and back into Milvus."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from small_world import paint, put_words

from milvise.adapter import IndexSpec, Store
from milvise.embeddings.devise.backbones import Backbone
from milvise.errors import InputError
from milvise.gallery.pair import open_pair
from milvise.gallery.plan import Plan, make_plan
from milvise.ingest.embed_to_shards import embed_to_shards
from milvise.ingest.sinks.read_shards import read_shard_manifest, read_shards
from milvise.ingest.sinks.upsert import UpsertSink
from milvise.ingest.sources import open_source
from milvise.ingest.summary import Summary
from milvise.queries.database import Database

Load = Callable[..., Summary]
PICTURES = 11


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(PICTURES):
        paint(tmp_path / "pictures" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    (tmp_path / "pictures/bad.png").write_bytes(b"no picture")
    (tmp_path / "pictures/m.jsonl").write_text(
        "".join(
            json.dumps({"uri": f"{'cat' if number % 2 else 'dog'}/{number}.png", "label": "é", "year": number}) + "\n"
            for number in range(PICTURES)
        )
    )
    return tmp_path / "pictures"


@pytest.fixture
def planned(own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path) -> Callable[..., Plan]:
    put_words(own_store, tmp_path)

    def make(head: str = "conse") -> Plan:
        recipe = {"backbone": "net"}
        return make_plan(own_store, gallery="g", backbone=nets[0], head=head, recipe=recipe, names=class_names)

    return make


def write(source: Path, plan: Plan, out: Path, shard_rows: int = 4) -> Summary:
    opened = [open_source(str(source))]
    return embed_to_shards(opened, plan, out, quarantine=out.parent / "q.jsonl", batch_size=3, shard_rows=shard_rows)


def stored(store: Store, *rooms: str) -> dict[tuple[str, str], dict[str, object]]:
    rows = {}
    for room in rooms:
        live = store.live(f"g_{room}")
        assert live is not None
        rows |= {(room, row["uri"]): row for row in live.scan([*live.room.fields, "vector"])}
    return rows


@pytest.mark.parametrize("head", ["conse", "none"])
def test_rows_go_through_shards_into_milvus_as_a_load_writes_them(
    head: str, load: Load, own_store: Store, planned: Callable[..., Plan], folder: Path, tmp_path: Path
) -> None:
    rooms = ("visual", "joint") if head == "conse" else ("visual",)
    load(folder / "m.jsonl", head=head, batch_size=3)
    direct = stored(own_store, *rooms)
    for room in rooms:
        own_store.drop(f"g_{room}")
    plan = planned(head)
    summary = write(folder / "m.jsonl", plan, tmp_path / "shards")
    assert (summary.embedded, summary.rows, summary.quarantined) == (PICTURES, PICTURES, 0)
    assert own_store.live("g_visual") is None, "nothing is written to Milvus"
    pair, _, _ = open_pair(own_store, plan, ["shards"])
    sink = UpsertSink(own_store, pair, IndexSpec("auto"))
    for batch in read_shards(tmp_path / "shards", rows=3):
        sink.write(batch)
    assert sink.finish() == PICTURES
    loaded = stored(own_store, *rooms)
    assert loaded.keys() == direct.keys()
    for key, row in loaded.items():
        assert {**row, "vector": None} == {**direct[key], "vector": None}
        np.testing.assert_allclose(row["vector"], direct[key]["vector"], rtol=1e-5, atol=1e-7)
    if head == "conse":
        found = Database(own_store).gallery("g").search("cat", limit=PICTURES, by="meaning")
        assert len(found) == PICTURES


def test_files_have_one_column_a_field_as_bulk_import_takes_them(
    planned: Callable[..., Plan], folder: Path, tmp_path: Path
) -> None:
    plan = planned()
    summary = write(folder, plan, tmp_path / "shards")
    assert (summary.seen, summary.embedded, summary.quarantined) == (PICTURES + 1, PICTURES, 1)
    assert "no" not in (summary.quarantine or "no")
    manifest = read_shard_manifest(tmp_path / "shards")
    assert (manifest["gallery"], manifest["rows"], set(manifest["collections"])) == ("g", PICTURES, {"visual", "joint"})
    for room, made in (("visual", plan.visual), ("joint", plan.joint)):
        described = manifest["collections"][room]
        assert made is not None
        assert described["manifest"]["fingerprint"] == json.loads(json.dumps(dict(made.fingerprint)))
        assert [file["rows"] for file in described["files"]] == [4, 4, 3]
        assert sorted(path.name for path in (tmp_path / "shards" / room).iterdir()) == [
            f"{number:05d}.parquet" for number in range(3)
        ]
        for file in described["files"]:
            table = parquet.read_table(tmp_path / "shards" / file["path"])
            assert table.column_names == list(described["fields"])
            assert table.schema.field("vector").type == pa.list_(pa.float32())
            assert {len(vector) for vector in table["vector"].to_pylist()} == {made.dim}
            assert all(isinstance(json.loads(meta), dict) for meta in table["meta"].to_pylist())
    fields = manifest["collections"]["visual"]["fields"]
    assert (fields["id"], fields["width"], fields["meta"]) == ("VARCHAR", "INT64", "JSON")
    assert (fields["sketch"], fields["vector"]) == ("VARCHAR", "FLOAT_VECTOR")
    visual = parquet.read_table(tmp_path / "shards/visual/00000.parquet").to_pylist()
    joint = parquet.read_table(tmp_path / "shards/joint/00000.parquet").to_pylist()
    assert [row["id"] for row in visual] == [row["id"] for row in joint]
    assert all(row["top_classes"] and row["sketch"] for row in visual)


def test_a_folder_of_shards_that_is_not_whole_is_refused(
    planned: Callable[..., Plan], folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "shards"
    write(folder, planned(), out)
    with pytest.raises(InputError, match="is not empty"):
        write(folder, planned(), out)
    table = parquet.read_table(out / "joint/00001.parquet")
    parquet.write_table(table.slice(1), out / "joint/00001.parquet")
    with pytest.raises(InputError, match=r"Expected: 4 rows\nReceived: 3 rows"):
        list(read_shards(out))
    parquet.write_table(table.take([1, 0, 2, 3]), out / "joint/00001.parquet")
    with pytest.raises(InputError, match="does not hold the pictures of the visual shard"):
        list(read_shards(out))
    (out / "visual/00000.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(read_shards(out))
    (out / "manifest.json").write_text('{"format": "other"}')
    with pytest.raises(InputError, match="Received: other"):
        list(read_shards(out))
    (out / "manifest.json").unlink()
    with pytest.raises(InputError, match="no complete folder of shards"):
        list(read_shards(out))


def test_a_run_that_fails_leaves_no_manifest(
    planned: Callable[..., Plan], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, calls = parquet.write_table, iter(range(100))

    def failing(*given: object) -> None:
        if next(calls) == 2:
            raise OSError(28, "No space left on device")
        written(*given)

    monkeypatch.setattr(parquet, "write_table", failing)
    with pytest.raises(InputError, match="No space left on device"):
        write(folder, planned(), tmp_path / "shards")
    assert not (tmp_path / "shards/manifest.json").exists()
