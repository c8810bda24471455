"""A real server imports the files of shards by itself: each once, whatever was lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import paint

import milvise
from milvise.adapter import IndexSpec
from milvise.adapter.bulk_import import BulkImport
from milvise.adapter.indexes import Indexes
from milvise.ingest.shards.staging import SharedDisk
from milvise.operations.capacity.measure_milvus import measure_milvus

PICTURES = 8


@pytest.fixture
def server(folder: Path, server_uri: str, net: Path) -> Iterator[milvise.Database]:
    """A database on the server, with words, and shards of eight pictures."""
    with milvise.connect(server_uri) as db:
        db.ingest_words("words.txt", components=0, index="flat", replace=True)
        for shard in range(2):
            db.embed(
                "pictures", out="shards", rows=5, shard=shard, backbone=str(net), classes="classes.txt", engine="keras"
            )
        yield db


def rows(db: milvise.Database, gallery: str) -> dict[tuple[str, str], dict[str, Any]]:
    found = {}
    for room in ("visual", "joint"):
        live = db.store.live(f"{gallery}_{room}")
        assert live is not None
        found |= {(room, row["uri"]): row for row in live.scan([*live.room.fields, "vector"])}
    return found


def test_a_file_that_was_asked_for_twice_is_there_once(
    server: milvise.Database, how: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, asked = BulkImport.ask, []

    def twice(bulk: BulkImport, collection: str, file: str) -> int:
        asked.append(file)
        if len(asked) == 1:
            ask(bulk, collection, file)  # its answer was lost
        return ask(bulk, collection, file)

    monkeypatch.setattr(BulkImport, "ask", twice)
    loaded = server.load("shards", gallery="imported", staging=f"file://{tmp_path}/staging", index="flat")
    assert (loaded.rows, loaded.imported, loaded.inserted, loaded.compared) == (PICTURES, 2, 0, 2 * PICTURES)
    assert "asked twice" in loaded.notes[-1]
    assert all(file.startswith(f"{tmp_path}/staging/") for file in asked)
    assert not list((tmp_path / "staging").rglob("*.parquet")), "copies are removed"
    server.ingest_images("pictures", **{**how, "gallery": "sent"})
    ours, theirs = rows(server, "imported"), rows(server, "sent")
    assert ours.keys() == theirs.keys()
    for key, row in ours.items():
        assert {**row, "vector": None} == {**theirs[key], "vector": None}
        np.testing.assert_allclose(row["vector"], theirs[key]["vector"], atol=1e-6)
    assert [hit.uri for hit in server.gallery("imported").search("cat", limit=3)] == [
        hit.uri for hit in server.gallery("sent").search("cat", limit=3)
    ]
    monkeypatch.setattr(BulkImport, "ask", ask)
    # A shard with a picture that stands is not imported a second time, one with new pictures is.
    for number in range(5):
        paint(Path("more", f"{number}.png"), 50 + number)
    paint(Path("more/zebra.png"), 0)
    for shard in range(2):
        server.embed("more", out="more_shards", rows=5, shard=shard, gallery="imported", engine="keras")
    listed = [json.loads(path.read_text())["rows"] for path in sorted(Path("more_shards/ledger").iterdir())]
    assert listed == [5, 1]
    first = server.load("more_shards", gallery="imported", append=True, index="flat")
    assert (first.rows, first.imported) == (PICTURES + 6, 2)
    for path in Path("more_shards/loads").glob("*.json"):
        path.unlink()
    again = server.load("more_shards", gallery="imported", append=True, index="flat")
    assert (again.rows, again.imported, again.inserted) == (PICTURES + 6, 0, 2), "what stands is replaced"


def test_an_index_is_built_once_for_the_rows_of_a_file(
    server: milvise.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild, built = Indexes.rebuild, []

    def noted(indexes: Indexes, name: str, spec: IndexSpec, **options: Any) -> None:
        built.append(str(spec))
        rebuild(indexes, name, spec, **options)

    monkeypatch.setattr(Indexes, "rebuild", noted)
    loaded = server.load("shards", gallery="clustered", index="ivf_flat")
    assert (loaded.rows, loaded.imported) == (PICTURES, 2)
    for room in ("visual", "joint"):
        live = server.store.live(f"clustered_{room}")
        assert live is not None
        wanted = IndexSpec("ivf_flat").resolve(rows=5, dim=live.manifest.dim, is_lite=False)
        assert (live.manifest.index, live.manifest.requested_index) == (str(wanted), "ivf_flat")
        assert built.count(str(wanted)) == 2
    assert len(built) == 2


def test_rows_are_sent_where_the_server_cannot_read_the_files(
    server: milvise.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedDisk, "place", lambda disk, path: f"/nowhere/{path.parent.name}/{path.name}")
    loaded = server.load("shards", gallery="refused", index="flat")
    assert (loaded.rows, loaded.imported, loaded.inserted) == (PICTURES, 0, 2)
    assert "Rows were sent to the server, because the server could not import /nowhere/" in loaded.notes[-1]
    with pytest.raises(milvise.errors.MilviseError, match="could not import /nowhere/"):
        server.load("shards", gallery="strict", by="import", index="flat")
    assert server.store.live("strict_visual") is None


def test_a_server_is_measured_by_files_that_it_imports(server_uri: str, tmp_path: Path) -> None:
    with milvise.connect(server_uri) as db:
        before = set(db.store.connection.client.list_collections())
        found = measure_milvus(db.store, {"visual": 48, "joint": 12}, lambda note: None, tmp_path, rows=(50, 300, 200))
        assert set(found) == {"insert", "import", "index.hnsw", "index.ivf", "load"}
        of_files = {name for name, cost in found.items() if "files of 1,200 rows of 12 values" in cost.source}
        assert of_files == set(found) - {"insert"}
        assert found["import"].seconds(1_200, 12) >= 1.5, "this server looks every two seconds which file is in"
        assert set(db.store.connection.client.list_collections()) == before
