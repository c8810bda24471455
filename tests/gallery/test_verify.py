"""Each kind of damage, planted on every Milvus: found as what it is, and mended from the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from backends import EVERY, THOROUGH
from memory_client import MEMORY_URI
from trained_world import CLASSES, VISUAL_DIM, WORD_DIM, WORDS, drop_trained_world, put_trained_world, put_world_words

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.adapter.indexes import Indexes
from milvise.adapter.ledgers import CATALOG_NAME
from milvise.embeddings.devise.sketches import sketch
from milvise.embeddings.devise.top_classes import encode
from milvise.errors import DeniedError, StoreError
from milvise.gallery.project import project
from milvise.gallery.verification.record import Verification
from milvise.operations.database import Database

ALIASES = ("words", "classes_trained_world", "v_visual", "v_joint")
PICTURES = 7 * 12


@pytest.fixture(scope="module")
def db(store: Store) -> Iterator[Database]:
    put_trained_world(store, "v", each=12)
    project(store, gallery="v", head="conse")
    yield Database(store)
    drop_trained_world(store, "v")


def live(db: Database, alias: str) -> Collection:
    found = db.store.live(alias)
    assert found is not None
    return found


def rows(collection: Collection, count: int) -> list[dict[str, Any]]:
    fields = [*collection.room.fields, "vector"]
    keys = sorted(row[collection.room.key] for row in collection.scan([collection.room.key]))[:count]
    found = collection.get(keys, fields=fields, own_writes=True)
    return [found[key] for key in keys]


def write(collection: Collection, *changed: dict[str, Any]) -> None:
    """Write rows past all checks."""
    collection._connection.client.upsert(collection.name, list(changed))
    # Counted at the level Strong, what was written is seen; a server flushes one collection every ten seconds.
    collection.count()


def kinds(found: Verification) -> list[str]:
    return [problem.kind for problem in found.problems]


def hits(db: Database) -> list[tuple[str, str, float]]:
    found = db.gallery("v").search("cat sofa", limit=12)
    found += db.gallery("v").similar("cat/0.jpg", focus="dog", limit=5)
    return [(hit.id, hit.label, round(hit.similarity, 5)) for hit in found]


@pytest.mark.milvus(*EVERY)
def test_a_whole_gallery_is_whole_and_says_what_was_looked_at(db: Database) -> None:
    found = db.verify("v")
    assert found.whole, found.problems
    assert found.remarks == ()
    parts = live(db, "hierarchy_trained_world").count()
    assert dict(found.checked) == {
        "aliases": 5, "schemas": 5, "indexes": 5, "parts of the hierarchy": parts, "catalog entries": len(db.store.catalog.entries()), "words": len(WORDS),
        "classes": len(CLASSES), "visual rows": PICTURES, "joint rows": PICTURES,
        "joint vectors compared with the head's": PICTURES,
    }  # fmt: skip
    assert [what.split(",")[0] for what in found.not_checked] == ["visual vectors against the picture files"]
    assert db.verify("v", repair=True).repaired == ()


def memory_will_do(db: Database, *, unless: bool) -> None:
    """Skip on a real Milvus `unless` this case is to run there: a server takes ten seconds and more for each."""
    if not unless and not THOROUGH and not db.store.connection.uri.startswith(MEMORY_URI):
        pytest.skip("this case runs in memory; MILVISE_TEST_THOROUGH=1 has all of them run everywhere")


def joint_rows_gone(db: Database) -> None:
    joint = live(db, "v_joint")
    joint.delete([row["id"] for row in rows(joint, 3)])


def visual_row_gone(db: Database) -> None:
    visual = live(db, "v_visual")
    visual.delete([rows(visual, 1)[0]["id"]])


def label_in_one(db: Database) -> None:
    joint = live(db, "v_joint")
    write(joint, {**rows(joint, 1)[0], "label": "tiger"})


def meta_in_one(db: Database) -> None:
    joint = live(db, "v_joint")
    write(joint, {**rows(joint, 1)[0], "meta": {"owner": "nobody"}})


def another_version(db: Database) -> None:
    joint = live(db, "v_joint")
    write(joint, {**rows(joint, 1)[0], "sha256": "another"})


def another_vector(db: Database) -> None:
    joint = live(db, "v_joint")
    write(joint, {**rows(joint, 1)[0], "vector": [1.0] + [0.0] * (WORD_DIM - 1)})


def swapped_vectors(db: Database) -> None:
    joint = live(db, "v_joint")
    found = rows(joint, PICTURES)
    first, second = found[0], next(row for row in found if row["label"] != found[0]["label"])
    write(joint, {**first, "vector": second["vector"]}, {**second, "vector": first["vector"]})


def zero_in_joint(db: Database) -> None:
    joint = live(db, "v_joint")
    write(joint, {**rows(joint, 1)[0], "vector": [0.0] * WORD_DIM})


@pytest.mark.milvus(*EVERY)
@pytest.mark.parametrize(
    ("plant", "kind", "count"),
    [
        (joint_rows_gone, "missing", 3),
        (visual_row_gone, "stray", 1),
        (label_in_one, "label", 1),
        (meta_in_one, "label", 1),
        (another_version, "version", 1),
        (another_vector, "joint_vector", 1),
        (swapped_vectors, "joint_vector", 2),
        (zero_in_joint, "vector", 1),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_damage_among_joint_rows_is_found_and_mended(
    db: Database, plant: Callable[[Database], None], kind: str, count: int
) -> None:
    memory_will_do(db, unless=plant in (joint_rows_gone, swapped_vectors))
    kept = {row["id"]: row for row in rows(live(db, "v_visual"), PICTURES)}
    plant(db)
    found = db.verify("v")
    assert kinds(found) == [kind]
    assert f"{count} " in found.problems[0].text
    assert "milvise verify --repair --gallery v" in found.problems[0].text
    mended = db.verify("v", repair=True)
    assert mended.whole, mended.problems
    assert len(mended.repaired) == 1
    if plant is visual_row_gone:
        write(live(db, "v_visual"), *kept.values())
        assert db.verify("v", repair=True).whole
    standing = {row["id"]: row for row in rows(live(db, "v_joint"), PICTURES)}
    assert {key: row["label"] for key, row in standing.items()} == {key: row["label"] for key, row in kept.items()}


def test_visual_vectors_that_cannot_be_compared_are_removed_from_both(db: Database) -> None:
    visual, joint = live(db, "v_visual"), live(db, "v_joint")
    row = rows(visual, 1)[0]
    db.store.record(visual.manifest.changed(stamp="as this machine left it"))
    write(visual, {**row, "vector": [0.0] * visual.manifest.dim})
    assert kinds(db.verify("v")) == ["vector"]
    mended = db.verify("v", repair=True)
    assert mended.whole, mended.problems
    assert mended.repaired == (
        "v_visual: 1 picture with a damaged vector removed, from the joint vectors too. Load them again: milvise ingest"
        " images SOURCE --gallery v",
    )
    assert (visual.count(), joint.count()) == (PICTURES - 1, PICTURES - 1)
    assert live(db, "v_visual").manifest.stamp == ""
    write(visual, row)
    assert kinds(db.verify("v")) == ["missing"]
    assert db.verify("v", repair=True).whole


@pytest.mark.milvus("server", "compose")
@pytest.mark.parametrize("room", ["visual", "joint"])
def test_rows_that_stand_twice_are_written_once(db: Database, room: str) -> None:
    collection = live(db, f"v_{room}")
    db.store.connection.client.insert(collection.name, rows(collection, 2))
    assert collection.count() == PICTURES + 2
    assert kinds(db.verify("v")) == ["duplicate"]
    mended = db.verify("v", repair=True)
    assert mended.whole, mended.problems
    assert mended.repaired == (f"v_{room}: 2 pictures that stood twice written again once",)
    assert collection.count() == PICTURES


@pytest.mark.milvus(*EVERY)
@pytest.mark.parametrize("alias", ALIASES)
def test_a_lost_alias_is_pointed_at_what_is_complete(db: Database, alias: str) -> None:
    memory_will_do(db, unless=alias == "v_visual")
    before, name = hits(db), live(db, alias).name
    db.store.unpublish(alias)
    assert kinds(db.verify("v")) == ["no_alias"]
    mended = db.verify("v", repair=True)
    assert mended.whole, mended.problems
    assert mended.repaired == (f"{alias} points at {name} again",)
    assert hits(Database(db.store)) == before


@pytest.mark.milvus(*EVERY)
@pytest.mark.parametrize("alias", ALIASES)
def test_a_lost_entry_is_recorded_again(db: Database, alias: str) -> None:
    memory_will_do(db, unless=alias == "v_joint")
    before, collection = hits(db), live(db, alias)
    db.store.catalog.forget(collection.name)
    assert kinds(db.verify("v")) == ["no_entry"]
    mended = db.verify("v", repair=True)
    assert mended.whole, mended.problems
    assert mended.repaired == (f"{collection.name}: recorded in {CATALOG_NAME} again, from what is kept with it",)
    made = live(db, alias).manifest
    assert (made.fingerprint, made.index, made.recipe) == (
        collection.manifest.fingerprint, collection.manifest.index, collection.manifest.recipe,
    )  # fmt: skip
    assert hits(Database(db.store)) == before


def test_an_entry_that_is_anothers_is_put_right(db: Database) -> None:
    joint = live(db, "v_joint")
    other = joint.manifest.changed(fingerprint={**joint.manifest.fingerprint, "words": {"words": "others"}})
    ledger = db.store.catalog.rows()
    ledger.upsert([{"name": joint.name, "manifest": other.to_json(), "vector": [1.0, 0.0]}])
    ledger.count()
    assert kinds(db.verify("v")) == ["manifest"]
    assert db.verify("v", repair=True).whole
    assert live(db, "v_joint").manifest.fingerprint == joint.manifest.fingerprint


def test_an_alias_at_another_gallerys_collection_is_taken_back(db: Database) -> None:
    visual, joint = live(db, "v_visual"), live(db, "v_joint")
    db.store.connection.client.alter_alias(visual.name, "v_joint")
    assert kinds(db.verify("v")) == ["alias"]
    assert db.verify("v", repair=True).whole
    assert db.store.points_at("v_joint") == joint.name


def test_another_index_than_the_manifests_is_replaced(db: Database) -> None:
    visual = live(db, "v_visual")
    other = Collection(db.store.connection, visual.manifest.changed(index="ivf_flat:nlist=2,nprobe=2"))
    db.store.reindex(other)
    found = db.verify("v")
    assert kinds(found) == ["index"]
    assert "its index is ivf_flat:nlist=2, and searches expect flat" in found.problems[0].text
    assert db.verify("v", repair=True).whole
    db.store.record(db.store.restored(visual.manifest).changed(stamp=visual.manifest.stamp))
    finished = db.store.finish(live(db, "v_visual"), IndexSpec.parse("hnsw:M=8,efConstruction=64"))
    assert db.verify("v").whole
    db.store.reindex(
        Collection(db.store.connection, finished.manifest.changed(index="hnsw:M=4,efConstruction=64,ef=9"))
    )
    assert kinds(db.verify("v")) == ["index"]
    assert db.verify("v", repair=True).whole
    db.store.finish(live(db, "v_visual"), IndexSpec.parse("flat"))


@pytest.mark.milvus(*EVERY)
def test_a_collection_without_an_index_gets_its_own(db: Database) -> None:
    db.store.indexes.drop(live(db, "v_joint").name)
    found = db.verify("v")
    assert kinds(found) == ["index"]
    assert "the rows of v_joint, which has no index" in found.not_checked
    assert db.verify("v", repair=True).whole


def word_gone(words: Collection) -> None:
    words.delete(["dog"])


def rank_twice(words: Collection) -> None:
    write(words, {**words.get(["dog"], fields=["word", "rank", "vector"])["dog"], "rank": 0})


def long_vector(words: Collection) -> None:
    row = words.get(["dog"], fields=["word", "rank", "vector"])["dog"]
    write(words, {**row, "vector": [3 * value for value in row["vector"]]})


@pytest.mark.parametrize(
    "damaged",
    [
        {"top_classes": "", "sketch": ""},
        {"top_classes": "?" * 160},
        {"top_classes": encode(np.eye(1, 4, dtype=np.float32))[0]},
        {"sketch": "A" * 100},
        {"sketch": sketch(np.arange(VISUAL_DIM, dtype=np.float32)[np.newaxis])[0]},
    ],
    ids=["none", "broken", "another class", "short", "other looks"],
)
def test_what_was_not_seen_is_found_and_seen_again(db: Database, damaged: dict[str, str]) -> None:
    visual = live(db, "v_visual")
    kept = next(row for row in rows(visual, PICTURES) if all(row[name] != text for name, text in damaged.items()))
    write(visual, {**kept, **damaged})
    if any(text and (text.startswith("?") or len(text) == 100) for text in damaged.values()):
        with pytest.raises(StoreError, match="milvise verify --repair --gallery v"):
            db.gallery("v").search("dog", limit=PICTURES, by="meaning")
    found = db.verify("v")
    assert kinds(found) == ["seen"]
    mended = db.verify("v", repair=True)
    assert mended.whole, mended.problems
    assert mended.repaired == ("v_visual: what was seen in 1 picture made again from the vectors",)
    again = next(row for row in rows(visual, PICTURES) if row["id"] == kept["id"])
    assert {name: again[name] for name in damaged} == {name: kept[name] for name in damaged}


@pytest.mark.milvus(*EVERY)
@pytest.mark.parametrize(
    ("plant", "kind", "gone"),
    [(word_gone, "word_count", []), (rank_twice, "word_rank", ["cat", "dog"]), (long_vector, "word_vector", ["dog"])],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_damaged_words_are_found_and_removed_so_that_they_can_be_loaded_again(
    db: Database, plant: Callable[[Collection], None], kind: str, gone: list[str]
) -> None:
    memory_will_do(db, unless=plant is word_gone)
    words = live(db, "words")
    plant(words)
    found = db.verify("v")
    assert kinds(found) == [kind]
    assert "load the same words again: milvise ingest words" in found.problems[0].text
    assert any("words or classes are damaged" in what for what in found.not_checked)
    mended = db.verify("v", repair=True)
    assert kinds(mended) == ["word_count"]
    assert len(mended.repaired) == (1 if gone else 0)
    assert set(words.get(list(WORDS), fields=["word"], own_writes=True)) == set(WORDS) - {*gone, "dog"}
    put_world_words(db.store)
    assert db.verify("v").whole


def test_classes_that_are_not_those_of_the_fingerprint_are_found(db: Database) -> None:
    classes = live(db, "classes_trained_world")
    row = rows(classes, 1)[0]
    for plant in (lambda: classes.delete([row["name"]]), lambda: write(classes, {**row, "bias": 2.0})):
        plant()
        assert kinds(db.verify("v")) == ["classes"]
        mended = db.verify("v", repair=True)
        assert kinds(mended) == ["classes"]
        assert any("classes_trained_world could not be loaded again" in line for line in mended.repaired)
        write(classes, row)
        assert db.verify("v").whole


@pytest.mark.milvus(*EVERY)
def test_what_nothing_points_at_and_what_is_gone_are_remarks(db: Database) -> None:
    joint = live(db, "v_joint").manifest
    left = db.store.build(joint.changed(fingerprint={**joint.fingerprint, "head": {"kind": "an unfinished one"}}))
    gone = Manifest("w_visual", "visual", 4, {"backbone": "gone"})
    db.store.record(gone)
    found = db.verify("v")
    assert found.whole
    texts = {remark.kind: remark.text for remark in found.remarks}
    assert left.name in texts["unpointed"]
    assert "milvise drop --kept --yes --gallery v" in texts["unpointed"]
    assert gone.collection in texts["orphan_entry"]
    mended = db.verify("v", repair=True)
    assert mended.repaired == (f"{CATALOG_NAME}: 1 record of collections that are gone removed",)
    assert [remark.kind for remark in mended.remarks] == ["unpointed"]
    assert db.drop("v", only_kept=True).collections == (left.name,)
    assert db.verify("v").remarks == ()


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.milvus(*EVERY)
@pytest.mark.parametrize(
    "where",
    [
        (Collection, "upsert"), (Collection, "delete"), (Collection, "settle"), (Store, "record"), (Store, "publish"),
        (Store, "reindex"), (Indexes, "_create"),
    ],
    ids=lambda where: where[1],
)  # fmt: skip
def test_a_repair_that_ends_at_any_point_is_done_by_the_next(
    where: tuple[type, str], db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_will_do(db, unless="index" in where[1])
    joint, visual = live(db, "v_joint"), live(db, "v_visual")
    row = rows(visual, 1)[0]
    write(visual, {**row, "vector": [0.0] * visual.manifest.dim})
    joint.delete([one["id"] for one in rows(joint, 5)[1:]])
    db.store.reindex(Collection(db.store.connection, joint.manifest.changed(index="ivf_flat:nlist=2,nprobe=2")))
    db.store.catalog.forget(live(db, "words").name)
    db.store.unpublish("v_joint")

    def dying(*arguments: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*where, dying)
        db.verify("v", repair=True)
    mended = db.verify("v", repair=True)
    assert mended.whole, mended.problems
    assert joint.count() == visual.count() == PICTURES - 1
    write(visual, row)
    assert db.verify("v", repair=True).whole


def test_who_may_not_write_is_told_so_and_may_verify(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    joint_rows_gone(db)

    def refusing(*arguments: object, **options: object) -> None:
        raise DeniedError("Milvus refused this call: PrivilegeUpsert: permission deny.")

    with monkeypatch.context() as patch:
        for method in ("upsert", "delete", "settle"):
            patch.setattr(Collection, method, refusing)
        assert kinds(db.verify("v")) == ["missing"]
        with pytest.raises(DeniedError):
            db.verify("v", repair=True)
    assert db.verify("v", repair=True).whole


def test_verifying_takes_the_calls_that_it_states(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    call = db.store.connection.call

    def counted(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        calls.append(method.__name__)
        return call(method, *arguments, **options)

    monkeypatch.setattr(db.store.connection, "call", counted)
    assert db.verify("v").whole
    assert len(calls) <= 60, calls
    assert not {"upsert", "insert", "delete", "create_collection", "create_alias", "flush"} & set(calls)


def test_vectors_are_compared_at_full_width(db: Database) -> None:
    # A tenth of a hundredth is far more than engines differ by.
    joint = live(db, "v_joint")
    row = rows(joint, 1)[0]
    write(joint, {**row, "vector": list(np.asarray(row["vector"]) + 1e-3)})
    assert kinds(db.verify("v")) == ["joint_vector"]
    assert db.verify("v", repair=True).whole
