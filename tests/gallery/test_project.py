"""A gallery moved to another head while it is searched, on every Milvus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from backends import EVERY
from memory_client import connect_to_memory
from trained_world import (
    BACKBONE,
    EACH,
    LABELS,
    WORD_VECTORS,
    drop_trained_world,
    put_trained_world,
    put_world_words,
    trained,
)

from milvise.adapter import Collection, IndexSpec, Store
from milvise.embeddings.devise.trained_head import load_head
from milvise.errors import FingerprintError, MilviseError, ModelError, NotFoundError, StoreError, UsageError
from milvise.gallery.heads import joint_manifest
from milvise.gallery.project import SAMPLE, project
from milvise.operations.database import Database
from milvise.queries.search import Gallery

PICTURES = EACH * len(LABELS)
THREADS, LIMIT = 8, 10


@pytest.fixture(scope="module")
def two_heads(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two heads for every gallery of the trained world, which is the same on each Milvus."""
    store = Store(connect_to_memory())
    put_trained_world(store)
    folder = tmp_path_factory.mktemp("heads")
    paths = [folder / "first.keras", folder / "second.keras"]
    for seed, path in enumerate(paths):
        trained(store, path, epochs=2, seed=seed)
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def shared(store: Store, two_heads: list[str]) -> Iterator[list[str]]:
    """Two heads for the gallery ``t`` of each Milvus in turn."""
    put_trained_world(store)
    yield two_heads
    drop_trained_world(store)


@pytest.fixture
def heads(own_store: Store, two_heads: list[str]) -> list[str]:
    """Two heads for the gallery ``t`` of a Milvus of the test's own."""
    put_trained_world(own_store)
    return two_heads


def joint_rows(store: Store) -> dict[str, dict[str, object]]:
    joint = store.live("t_joint")
    assert joint is not None
    return {row["id"]: row for row in joint.scan([*joint.room.fields, "vector"])}


def expected(store: Store, head: str) -> dict[str, np.ndarray]:
    visual = store.live("t_visual")
    assert visual is not None
    rows = list(visual.scan(["id", "vector"]))
    vectors = load_head(Path(head))(np.asarray([row["vector"] for row in rows], np.float32))
    return {row["id"]: vector for row, vector in zip(rows, vectors, strict=True)}


def assert_projected(store: Store, head: str) -> None:
    stored, wanted = joint_rows(store), expected(store, head)
    assert set(stored) == set(wanted)
    for key, vector in wanted.items():
        np.testing.assert_allclose(stored[key]["vector"], vector, atol=1e-5)


def test_every_picture_gets_the_vector_of_the_new_head(store: Store, shared: list[str]) -> None:
    first = project(store, gallery="t", head="conse")
    assert (first.rows, first.checked, first.head["kind"]) == (PICTURES, SAMPLE, "conse")
    second = project(store, gallery="t", head=shared[1], index=IndexSpec.parse("ivf_flat"))
    assert (second.projected, second.replaced, second.kept) == (PICTURES, first.collection, None)
    assert second.index.startswith("ivf_flat")
    assert_projected(store, shared[1])
    assert store.others("t_joint") == []


@pytest.mark.milvus(*EVERY)
def test_eight_threads_search_through_it_and_each_answer_is_of_one_head(store: Store, shared: list[str]) -> None:
    whole = []
    for head in shared:
        vectors = expected(store, head)
        scores = {key: float(vector @ WORD_VECTORS["cat"]) for key, vector in vectors.items()}
        whole.append(sorted(scores, key=scores.__getitem__, reverse=True)[:LIMIT])
    assert whole[0] != whole[1]
    project(store, gallery="t", head=shared[0], index=IndexSpec.parse("flat"))
    ended = threading.Event()
    answers: list[list[str]] = []
    errors: list[BaseException] = []

    def searching() -> None:
        gallery = Database(store).gallery("t")
        while not ended.is_set():
            try:
                answers.append([hit.id for hit in gallery.search("cat", space="joint", limit=LIMIT, by="meaning")])
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=searching) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for head in (shared[1], shared[0]):
            project(store, gallery="t", head=head)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert all(found in whole for found in answers)
    assert all(found in answers for found in whole)


