"""A catalog that was dropped, recorded again: from what is kept with the collections, else by the hashes in their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from backends import EVERY
from small_world import paint, put_words, save_net
from trained_world import drop_trained_world, put_trained_world, put_world_words

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.adapter.catalog import essence_of
from milvise.adapter.ledgers import CATALOG_NAME
from milvise.core.precision import PRECISIONS
from milvise.embeddings.devise.backbones import load_backbone
from milvise.embeddings.runtimes.engines import load_network
from milvise.embeddings.words.load import load_words
from milvise.errors import NotFoundError, StoreError
from milvise.gallery.plan import make_plan, make_recipe
from milvise.gallery.project import project
from milvise.ingest.pipeline import LoadOptions, ingest_images
from milvise.ingest.sources import open_source
from milvise.ingest.summary import Summary
from milvise.ingest.words import ingest_words
from milvise.operations.database import Database

FIXED = ("alias", "collection", "rows", "dim", "index", "fingerprint")


@pytest.fixture
def db(store: Store) -> Iterator[Database]:
    yield Database(store)
    drop_trained_world(store, "l")


def put_gallery(store: Store, *, seen: bool = True) -> None:
    put_trained_world(store, "l", each=12, seen=seen)
    project(store, gallery="l", head="conse", index=IndexSpec.parse("hnsw:M=8,efConstruction=64"))


def lose_catalog(store: Store) -> Database:
    """Drop the catalog, and return a client that has not seen it."""
    store.connection.client.drop_collection(CATALOG_NAME)
    return Database(Store(store.connection))


def hits(db: Database) -> list[tuple[str, float]]:
    found = db.gallery("l").search("cat sofa", limit=12)
    found += db.gallery("l").similar("cat/0.jpg", focus="dog", limit=5)
    return [(hit.id, round(hit.similarity, 5)) for hit in found]


def status(db: Database) -> list[dict[str, object]]:
    wanted = ("words", "classes_trained_world", "l_visual", "l_joint")
    return [{name: entry[name] for name in FIXED} for entry in db.status() if entry["alias"] in wanted]


@pytest.mark.milvus(*EVERY)
def test_a_dropped_catalog_is_made_again_and_every_command_works(db: Database) -> None:
    put_gallery(db.store)
    before, listed = hits(db), status(db)
    fresh = lose_catalog(db.store)
    with pytest.raises(StoreError, match="milvise verify --repair --gallery l"):
        fresh.gallery("l").search("cat")
    found = fresh.verify("l")
    assert {problem.kind for problem in found.problems} == {"no_entry"}
    assert not fresh.store.stands(CATALOG_NAME)
    mended = fresh.verify("l", repair=True)
    assert mended.whole, mended.problems
    assert len([line for line in mended.repaired if "from what is kept with it" in line]) >= 4
    again = Database(Store(fresh.store.connection))
    assert (hits(again), status(again)) == (before, listed)
    assert fresh.verify("l", repair=True).repaired == ()
    assert project(fresh.store, gallery="l", head="conse").projected == 0


def test_catalog_and_aliases_lost_together(db: Database) -> None:
    put_gallery(db.store)
    before = hits(db)
    for alias in ("l_visual", "l_joint", "words", "classes_trained_world", "hierarchy_trained_world"):
        db.store.unpublish(alias)
    fresh = lose_catalog(db.store)
    assert "no_entry" in {problem.kind for problem in fresh.verify("l").problems}
    mended = fresh.verify("l", repair=True)
    assert mended.whole, mended.problems
    assert hits(fresh) == before


def test_a_gallery_made_before_is_whole_and_gets_what_it_lacks(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(Manifest, "essence", lambda self: "")
        put_gallery(db.store, seen=False)
    before_loss = hits(db)
    found = db.verify("l")
    assert found.whole, found.problems
    assert [remark.kind for remark in found.remarks] == ["unsigned"] * 5
    mended = db.verify("l", repair=True)
    assert mended.whole
    assert (len(mended.repaired), mended.remarks) == (5, ())
    fresh = lose_catalog(db.store)
    assert fresh.verify("l", repair=True).whole
    assert hits(fresh) == before_loss


def test_one_entry_left_tells_what_the_others_were(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(Manifest, "essence", lambda self: "")
        put_gallery(db.store)
    expected = hits(db)
    for alias in ("words", "classes_trained_world", "l_visual"):
        name = db.store.points_at(alias)
        assert name is not None
        db.store.catalog.forget(name)
    mended = db.verify("l", repair=True)
    assert mended.whole, mended.problems
    assert len([line for line in mended.repaired if "holds the hash of what made it" in line]) == 3
    assert hits(Database(db.store)) == expected


def test_what_nothing_tells_is_left_or_let_go_with_the_command_that_brings_it_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(Manifest, "essence", lambda self: "")
        put_gallery(db.store)
    visual = db.store.live("l_visual")
    assert visual is not None
    fresh = lose_catalog(db.store)
    mended = fresh.verify("l", repair=True)
    told = "\n".join(mended.repaired)
    assert f"l_visual points at {visual.name}, and nothing here tells what made it" in told
    assert "milvise ingest words SOURCE" in told
    assert "milvise project --gallery l --head conse" in told
    assert {problem.kind for problem in mended.problems} >= {"no_entry"}
    assert fresh.store.points_at("l_visual") == visual.name
    # The same words, classes and pictures loaded again find what stands, or take its place.
    with pytest.raises(StoreError, match="has no entry"):
        fresh.store.live("l_visual", made_as=visual.manifest.changed(fingerprint={"backbone": "another"}))
    put_trained_world(fresh.store, "l", each=12)
    project(fresh.store, gallery="l", head="conse")
    assert fresh.verify("l").whole, fresh.verify("l").problems
    assert hits(fresh)
    fresh.verify("l", repair=True)


def test_a_description_that_is_not_milvises_is_not_believed(own_store: Store) -> None:
    made = Manifest("x_visual", "visual", 8, {"backbone": "x"})
    essence = made.essence()
    assert Manifest.from_essence(essence) == made
    described = {"collection_name": made.collection, "description": essence}
    assert essence_of(described) == made
    assert essence_of({**described, "collection_name": "y_visual_0123456789"}) is None
    for text in ("", "holiday pictures", "[]", "{}", '{"milvise": []}', '{"milvise": {"alias": 3}}', "[" * 100_000):
        assert Manifest.from_essence(text) is None
    for wrong in ({"dim": "8"}, {"dim": True}, {"dim": -1}, {"fingerprint": []}, {"alias": None}, {"sources": [3]}):
        assert Manifest.from_essence(made.changed(**wrong).essence()) is None


def test_words_alone_are_verified_and_recorded_again(own_store: Store) -> None:
    put_world_words(own_store)
    db = Database(own_store)
    found = db.verify()
    assert found.whole
    assert (found.gallery, found.remarks[0].kind, found.checked["words"]) == ("default", "no_gallery", 9)
    with pytest.raises(NotFoundError, match="no gallery 'l'"):
        db.verify("l")
    fresh = lose_catalog(own_store)
    assert [problem.kind for problem in fresh.verify().problems] == ["no_entry"]
    assert fresh.verify(repair=True).whole
    assert fresh.words.similar("cat", limit=1)


def load(store: Store, folder: Path, net: Path, names: Path, **options: object) -> Summary:
    recipe = make_recipe(store, "g", str(net), None)
    plan = make_plan(store, gallery="g", backbone=load_backbone(str(net)), head=None, recipe=recipe, names=names)
    report = folder / "quarantine.jsonl"
    source = open_source(str(folder / "p"), labels=False)
    return ingest_images(store, [source], plan, quarantine=report, options=LoadOptions(**options))


@pytest.fixture
def pictures(own_store: Store, tmp_path: Path, class_names: Path) -> Path:
    """A gallery ``g`` of twelve files."""
    put_words(own_store, tmp_path)
    for number in range(12):
        paint(tmp_path / "p" / f"{number}.png", number)
    load(own_store, tmp_path, save_net(tmp_path / "net.keras", 0), class_names)
    return tmp_path


def test_after_the_repair_everything_is_found_unchanged(own_store: Store, pictures: Path, class_names: Path) -> None:
    fresh = lose_catalog(own_store)
    assert fresh.verify("g", repair=True).whole
    words = load_words(str(pictures / "words.txt"), components=0)
    assert ingest_words(fresh.store, words, source="words.txt", index=IndexSpec("flat")).unchanged
    again = load(fresh.store, pictures, pictures / "net.keras", class_names)
    assert (again.seen, again.unchanged, again.embedded, again.projected) == (12, 12, 0, 0)
    assert fresh.verify("g").whole


def test_the_same_command_goes_on_with_a_gallery_that_nothing_else_tells_of(
    own_store: Store, pictures: Path, class_names: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = Database(own_store)
    drop.drop("g")
    own_store.drop("classes_net")
    own_store.drop("hierarchy_net")
    own_store.drop("words")
    with monkeypatch.context() as before:
        before.setattr(Manifest, "essence", lambda self: "")
        put_words(own_store, pictures)
        load(own_store, pictures, pictures / "net.keras", class_names)
    fresh = lose_catalog(own_store)
    fresh.verify("g", repair=True)
    words = load_words(str(pictures / "words.txt"), components=0)
    assert ingest_words(fresh.store, words, source="words.txt", index=IndexSpec("flat")).words == len(words.words)
    other = save_net(pictures / "other.keras", 1)
    with pytest.raises(StoreError, match="verify --repair --gallery g"):
        load(fresh.store, pictures, other, class_names)
    again = load(fresh.store, pictures, pictures / "net.keras", class_names)
    assert (again.unchanged, again.embedded) == (12, 0)
    assert fresh.verify("g").whole


def test_classes_are_loaded_again_from_the_backbone(own_store: Store, pictures: Path, class_names: Path) -> None:
    db, classes = Database(own_store), own_store.live("classes_net")
    assert classes is not None
    assert db.verify("g").whole
    row = classes.query('name == "cat"', fields=["name", "index", "bias", "vector"])[0]
    classes.upsert([{**row, "vector": [1.0] * classes.manifest.dim}])
    classes.settle()
    assert [problem.kind for problem in db.verify("g").problems] == ["classes"]
    mended = db.verify("g", repair=True)
    assert mended.whole, mended.problems
    assert mended.repaired == ("classes_net: 4 classes loaded again from the backbone",)
    # Their names came from a file, which a gallery does not remember: loading it again brings back a missing one.
    classes.delete(["cat"])
    mended = db.verify("g", repair=True)
    assert [problem.kind for problem in mended.problems] == ["classes"]
    assert "--classes FILE" in mended.repaired[0]
    load(own_store, pictures, pictures / "net.keras", class_names)
    assert db.verify("g").whole


def test_visual_vectors_are_compared_with_the_picture_files(
    own_store: Store, pictures: Path, class_names: Path
) -> None:
    db, visual = Database(own_store), own_store.live("g_visual")
    assert visual is not None
    found = db.verify("g", pictures=20)
    assert found.whole, found.problems
    assert found.checked["visual vectors compared with picture files"] == 12
    first, second = visual.query('uri in ["3.png", "4.png"]', fields=[*visual.room.fields, "vector"])
    visual.upsert([{**first, "vector": second["vector"]}, {**second, "vector": first["vector"]}])
    visual.settle()
    (pictures / "p" / "5.png").unlink()
    paint(pictures / "p" / "6.png", 60)
    found = db.verify("g", pictures=20)
    assert [problem.kind for problem in found.problems] == ["seen", "joint_vector", "visual_vector"]
    assert "2 vectors of 10" in found.problems[2].text
    assert "2 sampled pictures: no file with the content that was loaded" in found.not_checked[-1]
    mended = db.verify("g", pictures=20, repair=True)
    assert mended.whole, mended.problems
    assert "2 pictures with a damaged vector removed" in mended.repaired[0]
    again = load(own_store, pictures, pictures / "net.keras", class_names, prune=True)
    assert (again.embedded, again.unchanged, again.replaced, again.removed) == (3, 8, 1, 1)
    assert db.verify("g", pictures=20).whole


def test_damaged_words_come_back_by_loading_them_again(own_store: Store, pictures: Path) -> None:
    db, words = Database(own_store), own_store.live("words")
    assert words is not None
    words.upsert([{"word": "dog", "rank": 1, "vector": [9.0, 0.0, 0.0, 0.0]}])
    mended = db.verify("g", repair=True)
    assert (
        f"1 damaged word removed. Put them back by loading the same words again: milvise ingest words {pictures}"
        in (mended.repaired[0])
    )
    put_words(own_store, pictures)
    assert db.verify("g").whole
    np.testing.assert_allclose(words.vectors(["dog"])["dog"], [0, 1, 0, 0], atol=1e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_models_on_this_machine_tell_what_a_gallery_without_any_record_was(
    own_store: Store, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    (tmp_path / "p").mkdir()
    for path in photos[:3]:
        (tmp_path / "p" / path.name).write_bytes(path.read_bytes())
    with monkeypatch.context() as before:
        before.setattr(Manifest, "essence", lambda self: "")
        words = load_words("glove-6b-50d", limit=2_000)
        ingest_words(own_store, words, source="glove-6b-50d", index=IndexSpec("flat"))
        recipe = make_recipe(own_store, "g", None, None, precision=precision)
        network = load_network(recipe["backbone"], precision=precision)
        plan = make_plan(own_store, gallery="g", backbone=network, head=None, recipe=recipe, names=None)
        ingest_images(
            own_store, [open_source(str(tmp_path / "p"), labels=False)], plan, quarantine=tmp_path / "q.jsonl"
        )
    expected = [hit.uri for hit in Database(own_store).gallery("g").search("water", limit=3)]
    listed = {entry["alias"]: entry["fingerprint"] for entry in Database(own_store).status()}
    fresh = lose_catalog(own_store)
    mended = fresh.verify("g", repair=True)
    assert mended.whole, mended.problems
    assert [hit.uri for hit in fresh.gallery("g").search("water", limit=3)] == expected
    assert {entry["alias"]: entry["fingerprint"] for entry in fresh.status()} == listed
    made = fresh.store.live("g_visual")
    assert made is not None
    assert dict(made.manifest.recipe) == recipe
