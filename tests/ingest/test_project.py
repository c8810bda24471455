"""A gallery moved to another head while it is searched, on every Milvus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from trained_world import (
    BACKBONE,
    EACH,
    LABELS,
    drop_trained_world,
    put_trained_world,
    put_world_words,
    trained,
)

from milvise.adapter import Collection, IndexSpec, Store
from milvise.embeddings.trained_head import load_head
from milvise.errors import FingerprintError, MilviseError, ModelError, NotFoundError, StoreError, UsageError
from milvise.ingest.project import project
from milvise.queries.database import Database

PICTURES = EACH * len(LABELS)
THREADS, SWAPS = 8, 4


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[list[str]]:
    """Two heads for the gallery ``t`` of each Milvus."""
    folder = tmp_path_factory.mktemp("heads")
    put_trained_world(store)
    paths = [folder / "first.keras", folder / "second.keras"]
    for seed, path in enumerate(paths):
        trained(store, path, epochs=2, seed=seed)
    yield [str(path) for path in paths]
    drop_trained_world(store)


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


def test_every_picture_gets_the_vector_of_the_new_head(store: Store, heads: list[str]) -> None:
    first = project(store, gallery="t", head=heads[0])
    assert (first.rows, first.checked) == (PICTURES, min(PICTURES, 100))
    assert_projected(store, heads[0])
    second = project(store, gallery="t", head=heads[1], index=IndexSpec.parse("ivf_flat"))
    assert (second.projected, second.replaced, second.kept) == (PICTURES, first.collection, None)
    assert second.index.startswith("ivf_flat")
    assert_projected(store, heads[1])
    assert store.others("t_joint") == []
    back = project(store, gallery="t", head="conse")
    assert (back.head["kind"], back.index.partition(":")[0]) == ("conse", "ivf_flat")
    uris = {row["id"]: row["uri"] for row in joint_rows(store).values()}
    assert Database(store).gallery("t").search("cat", limit=1)[0].uri in uris.values()


def test_eight_threads_search_through_it_and_each_answer_is_of_one_head(store: Store, heads: list[str]) -> None:
    def answer() -> list[tuple[str, float]]:
        return [(hit.id, round(hit.similarity, 4)) for hit in Database(store).gallery("t").search("cat", limit=10)]

    whole = []
    for head in heads:
        project(store, gallery="t", head=head, index=IndexSpec.parse("flat"))
        whole.append(answer())
    assert whole[0] != whole[1]
    ended = threading.Event()
    answers: list[list[tuple[str, float]]] = []
    errors: list[BaseException] = []

    def searching() -> None:
        gallery = Database(store).gallery("t")
        while not ended.is_set():
            try:
                hits = gallery.search("cat", limit=10)
                answers.append([(hit.id, round(hit.similarity, 4)) for hit in hits])
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=searching) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for swap in range(SWAPS):
            project(store, gallery="t", head=heads[swap % 2])
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert all(found in whole for found in answers)
    assert all(found in answers for found in whole)


def test_a_kept_collection_is_gone_back_to_at_once_and_brought_up_to_date(store: Store, heads: list[str]) -> None:
    project(store, gallery="t", head=heads[0])
    kept = project(store, gallery="t", head=heads[1], keep=True).kept
    assert [manifest.collection for manifest in store.others("t_joint")] == [kept]
    visual = store.live("t_visual")
    assert visual is not None
    changed, gone, *_ = sorted(row["id"] for row in visual.scan(["id"]))
    row = visual.get([changed], fields=[*visual.room.fields, "vector"], own_writes=True)[changed]
    removed = visual.get([gone], fields=[*visual.room.fields, "vector"], own_writes=True)[gone]
    visual.upsert([{**row, "label": "tiger"}])
    visual.delete([gone])
    back = project(store, gallery="t", head=heads[0])
    assert (back.collection, back.projected, back.removed, back.rows) == (kept, 1, 1, PICTURES - 1)
    assert joint_rows(store)[changed]["label"] == "tiger"
    assert_projected(store, heads[0])
    visual.upsert([row, removed])
    project(store, gallery="t", head=heads[1], keep=True)
    assert Database(store).drop("t", only_kept=True) == [kept]
    assert store.others("t_joint") == []
    assert_projected(store, heads[1])


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
    where: tuple[type, str], store: Store, heads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project(store, gallery="t", head=heads[0])
    gallery = Database(store).gallery("t")
    before = gallery.search("cat", limit=5)

    def dying(*arguments: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*where, dying)
        project(store, gallery="t", head=heads[1])
    after = Database(store).gallery("t").search("cat", limit=5)
    if where[1] != "_drop_real":  # by then the alias has moved
        assert [hit.id for hit in after] == [hit.id for hit in before]
    assert project(store, gallery="t", head=heads[1]).rows == PICTURES
    assert_projected(store, heads[1])
    store.drop_others("t_joint")


def test_vectors_that_are_not_the_heads_are_found_and_the_gallery_stays(
    store: Store, heads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = project(store, gallery="t", head=heads[0]).collection
    upsert: Callable[..., int] = Collection.upsert

    def garbling(self: Collection, rows: list[dict[str, object]]) -> int:
        garbled = [{**row, "vector": np.asarray(row["vector"])[::-1]} for row in rows]
        return upsert(self, garbled if self.room.name == "joint" else rows)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "upsert", garbling)
        with pytest.raises(StoreError, match=r"differ from those of the head(.|\n)*The gallery stays as it was"):
            project(store, gallery="t", head=heads[1])
    joint = store.live("t_joint")
    assert joint is not None
    assert joint.name == live
    assert len(store.drop_others("t_joint")) == 1


def test_heads_of_other_models_are_refused_by_both_names(store: Store, heads: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the path of a .keras file"):
        project(store, gallery="t", head="linear")
    with pytest.raises(ModelError, match="no model file"):
        project(store, gallery="t", head="nothing.keras")
    with pytest.raises(NotFoundError, match="no gallery 'nothing'"):
        project(store, gallery="nothing", head="conse")
    put_world_words(store, seed=9)
    try:
        with pytest.raises(
            FingerprintError, match=r"other words(.|\n)*Expected: .*'seed': 9\}\nReceived: .*'seed': None\}"
        ):
            project(store, gallery="t", head=heads[0])
        # Searching, too: the gallery was projected with the words that were replaced.
        with pytest.raises(FingerprintError, match=r"Expected: .*'seed': None\}\nReceived: .*'seed': 9\}"):
            Database(store).gallery("t").search("cat")
    finally:
        put_world_words(store)
    visual = store.live("t_visual")
    assert visual is not None
    other = visual.manifest.changed(alias="o_visual", fingerprint={**BACKBONE, "weights": "others"})
    store.publish(store.build(other))
    with pytest.raises(
        FingerprintError, match=r"another backbone(.|\n)*'weights': 'others'\}\nReceived: .*'weights': 'none'"
    ):
        project(store, gallery="o", head=heads[0])
    with pytest.raises(MilviseError, match=r"belong to another version(.|\n)*Expected: .*'others'"):
        project(store, gallery="o", head="conse")
    store.drop("o_visual")
