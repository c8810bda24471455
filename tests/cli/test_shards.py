"""Shards through the command line, as processes: listed, embedded one by one and all together, loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from processes import answer, milvise

LISTED = {"out": str, "shards": int, "pictures": int, "rejected": int, "seconds": float}
EMBEDDED = {
    "out": str, "shards": int, "done": int, "pictures": int, "rows": int, "quarantined": int, "rejected": int, "embedded": int,
    "failed": dict, "seconds": float, "images_per_second": float,
}  # fmt: skip
LOADED = {
    "gallery": str, "rows": int, "shards": int, "imported": int, "inserted": int, "compared": int, "index": str, "seconds": float,
    "steps": dict, "notes": list,
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, photos: list[Path]) -> Path:
    folder = tmp_path_factory.mktemp("world")
    (folder / "photos").mkdir()
    for path in [path for path in photos if path.name.startswith("imagenet_")][:6]:
        shutil.copy(path, folder / "photos")
    (folder / "photos/bad.jpg").write_bytes(b"no picture")
    milvise(folder, "ingest", "words", "glove-6b-50d", "--limit", "5000", "--index", "flat")
    return folder


def kinds(document: dict[str, object]) -> dict[str, type]:
    return {name: type(value) for name, value in document.items()}


def test_a_collection_is_listed_embedded_and_loaded(world: Path) -> None:
    listed = answer(milvise(world, "--json", "embed", "photos", "--out", "shards", "--rows", "3", "--list-only"))
    assert kinds(listed) == LISTED
    assert (listed["shards"], listed["pictures"]) == (3, 7)
    early = milvise(world, "load", "shards", "--gallery", "g")
    assert early.returncode == 1
    assert "3 of 3 shards in shards are not embedded yet" in early.stderr
    one = answer(milvise(world, "--json", "--uri", "http://127.0.0.1:1", "embed", "--out", "shards", "--shard", "1"))
    assert (one["done"], one["embedded"]) == (1, 3), "a worker asks no Milvus"
    strict = milvise(world, "--json", "embed", "--out", "shards", "--strict")
    assert strict.returncode == 3
    done = answer(milvise(world, "--json", "embed", "--out", "shards"))
    assert kinds(done) == EMBEDDED
    assert (done["rows"], done["quarantined"], done["embedded"]) == (6, 1, 0)
    loaded = answer(milvise(world, "--json", "load", "shards", "--gallery", "g"))
    assert kinds(loaded) == LOADED
    assert (loaded["rows"], loaded["inserted"]) == (6, 3)
    assert len(answer(milvise(world, "--json", "search", "images", "cat", "--gallery", "g"))["hits"]) == 6


def test_what_cannot_be_is_refused(world: Path) -> None:
    for arguments, code, said in (
        (("embed", "--out", "none"), 2, "no source of pictures"),
        (("embed", "photos", "--out", "none", "--on", "dask"), 2, "Received: dask"),
        (("load", "none"), 1, "no folder of shards"),
        (("load", "photos", "--by", "magic"), 2, "Received: magic"),
    ):
        done = milvise(world, *arguments)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
