"""Loading pictures: what is stored, skipped, replaced, removed and resumed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import CLASSES, paint, put_words

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.adapter.collection import Collection
from milvise.core.records import record_id
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.sketches import sketch
from milvise.embeddings.devise.top_classes import class_probabilities, decode
from milvise.embeddings.devise.trained_head import load_head
from milvise.embeddings.pictures.decode import decode as decode_picture
from milvise.errors import FingerprintError, InputError, NotFoundError, ReplacedError, UsageError
from milvise.gallery import plan
from milvise.gallery.pair import Pair
from milvise.gallery.plan import make_plan, make_recipe
from milvise.ingest import runners
from milvise.ingest.summary import Summary
from milvise.queries.database import Database
from milvise.training.train import TrainOptions as TrainOptions
from milvise.training.train import train_head

pytestmark = pytest.mark.milvus("lite")

Load = Callable[..., Summary]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for number in range(10):
        paint(root / ("cat" if number % 2 else "dining_table") / f"{number}.png", number)
    return root


def rows(store: Store, room: str = "visual") -> dict[str, dict[str, object]]:
    collection = store.live(f"g_{room}")
    assert collection is not None
    return {row["uri"]: row for row in collection.scan([*collection.room.fields, "vector"])}


def test_every_picture_stands_in_both_collections_with_its_vectors(
    load: Load, own_store: Store, folder: Path, nets: list[Backbone]
) -> None:
    summary = load(folder)
    assert (summary.seen, summary.embedded, summary.rows, summary.quarantined) == (10, 10, 10, 0)
    visual, joint = rows(own_store), rows(own_store, "joint")
    assert set(visual) == set(joint) == {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    row = visual["cat/1.png"]
    assert (row["id"], row["label"], row["width"], row["height"]) == (record_id("cat/1.png"), "cat", 24, 24)
    pixels = decode_picture((folder / "cat/1.png").read_bytes(), size=16, rule=nets[0].rule).pixels
    np.testing.assert_allclose(row["vector"], nets[0].embed(pixels[np.newaxis])[0], rtol=1e-4, atol=1e-6)
    assert summary.notes == ("1 classes without any known word take no part in the joint space: xyzzy …",)


def test_joint_vectors_are_those_of_the_conse_head(
    load: Load, own_store: Store, folder: Path, nets: list[Backbone], class_names: Path
) -> None:
    load(folder)
    words = own_store.live("words")
    assert words is not None
    head = ConseHead(nets[0].classes(class_names), words.vectors(["cat", "dog", "dining", "table"]))
    for uri, row in rows(own_store).items():
        expected = head(np.float32([row["vector"]]))[0]
        np.testing.assert_allclose(rows(own_store, "joint")[uri]["vector"], expected, rtol=1e-4, atol=1e-6)


def test_what_the_network_saw_stands_with_every_picture(
    load: Load, own_store: Store, folder: Path, nets: list[Backbone], class_names: Path, tmp_path: Path
) -> None:
    load(folder)
    classes = nets[0].classes(class_names)
    for row in rows(own_store).values():
        expected = class_probabilities(np.float32([row["vector"]]), classes.weights, classes.bias)
        assert decode([str(row["top_classes"])], len(CLASSES)) == pytest.approx(expected, abs=1e-4)
        assert row["sketch"] == sketch(np.float32([row["vector"]]))[0]
    before = {uri: (row["top_classes"], row["sketch"]) for uri, row in rows(own_store).items()}
    assert len(set(before.values())) == 10
    manifest = folder / "m.csv"
    manifest.write_text("uri,label\ncat/1.png,tiger\n")
    load(manifest)
    assert rows(own_store)["cat/1.png"]["label"] == "tiger"
    assert {uri: (row["top_classes"], row["sketch"]) for uri, row in rows(own_store).items()} == before
    assert not {"top_classes", "sketch"} & rows(own_store, "joint")["cat/1.png"].keys()


def test_a_gallery_made_before_what_was_seen_was_kept_grows_and_answers_the_same(
    load: Load, own_store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, found = ("cat", "queen", "dog - cat"), []
    for is_before in (True, False):
        with monkeypatch.context() as before:
            if is_before:
                before.setattr(plan, "Manifest", lambda *args, top_classes=False, **values: Manifest(*args, **values))
            load(folder)
        paint(folder / "cat/late.png", 55)
        load(folder)
        visual = own_store.live("g_visual")
        assert visual is not None
        assert visual.manifest.top_classes is not is_before
        gallery = Database(own_store).gallery("g")
        hits = [hit for words in asked for hit in gallery.search(words, min_confidence=0.0, by="meaning")]
        hits += gallery.rank(words="queen")
        told = gallery.explain(hits[0].id, words="cat")
        found.append(([(hit.uri, hit.similarity, hit.confidence) for hit in hits], told.terms))
        assert told.hit.similarity == pytest.approx(hits[0].similarity)
        own_store.drop("g_visual")
        own_store.drop("g_joint")
        (folder / "cat/late.png").unlink()
    (first, terms), (second, same) = found
    assert [uri for uri, _, _ in first] == [uri for uri, _, _ in second]
    for one, other in zip(first, second, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=1e-4)
    assert [one.contribution for one in terms] == pytest.approx([one.contribution for one in same], abs=1e-4)


def test_classes_stand_with_weights_and_biases(
    load: Load, own_store: Store, folder: Path, nets: list[Backbone]
) -> None:
    load(folder)
    classes = own_store.live(f"classes_{nets[0].name}")
    assert classes is not None
    stored = sorted(classes.scan(["name", "index", "bias", "vector"]), key=lambda row: int(row["index"]))
    assert [row["name"] for row in stored] == list(CLASSES)
    weights, bias = nets[0].classifier or (None, None)
    np.testing.assert_allclose([row["vector"] for row in stored], weights, rtol=1e-6)
    np.testing.assert_allclose([row["bias"] for row in stored], bias, rtol=1e-6)


def test_a_second_run_computes_nothing(load: Load, folder: Path) -> None:
    load(folder)
    again = load(folder)
    assert (again.seen, again.embedded, again.unchanged, again.rows) == (10, 0, 10, 10)


def test_changed_pictures_are_replaced_and_new_ones_added(load: Load, own_store: Store, folder: Path) -> None:
    load(folder)
    before = rows(own_store)["cat/1.png"]
    paint(folder / "cat/1.png", 99, size=30)
    paint(folder / "cat/new.png", 100)
    summary = load(folder)
    assert (summary.embedded, summary.replaced, summary.unchanged, summary.rows) == (2, 1, 9, 11)
    after = rows(own_store)["cat/1.png"]
    assert after["sha256"] != before["sha256"]
    assert after["width"] == 30
    assert rows(own_store, "joint")["cat/1.png"]["sha256"] == after["sha256"]


def test_new_labels_are_written_without_computing_anything(
    load: Load, own_store: Store, folder: Path, tmp_path: Path
) -> None:
    manifest = folder / "m.csv"
    manifest.write_text("uri,label,year\ncat/1.png,cat,2019\ncat/3.png,cat,2019\n")
    load(manifest)
    before = rows(own_store)["cat/1.png"]["vector"]
    manifest.write_text("uri,label,year\ncat/1.png,tiger,2020\ncat/3.png,cat,2019\n")
    summary = load(manifest)
    assert (summary.embedded, summary.unchanged, summary.relabelled) == (0, 2, 1)
    for room in ("visual", "joint"):
        assert rows(own_store, room)["cat/1.png"]["label"] == "tiger"
        assert rows(own_store, room)["cat/1.png"]["meta"] == {"year": 2020}
    assert rows(own_store)["cat/1.png"]["vector"] == before


def test_what_is_gone_stays_unless_it_is_pruned(load: Load, own_store: Store, folder: Path) -> None:
    load(folder)
    (folder / "cat/1.png").unlink()
    assert load(folder).rows == 10
    summary = load(folder, prune=True)
    assert (summary.removed, summary.rows) == (1, 9)
    assert "cat/1.png" not in rows(own_store)
    assert "cat/1.png" not in rows(own_store, "joint")


def test_pruning_does_not_take_an_empty_folder_for_the_truth(
    load: Load, own_store: Store, folder: Path, tmp_path: Path
) -> None:
    load(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="Is the disk mounted"):
        load(tmp_path / "empty", prune=True)
    assert len(rows(own_store)) == 10


def test_a_dry_run_says_what_would_happen_and_writes_nothing(load: Load, own_store: Store, folder: Path) -> None:
    first = load(folder, dry_run=True)
    assert (first.embedded, first.unchanged) == (10, 0)
    assert own_store.live("g_visual") is None
    load(folder)
    paint(folder / "cat/1.png", 99)
    paint(folder / "new.png", 98)
    (folder / "bad.png").write_bytes(b"bad")
    (folder / "cat/3.png").unlink()
    dry = load(folder, dry_run=True, prune=True)
    assert (dry.embedded, dry.replaced, dry.unchanged, dry.removed, dry.quarantined) == (2, 1, 8, 1, 1)
    assert len(rows(own_store)) == 10


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("after", range(1, 8))
def test_a_run_that_ends_between_any_two_writes_is_continued(
    after: int, load: Load, own_store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upsert, calls = Collection.upsert, iter(range(1, 1_000))

    def dying(self: Collection, given: object) -> int:
        if self.room.name in ("visual", "joint") and next(calls) == after:
            raise Killed
        return upsert(self, given)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "upsert", dying)
        patch.setattr(runners, "_WRITE_ROWS", 2)
        with pytest.raises(Killed):
            load(folder, batch_size=2)
    done = len(rows(own_store))
    summary = load(folder, batch_size=2)
    assert (summary.embedded, summary.unchanged, summary.rows) == (10 - done, done, 10)
    assert set(rows(own_store)) == set(rows(own_store, "joint"))


def test_joint_vectors_come_later_from_the_visual_ones(load: Load, own_store: Store, folder: Path) -> None:
    load(folder, head="none")
    assert own_store.live("g_joint") is None
    summary = load(folder)
    assert (summary.embedded, summary.projected, summary.unchanged) == (0, 10, 10)
    assert set(rows(own_store, "joint")) == set(rows(own_store))
    with pytest.raises(UsageError, match="--head none"):
        load(folder, head="none")


def test_other_words_project_the_gallery_anew_without_the_network(
    load: Load, own_store: Store, folder: Path, tmp_path: Path
) -> None:
    load(folder)
    old = own_store.live("g_joint")
    put_words(own_store, tmp_path, "cat 1 1 0\ndog 0 1 1\n")
    summary = load(folder)
    new = own_store.live("g_joint")
    assert old is not None
    assert new is not None
    assert (summary.embedded, summary.projected, new.manifest.dim) == (0, 10, 3)
    assert own_store.find(old.manifest) is None


def test_another_backbone_is_built_beside_the_gallery_and_then_takes_its_place(
    load: Load, own_store: Store, folder: Path, tmp_path: Path
) -> None:
    load(folder)
    old = own_store.live("g_visual")
    assert old is not None
    shutil.move(folder / "cat", tmp_path / "elsewhere")
    with pytest.raises(InputError, match="holds pictures that none of these sources has"):
        load(folder, net=1)
    live = own_store.live("g_visual")
    assert live is not None
    assert (live.name, live.count()) == (old.name, 10)
    shutil.move(tmp_path / "elsewhere", folder / "cat")
    summary = load(folder, net=1)
    assert summary.rows == 10
    replaced = own_store.live("g_visual")
    assert replaced is not None
    assert replaced.name != old.name
    assert own_store.find(old.manifest) is None


def test_two_sources_with_one_relative_uri_do_not_overwrite_each_other(
    load: Load, own_store: Store, tmp_path: Path
) -> None:
    first, second = tmp_path / "2019", tmp_path / "2020"
    paint(first / "IMG_1.png", 1)
    paint(second / "IMG_1.png", 2)
    summary = load(first, second)
    assert (summary.embedded, summary.quarantined) == (1, 1)
    stored = rows(own_store)["IMG_1.png"]["sha256"]
    later = load(second)
    assert (later.embedded, later.quarantined) == (0, 1)
    assert "load the folder above both" in (tmp_path / "quarantine.jsonl").read_text()
    assert rows(own_store)["IMG_1.png"]["sha256"] == stored


def test_a_folder_that_moved_is_recognised(load: Load, folder: Path, tmp_path: Path) -> None:
    load(folder)
    moved = folder.rename(tmp_path / "moved")
    assert load(moved).unchanged == 10


def test_the_index_that_was_asked_for_stands_in_the_end(load: Load, own_store: Store, folder: Path) -> None:
    load(folder, index=IndexSpec.parse("hnsw:M=8"))
    for room in ("visual", "joint"):
        live = own_store.live(f"g_{room}")
        assert live is not None
        assert live.manifest.index == "hnsw:M=8,efConstruction=200,ef=256"
        standing = own_store.indexes.standing(live.name)
        assert standing is not None
        assert (standing.kind, standing.build_params["M"]) == ("hnsw", 8)
        assert live.manifest.sources == (str(folder.resolve()),)


def test_without_words_the_conse_head_says_what_to_do(
    own_store: Store, nets: list[Backbone], class_names: Path
) -> None:
    with pytest.raises(NotFoundError, match="milvise ingest words"):
        make_plan(own_store, gallery="g", backbone=nets[0], head="conse", recipe={}, names=class_names)


def test_a_gallery_goes_on_with_its_own_backbone(load: Load, own_store: Store, folder: Path, tmp_path: Path) -> None:
    default = {"backbone": "efficientnet_lite0", "weights": None}
    assert make_recipe(own_store, "g", None, None) == default
    load(folder)
    assert make_recipe(own_store, "g", None, None) == {"backbone": "net"}
    assert make_recipe(own_store, "g", "vgg16", None) == {"backbone": "vgg16", "weights": None}
    assert make_recipe(own_store, "other", None, tmp_path) == {**default, "weights": str(tmp_path)}


def test_a_gallery_goes_on_with_its_own_head(load: Load, own_store: Store, folder: Path, tmp_path: Path) -> None:
    load(folder)
    head = tmp_path / "head.keras"
    train_head(own_store, gallery="g", out=head, options=TrainOptions("linear", epochs=1))
    assert load(folder, head=str(head)).projected == 10
    paint(folder / "cat" / "new.png", 77)
    summary = load(folder, head=None)
    assert (summary.projected, summary.embedded) == (0, 1)
    joint = own_store.live("g_joint")
    assert joint is not None
    assert joint.manifest.recipe == {"head": str(head)}
    vectors = load_head(head)(np.float32([row["vector"] for row in rows(own_store).values()]))
    stored = rows(own_store, "joint")
    np.testing.assert_allclose([stored[uri]["vector"] for uri in rows(own_store)], vectors, atol=1e-5)


def test_a_head_of_another_backbone_is_refused_by_both_names(
    load: Load, own_store: Store, folder: Path, tmp_path: Path, nets: list[Backbone]
) -> None:
    load(folder)
    train_head(own_store, gallery="g", out=tmp_path / "head.keras", options=TrainOptions("linear", epochs=1))
    both = rf"Expected: .*{nets[1].weights_hash}.*\nReceived: .*{nets[0].weights_hash}"
    with pytest.raises(FingerprintError, match=both):
        load(folder, net=1, head=str(tmp_path / "head.keras"))


def test_progress_and_quarantine_report(load: Load, folder: Path, tmp_path: Path) -> None:
    (folder / "bad.png").write_bytes(b"no picture")
    summary = load(folder)
    report = tmp_path / "quarantine.jsonl"
    assert summary.quarantine == str(report)
    assert json.loads(report.read_text()) == {"uri": "bad.png", "reason": "not a picture in a format that can be read"}
    (folder / "bad.png").unlink()
    assert load(folder).quarantine is None
    assert not report.exists()


def test_a_load_does_not_take_the_place_of_a_version_that_went_live_meanwhile(
    load: Load, own_store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    paint(folder / "cat" / "new.png", 50)
    live = own_store.live("g_visual")
    other = own_store.build(live.manifest.changed(fingerprint={"backbone": "other"}))  # type: ignore[union-attr]
    write = Pair.write

    def move(pair: Pair, *values: Any) -> int:
        written = write(pair, *values)
        own_store.point("g_visual", other.name)
        return written

    monkeypatch.setattr(Pair, "write", move)
    monkeypatch.setattr("milvise.gallery.still_live.LEASE_S", 0.0)
    with pytest.raises(ReplacedError, match="another version of g_visual went live"):
        load(folder)
    assert own_store.points_at("g_visual") == other.name
