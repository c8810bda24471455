"""Pictures are listed once, embedded shard by shard into files, and loaded from these as a plain load writes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from follow_world import until
from object_store import BUCKET, object_store
from pyarrow import parquet
from small_world import paint

import milvise
from milvise.adapter.partition import FIELD
from milvise.errors import FingerprintError, InputError, MilviseError, NotFoundError, UsageError
from milvise.ingest.shards import check_load, processes
from milvise.ingest.shards import load as shard_load
from milvise.ingest.shards.staging import Bucket
from milvise.operations.embed import Embedded, EmbedShards, embed_shards
from milvise.operations.progress import Count
from milvise.queries.text.read import is_closed

PICTURES = 11
Embed = Callable[..., Embedded]


@pytest.fixture(autouse=True)
def words(db: milvise.Database) -> None:
    db.ingest_words("words.txt", components=0, index="flat")


@pytest.fixture
def listed(folder: Path) -> Path:
    """A manifest of eleven pictures, and one that is none."""
    for number in range(PICTURES):
        paint(folder / "more" / f"{number}.png", 100 + number)
    (folder / "more/bad.png").write_bytes(b"no picture")
    entries = [{"uri": f"{number}.png", "label": "é", "year": number, "tags": ["a", 1]} for number in range(PICTURES)]
    lines = [json.dumps(entry) for entry in [*entries[:5], {"uri": "bad.png"}, {"no": "uri"}, *entries[5:], entries[0]]]
    (folder / "more/m.jsonl").write_text("\n".join(lines))
    return folder / "more/m.jsonl"


@pytest.fixture
def planned(net: Path) -> dict[str, Any]:
    """How pictures are embedded with the small backbone."""
    return {"backbone": str(net), "classes": "classes.txt", "engine": "keras"}


@pytest.fixture
def embed(db: milvise.Database, planned: dict[str, Any]) -> Embed:
    """Embed in this process, one shard after the other."""

    def run(*sources: Path | str, out: str = "shards", rows: int = 4, **how: Any) -> Embedded:
        how = {**planned, **how}
        done = db.embed(*sources, out=out, rows=rows, shard=0, **how)
        for shard in range(1, done.shards):
            done = embed_shards(EmbedShards(Path(out), shard=shard, engine=how["engine"]))
        return done

    return run


def stored(db: milvise.Database, gallery: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = {}
    for room in ("visual", "joint"):
        live = db.store.live(f"{gallery}_{room}")
        if live is not None:
            rows |= {(room, row["uri"]): row for row in live.scan([*live.room.fields, "vector"])}
    return rows


def assert_same(db: milvise.Database, ours: str, theirs: str) -> None:
    one, other = stored(db, ours), stored(db, theirs)
    assert one.keys() == other.keys()
    for key, row in one.items():
        assert {**row, "vector": None} == {**other[key], "vector": None}
        np.testing.assert_allclose(row["vector"], other[key]["vector"], atol=1e-6)


@pytest.mark.parametrize("head", ["conse", "none"])
def test_a_load_of_shards_is_a_plain_load(
    head: str, db: milvise.Database, embed: Embed, listed: Path, how: dict[str, Any]
) -> None:
    done = embed(listed, head=head)
    assert (done.shards, done.done, done.pictures, done.rows) == (3, 3, PICTURES + 1, PICTURES)
    assert (done.quarantined, done.rejected, done.failed) == (1, 2, {})
    assert db.store.live("default_visual") is None, "nothing is written to Milvus"
    loaded = db.load("shards", gallery="g")
    assert (loaded.rows, loaded.shards, loaded.imported, loaded.inserted) == (PICTURES, 3, 0, 3)
    db.ingest_images(listed, **{**how, "gallery": "plain", "head": head, "batch_size": 3})
    assert_same(db, "g", "plain")
    assert db.verify("g").problems == ()
    manifest = db.store.live("g_visual").manifest  # type: ignore[union-attr]
    assert is_closed(manifest.stamp)
    assert manifest.loaded_at
    assert manifest.sources == (str(listed.parent),)
    again = db.ingest_images(listed, **{**how, "head": head})
    assert (again.embedded, again.unchanged) == (0, PICTURES), "a later load goes on with the gallery"


def assert_alike(ours: str, theirs: str) -> None:
    """The same rows; vectors may differ in the last digit where a network got them in other batches, or had other threads."""
    for path in sorted(Path(ours).glob("*/*.parquet")):
        one, other = (parquet.read_table(found) for found in (path, Path(theirs, *path.parts[1:])))
        if "vector" in one.schema.names:
            vectors = [np.stack(table["vector"].to_numpy()) for table in (one, other)]
            np.testing.assert_allclose(*vectors, rtol=0, atol=1e-6)
            one, other = one.drop_columns("vector"), other.drop_columns("vector")
        assert one.equals(other), path


def test_the_same_pictures_make_the_same_bytes(embed: Embed, listed: Path) -> None:
    embed(listed)
    embed(listed, out="again")
    files = sorted(Path("shards").glob("*/*.parquet"))
    assert len(files) == 9
    for path in files:
        assert path.read_bytes() == Path("again", *path.parts[1:]).read_bytes(), path
    embed(listed, out="batches", batch_size=2)
    assert_alike("shards", "batches")
    ledgers = [json.loads(Path(one, "ledger/00001.json").read_text()) for one in ("shards", "again")]
    assert ledgers[0]["files"] == ledgers[1]["files"]
    assert ledgers[0]["versions"].keys() >= {"milvise", "numpy", "pillow"}


def test_files_have_one_column_a_field_as_bulk_import_takes_them(embed: Embed, listed: Path) -> None:
    embed(listed)
    visual, joint = (parquet.read_table(f"shards/{space}/00000.parquet") for space in ("visual", "joint"))
    assert visual.column_names == [
        "id", "uri", "label", "sha256", "width", "height", "meta", "top_classes", "sketch", "vector",
    ]  # fmt: skip
    assert joint.column_names == ["id", "uri", "label", "sha256", "width", "height", "meta", "vector"]
    assert visual.schema.field("vector").type == pa.list_(pa.float32())
    assert {len(vector) for vector in visual["vector"].to_pylist()} == {12}
    assert json.loads(visual["meta"][1].as_py()) == {"year": 1, "tags": ["a", 1]}
    assert visual["id"] == joint["id"]
    assert all(visual["top_classes"].to_pylist())


def test_shards_that_are_done_are_not_done_again(
    embed: Embed, db: milvise.Database, listed: Path, planned: dict[str, Any]
) -> None:
    db.embed(listed, out="shards", rows=4, shard=1, **planned)
    with pytest.raises(InputError, match=r"2 of 3 shards in shards are not embedded yet: 0, 2\n"):
        db.load("shards", gallery="g")
    before = Path("shards/visual/00001.parquet").stat().st_mtime_ns
    assert embed(listed).embedded == 4, "of the last shard"
    assert Path("shards/visual/00001.parquet").stat().st_mtime_ns == before


def test_what_could_not_be_read_is_tried_again_when_asked_for(embed: Embed, listed: Path) -> None:
    embed(listed)
    (reported,) = [json.loads(line) for line in Path("shards/quarantine/00001.jsonl").read_text().splitlines()]
    assert reported["uri"] == "bad.png"
    paint(listed.parent / "bad.png", 999)
    done = embed_shards(EmbedShards(Path("shards"), shard=0, only_failed=True, engine="keras"))
    assert done.embedded == 0
    done = embed_shards(EmbedShards(Path("shards"), shard=1, only_failed=True, engine="keras"))
    assert (done.embedded, done.rows, done.quarantined) == (4, PICTURES + 1, 0)
    assert not Path("shards/quarantine/00001.jsonl").exists()


def test_a_folder_of_shards_is_for_one_plan(embed: Embed, db: milvise.Database, listed: Path, net: Path) -> None:
    embed(listed)
    with pytest.raises(UsageError, match="was planned with other values: the sources"):
        embed("pictures")
    with pytest.raises(UsageError, match="was planned with other values: backbone"):
        embed(listed, backbone="efficientnet_lite0")
    Path("full").mkdir()
    Path("full/a.txt").write_text("mine")
    with pytest.raises(InputError, match=r"other files lie in full: a\.txt"):
        embed(listed, out="full")
    with pytest.raises(InputError, match="has no shard 9"):
        embed_shards(EmbedShards(Path("shards"), shard=9))
    with pytest.raises(UsageError, match="no source of pictures"):
        db.embed(out="none")
    with pytest.raises(UsageError, match=r"Received: dask"):
        db.embed(listed, out="none", on="dask")


def test_a_worker_with_another_encoder_is_refused(embed: Embed, listed: Path) -> None:
    embed(listed)
    manifest = json.loads(Path("shards/manifest.json").read_text())
    manifest["collections"]["visual"]["fingerprint"]["weights"] = "0" * 16
    Path("shards/manifest.json").write_text(json.dumps(manifest))
    Path("shards/ledger/00000.json").unlink()
    with pytest.raises(FingerprintError, match="another one than shards was planned with"):
        embed_shards(EmbedShards(Path("shards"), shard=0, engine="keras"))


def test_damaged_shards_are_refused_and_leave_the_gallery_as_it_was(
    embed: Embed, db: milvise.Database, listed: Path
) -> None:
    embed(listed)
    path = Path("shards/joint/00001.parquet")
    table = parquet.read_table(path)
    parquet.write_table(table.slice(1), path)
    with pytest.raises(InputError, match=r"Expected: 3 rows\nReceived: 2 rows"):
        db.load("shards", gallery="g")
    parquet.write_table(table.take([1, 0, 2]), path)
    with pytest.raises(InputError, match="does not hold the pictures of the visual shard"):
        db.load("shards", gallery="g")
    path.write_bytes(b"no parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        db.load("shards", gallery="g")
    assert db.store.live("g_visual") is None
    Path("shards/manifest.json").write_text('{"format": "other"}')
    with pytest.raises(InputError, match="Received: other"):
        db.load("shards", gallery="g")
    Path("shards/manifest.json").unlink()
    with pytest.raises(InputError, match="no folder of shards"):
        db.load("shards", gallery="g")


def test_shards_hold_the_partition_of_each_picture_as_bulk_import_takes_it(
    embed: Embed, db: milvise.Database, listed: Path
) -> None:
    embed(listed, partition="year")
    for space in ("visual", "joint"):
        rows = parquet.read_table(f"shards/{space}/00000.parquet").to_pylist()
        assert [row[FIELD] for row in rows] == ["0", "1", "2", "3"]
    db.load("shards", gallery="g")
    assert db.store.live("g_joint").manifest.partition == "year"  # type: ignore[union-attr]
    embed("pictures", out="others")
    with pytest.raises(UsageError, match="partitioned by year"):
        db.load("others", gallery="g", append=True)


def test_a_gallery_is_loaded_once_and_appended_to(
    embed: Embed, db: milvise.Database, listed: Path, how: dict[str, Any]
) -> None:
    embed("pictures")
    with pytest.raises(NotFoundError, match="no gallery 'g' to which shards could be added"):
        db.load("shards", gallery="g", append=True)
    db.load("shards", gallery="g")
    with pytest.raises(UsageError, match="--append"):
        db.load("shards", gallery="g")
    paint(listed.parent / "dog/0.png", 0)
    (listed.parent / "m.jsonl").write_text('{"uri": "0.png"}\n{"uri": "dog/0.png", "label": "new"}\n')
    embed(listed, out="more_shards")
    assert db.load("more_shards", gallery="g", append=True).rows == 9
    assert stored(db, "g")["visual", "dog/0.png"]["label"] == "new", "what stands is replaced"
    assert db.load("more_shards", gallery="g", append=True).rows == 9, "twice is as once"
    assert db.verify("g").problems == ()


def test_shards_of_another_encoder_take_the_place_of_a_gallery_that_they_hold_all_of(
    embed: Embed, db: milvise.Database, how: dict[str, Any], tmp_path: Path
) -> None:
    from small_world import save_net

    db.ingest_images("pictures", **how)
    other = {"backbone": str(save_net(tmp_path / "other.keras", 1))}
    Path("pictures/cat/1.png").rename("one.png")
    embed("pictures", **other)
    with pytest.raises(FingerprintError, match="made with another encoder"):
        db.load("shards", gallery="g", append=True)
    with pytest.raises(InputError, match="holds pictures that none of these sources has"):
        db.load("shards", gallery="g")
    assert len(stored(db, "g")) == 16
    assert db.load("shards", gallery="g", prune=True).rows == 7


def test_words_that_shards_were_not_made_with_are_refused(embed: Embed, db: milvise.Database, listed: Path) -> None:
    embed(listed)
    Path("others.txt").write_text("cat 0 1 0 0\ndog 1 0 0 0\n")
    db.ingest_words("others.txt", components=0, index="flat", replace=True)
    with pytest.raises(FingerprintError, match="vectors among other words"):
        db.load("shards", gallery="g")


def test_a_load_that_was_cut_off_goes_on(
    embed: Embed, db: milvise.Database, listed: Path, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(listed)
    whole, calls = shard_load.read_shard, []

    def once(*given: Any, **named: Any) -> Any:
        calls.append(given[1].number)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*given, **named)

    monkeypatch.setattr(shard_load, "read_shard", once)
    with pytest.raises(KeyboardInterrupt):
        db.load("shards", gallery="g")
    assert db.store.live("g_visual") is None, "nobody sees half of it"
    assert db.load("shards", gallery="g").rows == PICTURES
    assert calls == [0, 1, 1, 2], "the first one is not sent again"
    db.ingest_images(listed, **{**how, "gallery": "plain"})
    assert_same(db, "g", "plain")


def test_a_collection_that_holds_something_else_is_filled_again(
    embed: Embed, db: milvise.Database, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(listed)
    whole, calls = shard_load.read_shard, []

    def lossy(*given: Any, **named: Any) -> Any:
        calls.append(given[1].number)
        batches = list(whole(*given, **named))
        return batches[1:] if len(calls) == 1 else batches

    monkeypatch.setattr(shard_load, "read_shard", lossy)
    monkeypatch.setattr(check_load, "VISIBLE_S", 0.0)
    loaded = db.load("shards", gallery="g")
    assert loaded.rows == PICTURES
    assert "dropped and filled again" in loaded.notes[-1]
    assert "Expected: 11 rows" in loaded.notes[-1]
    monkeypatch.setattr(shard_load, "read_shard", lambda *given, **named: iter(()))
    with pytest.raises(MilviseError, match="does not hold the rows of the shards"):
        db.load("shards", gallery="other")
    assert db.store.live("other_visual") is None


def test_processes_embed_what_one_process_embeds_and_go_on_when_one_is_killed(
    embed: Embed, db: milvise.Database, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(listed, out="alone", rows=2)
    shutil.copytree("alone", "shared")
    for folder in ("visual", "joint", "ledger"):
        shutil.rmtree(Path("shared", folder))
    monkeypatch.setattr(processes, "_TELL_S", 0.01)
    started, killed = [], []

    def kill_the_first_one(event: object) -> None:
        if isinstance(event, Count) and event.done and not killed:
            killed.append(started[0])
            started[0].kill()

    class Noted(processes.subprocess.Popen):  # type: ignore[misc, name-defined]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            started.append(self)

    monkeypatch.setattr(processes.subprocess, "Popen", Noted)
    done = embed_shards(EmbedShards(Path("shared"), workers=2, engine="keras"), kill_the_first_one)
    assert (done.done, done.failed, len(killed)) == (6, {}, 1)
    assert len(started) == 3, "the one that was killed is replaced"
    for path in sorted(Path("alone").glob("*/*.parquet")):
        assert path.read_bytes() == Path("shared", *path.parts[1:]).read_bytes(), path
    assert not list(Path("shared").rglob("*.part"))
    until(lambda: all(one.poll() is not None for one in started))
    assert embed_shards(EmbedShards(Path("shared"), workers=2)).embedded == 0


def test_pictures_of_a_store_are_embedded_where_its_environment_is_and_files_are_staged_in_one(
    embed: Embed, db: milvise.Database, folder: Path, how: dict[str, Any]
) -> None:
    with object_store() as store:
        for path in sorted((folder / "pictures").rglob("*.png")):
            store.put(path.relative_to(folder).as_posix(), path.read_bytes())
        store.faults.plan = ["ok", "503", "ok", "cut", "ok", "half"]
        store.faults.hits = lambda method, path: method == "GET" and path.endswith(".png")
        done = embed(f"s3://{BUCKET}/pictures")
        assert (done.rows, done.quarantined) == (8, 0)
        assert store.faults.happened == ["503", "cut", "half"]
        db.load("shards", gallery="g")
        db.ingest_images("pictures", **{**how, "gallery": "plain"})
        assert_same(db, "g", "plain")
        staging = Bucket(f"s3://{BUCKET}/milvus/staging", Path("shards"))
        path = Path("shards/visual/00001.parquet")
        staging.bring(path)
        assert staging.place(path) == "milvus/staging/visual/00001.parquet", "as Milvus names what lies in its bucket"
        puts = store.faults.count("PUT", "00001.parquet")
        staging.bring(path)
        assert store.faults.count("PUT", "00001.parquet") == puts, "not a second time"
        staging.drop(path)
        assert store.faults.count("DELETE", "milvus/staging/visual/00001.parquet") == 1
    with pytest.raises(InputError, match="no place that files can be copied to"):
        Bucket("nowhere://bucket/x", Path("shards"))


def test_a_ray_cluster_embeds_what_one_process_embeds(embed: Embed, listed: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    # As people's do: its last digit depends neither on threads nor on the process.
    embed(listed, out="alone", engine="openvino")
    shutil.copytree("alone", "shared")
    for part in ("visual", "joint", "ledger"):
        shutil.rmtree(Path("shared", part))
    done = embed_shards(EmbedShards(Path("shared"), on="ray", engine="openvino"))
    assert (done.done, done.failed, done.embedded) == (3, {}, PICTURES)
    for path in sorted(Path("alone").glob("*/*.parquet")):
        assert path.read_bytes() == Path("shared", *path.parts[1:]).read_bytes(), path