def test_a_kept_collection_is_gone_back_to_at_once_and_brought_up_to_date(own_store: Store, heads: list[str]) -> None:
    project(own_store, gallery="t", head=heads[0])
    kept = project(own_store, gallery="t", head=heads[1], keep=True).kept
    assert [manifest.collection for manifest in own_store.others("t_joint")] == [kept]
    visual = own_store.live("t_visual")
    assert visual is not None
    changed, gone, *_ = sorted(row["id"] for row in visual.scan(["id"]))
    row = visual.get([changed], fields=[*visual.room.fields, "vector"], own_writes=True)[changed]
    removed = visual.get([gone], fields=[*visual.room.fields, "vector"], own_writes=True)[gone]
    visual.upsert([{**row, "label": "tiger"}])
    visual.delete([gone])
    back = project(own_store, gallery="t", head=heads[0])
    assert (back.collection, back.projected, back.removed, back.rows) == (kept, 1, 1, PICTURES - 1)
    assert joint_rows(own_store)[changed]["label"] == "tiger"
    assert_projected(own_store, heads[0])
    visual.upsert([row, removed])
    project(own_store, gallery="t", head=heads[1], keep=True)
    assert Database(own_store).drop("t", only_kept=True).collections == (kept,)
    assert own_store.others("t_joint") == []
    assert_projected(own_store, heads[1])


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    "where",
    [
        (Store, "build"), (Collection, "upsert"), (Store, "finish"), (Collection, "settle"), (Store, "record"),
        (Store, "publish"), (Store, "_drop_real"),
    ],
    ids=lambda where: where[1],
)  # fmt: skip
def test_ended_at_any_point_the_gallery_answers_and_the_command_goes_on(
    where: tuple[type, str], own_store: Store, heads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project(own_store, gallery="t", head=heads[0])
    gallery = Database(own_store).gallery("t")
    before = gallery.search("cat", limit=5)

    def dying(*arguments: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*where, dying)
        project(own_store, gallery="t", head=heads[1])
    after = Database(own_store).gallery("t").search("cat", limit=5)
    if where[1] != "_drop_real":  # by then the alias has moved
        assert [hit.id for hit in after] == [hit.id for hit in before]
    assert project(own_store, gallery="t", head=heads[1]).rows == PICTURES
    assert_projected(own_store, heads[1])
    own_store.drop_others("t_joint")


def test_vectors_that_are_not_the_heads_are_found_and_the_gallery_stays(
    own_store: Store, heads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = project(own_store, gallery="t", head=heads[0]).collection
    upsert: Callable[..., int] = Collection.upsert

    def garbling(self: Collection, rows: list[dict[str, object]]) -> int:
        garbled = [{**row, "vector": np.asarray(row["vector"])[::-1]} for row in rows]
        return upsert(self, garbled if self.room.name == "joint" else rows)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "upsert", garbling)
        with pytest.raises(StoreError, match=r"differ from those of the head(.|\n)*The gallery stays as it was"):
            project(own_store, gallery="t", head=heads[1])
    joint = own_store.live("t_joint")
    assert joint is not None
    assert joint.name == live
    assert len(own_store.drop_others("t_joint")) == 1


def test_heads_of_other_models_are_refused_by_both_names(own_store: Store, heads: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the path of a .keras file"):
        project(own_store, gallery="t", head="linear")
    with pytest.raises(ModelError, match="no model file"):
        project(own_store, gallery="t", head="nothing.keras")
    with pytest.raises(NotFoundError, match="no gallery 'nothing'"):
        project(own_store, gallery="nothing", head="conse")
    project(own_store, gallery="t", head=heads[0])
    put_world_words(own_store, seed=9)
    try:
        with pytest.raises(
            FingerprintError, match=r"other words(.|\n)*Expected: .*'seed': 9\}\nReceived: .*'seed': None\}"
        ):
            project(own_store, gallery="t", head=heads[0])
        # Searching, too: the gallery was projected with the words that were replaced.
        with pytest.raises(FingerprintError, match=r"Expected: .*'seed': None\}\nReceived: .*'seed': 9\}"):
            Database(own_store).gallery("t").search("cat")
    finally:
        put_world_words(own_store)
    visual = own_store.live("t_visual")
    assert visual is not None
    other = visual.manifest.changed(alias="o_visual", fingerprint={**BACKBONE, "weights": "others"})
    own_store.publish(own_store.build(other))
    with pytest.raises(
        FingerprintError, match=r"another backbone(.|\n)*'weights': 'others'\}\nReceived: .*'weights': 'none'"
    ):
        project(own_store, gallery="o", head=heads[0])
    with pytest.raises(MilviseError, match=r"belong to another version(.|\n)*Expected: .*'others'"):
        project(own_store, gallery="o", head="conse")
    own_store.drop("o_visual")


def test_the_default_search_uses_what_the_head_learned(own_store: Store, tmp_path: Path) -> None:
    put_trained_world(own_store)
    path = tmp_path / "h.keras"
    report = trained(own_store, path, "mlp", epochs=60, held_back=0.3, hold_out=("king",))
    share = report.record["joint_share"]["share"]
    assert share > 0.5, "two of the labels are classes, and the head knows all"
    done = project(own_store, gallery="t", head=str(path))
    assert done.joint_share == share
    joint = own_store.live("t_joint")
    assert joint is not None
    assert joint.manifest.recipe["joint_share"] == share
    gallery = Database(own_store).gallery("t")

    def counts(gallery: Gallery, word: str) -> float:
        (hit,) = gallery.search(word, limit=1, by="meaning")
        return gallery.explain(hit.id, words=word).shares.get("joint", 0.0)

    learned = {word: counts(gallery, word) for word in ("queen", "sofa", "dining table", "Queen")}
    assert learned == pytest.approx(dict.fromkeys(learned, share))
    assert max(counts(gallery, word) for word in ("king", "tree")) < 0.4
    precision = {}
    for space in (None, "joint", "visual"):
        found = [
            hit.label == word.replace(" ", "_")
            for word in ("queen", "sofa", "dining table")
            for hit in gallery.search(word, space=space, limit=10, by="meaning")
        ]
        precision[space] = np.mean(found)
    assert precision[None] >= max(precision["joint"], precision["visual"])
    assert precision[None] > precision["visual"] + 0.2
    project(own_store, gallery="t", head="conse")
    untrained = own_store.live("t_joint")
    assert untrained is not None
    assert set(untrained.manifest.recipe) == {"head"}
    assert counts(Database(own_store).gallery("t"), "queen") < 0.4


def test_a_head_without_a_share_leaves_words_theirs(own_store: Store, heads: list[str]) -> None:
    visual, words = own_store.live("t_visual"), own_store.live("words")
    assert visual is not None
    assert words is not None
    head = load_head(Path(heads[0]))
    for share in (None, {"share": None}):
        record = {name: value for name, value in head.record.items() if name != "joint_share"}
        earlier = replace(head, record=record if share is None else {**record, "joint_share": share})
        assert set(joint_manifest(visual.manifest, words, earlier, earlier.fingerprint).recipe) == {"head"}
    chosen = replace(head, record={**head.record, "joint_share": {"share": 0.5}})
    recipe = joint_manifest(visual.manifest, words, chosen, chosen.fingerprint).recipe
    assert (recipe["joint_share"], len(recipe["learned"])) == (0.5, 6 * (len(LABELS) - 1))
