"""A gallery keeps the precision that it was made in; another one is another version of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import milvise
from milvise.errors import UsageError
from milvise.operations import planned


@pytest.fixture
def half(db: milvise.Database, how: dict[str, Any]) -> milvise.Gallery:
    """A gallery in half precision, beside one in single precision that was made the same way."""
    db.ingest_words("words.txt", components=0, index="flat")
    db.ingest_images("pictures", **{**how, "gallery": "exact", "engine": "openvino"})
    db.ingest_images("pictures", **{**how, "engine": "openvino"}, precision="half")
    return db.gallery("g")


def fingerprint(db: milvise.Database, gallery: str) -> dict[str, Any]:
    live = db.store.live(f"{gallery}_visual")
    assert live is not None
    return dict(live.manifest.fingerprint)


def test_galleries_of_two_precisions_stand_beside_each_other(db: milvise.Database, half: milvise.Gallery) -> None:
    assert fingerprint(db, "g") == {**fingerprint(db, "exact"), "precision": "half"}
    for gallery in (half, db.gallery("exact")):
        assert len(gallery.search("cat", limit=4)) == 4
        assert len(gallery.similar("cat/1.png", limit=4, focus="cat")) == 4
        found = gallery.similar(milvise.PictureFile(Path("pictures/cat/1.png")), limit=1)[0]
        assert (found.uri, round(found.similarity, 3)) == ("cat/1.png", 1.0)
        assert db.verify(gallery.name).problems == ()


def test_a_gallery_goes_on_in_its_precision(
    db: milvise.Database, half: milvise.Gallery, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned, "fastest_precision", lambda recipe, engine: "half")
    for precision in (None, "auto"):
        assert db.ingest_images("pictures", gallery="g", engine="openvino", precision=precision).unchanged == 8
        assert db.ingest_images("pictures", **how, precision=precision).unchanged == 8
        assert db.ingest_images("pictures", gallery="exact", precision=precision).unchanged == 8
    assert db.ingest_images("pictures", gallery="g", precision="single", index="flat").embedded == 8
    assert fingerprint(db, "g") == fingerprint(db, "exact")
    vectors = [db.store.live(f"{name}_visual").vectors([half.browse()[0].id]) for name in ("g", "exact")]  # type: ignore[union-attr]
    for one, other in zip(*(found.values() for found in vectors), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_auto_is_the_fastest_for_a_gallery_that_is_new(
    db: milvise.Database, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    db.ingest_words("words.txt", components=0, index="flat")
    monkeypatch.setattr(planned, "fastest_precision", lambda recipe, engine: "half")
    summary = db.ingest_images("pictures", **how, precision="auto")
    assert fingerprint(db, "g")["precision"] == "half"
    assert summary.notes[-1] == "--precision auto is half for this gallery."
    assert not any("precision" in note for note in db.ingest_images("pictures", **{**how, "gallery": "usual"}).notes)
    assert "precision" not in fingerprint(db, "usual"), "nobody asked for it"


def test_shards_are_embedded_in_their_precision(
    db: milvise.Database, half: milvise.Gallery, how: dict[str, Any]
) -> None:
    options = {name: value for name, value in how.items() if name not in ("gallery", "index", "engine")}
    db.embed("pictures", out="shards", shard=0, precision="half", engine="openvino", **options)
    assert db.load("shards", gallery="loaded", index="flat").rows == 8
    assert fingerprint(db, "loaded") == fingerprint(db, "g")
    found = [hit.uri for hit in db.gallery("loaded").search("cat", limit=4)]
    assert found == [hit.uri for hit in half.search("cat", limit=4)]
    with pytest.raises(UsageError, match="planned with other values: precision half"):
        db.embed("pictures", out="shards", shard=0, precision="single", engine="openvino")
    assert db.embed("pictures", out="shards", shard=0, precision="auto", engine="openvino").rows == 8


def test_a_version_may_have_another_precision(db: milvise.Database, half: milvise.Gallery) -> None:
    done = half.rebuild(precision="single", accept_worse=True)
    assert (done.is_live, done.embedded) == (True, 8)
    assert fingerprint(db, "g") == fingerprint(db, "exact")
    assert half.rollback().carried_over == 0
    assert fingerprint(db, "g")["precision"] == "half"
    with pytest.raises(UsageError, match="made with this encoder and head already"):
        half.rebuild(precision="half")


def test_what_is_no_precision_is_refused(db: milvise.Database, half: milvise.Gallery) -> None:
    with pytest.raises(UsageError, match=r"unknown precision.\nExpected: auto, single, half\nReceived: int4"):
        db.ingest_images("pictures", precision="int4")
    with pytest.raises(UsageError, match="--precision are for the encoder 'devise'"):
        db.ingest_images("pictures", encoder="other", precision="half")
