"""Training a head from what stands in Milvus."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from backends import THOROUGH
from trained_world import (
    BACKBONE,
    CENTRES,
    EACH,
    LABELS,
    VISUAL_DIM,
    WORD_VECTORS,
    drop_trained_world,
    pictures,
    put,
    put_trained_world,
    put_world_words,
    trained,
)

from milvise.adapter import Manifest, Store
from milvise.embeddings.devise.losses import LOSSES
from milvise.embeddings.devise.trained_head import load_head
from milvise.embeddings.model_files.keras_file import read_record
from milvise.errors import InputError, ModelError, NotFoundError, UsageError
from milvise.training.one import check_wiring
from milvise.training.train import TrainOptions

KINDS = ("linear", "mlp", "residual")
ANY = ("queen", "dining_table", "cat")


@pytest.fixture
def world(own_store: Store) -> Store:
    put_trained_world(own_store)
    return own_store


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_head_learns_the_labels_with_every_loss(kind: str, loss: str, world: Store, tmp_path: Path) -> None:
    report = trained(world, tmp_path / "h.keras", kind, loss=loss, epochs=60)
    seen = report.record["scores"]["head"]["seen"]
    before = report.record["scores"]["conse"]["seen"]
    assert seen["accuracy"] >= before["accuracy"]
    if kind == "mlp":  # the others are slow, or held near conse by so few pictures
        assert seen["accuracy"] > 0.9
    head = load_head(tmp_path / "h.keras")
    assert head.fingerprint == {"kind": kind, "loss": loss, "weights": report.record["weights"]}
    found = head(CENTRES[:2]) @ np.stack([WORD_VECTORS["cat"], WORD_VECTORS["dog"]]).T
    assert found[0, 0] > found[0, 1]
    assert found[1, 1] > found[1, 0]


def test_what_it_was_trained_on_stands_in_the_file(world: Store, tmp_path: Path) -> None:
    report = trained(world, tmp_path / "h.keras", hold_out=("dog",), held_back=0.2, seed=3)
    record = read_record(tmp_path / "h.keras")
    assert record == report.record
    assert (record["visual"], record["words"], record["seed"]) == (
        BACKBONE,
        {"words": "trained world", "count": 9, "seed": None},
        3,
    )
    on = record["trained_on"]
    assert set(on["labels"]) == set(LABELS) - {"dog", "xyzzy"}
    assert (on["held_out"], on["without_vector"]) == ({"dog": EACH}, {"xyzzy": EACH})
    assert sum(on["labels"].values()) + on["held_back"]["pictures"] == 5 * EACH
    assert on["held_back"] == {"share": 0.2, "seed": 3, "pictures": on["held_back"]["pictures"]}
    assert 1 <= len(record["history"]["loss"]) == len(record["history"]["val_loss"]) <= 20
    unseen = record["scores"]["head"]["unseen"]
    assert (unseen["labels"], unseen["pictures"]) == (1, EACH)
    assert set(record["scores"]["head"]["harmonic_mean"]) == {"precision_at_10", "accuracy"}
    assert set(report.to_json()) == {*record, "out", "seconds"}
    share = record["joint_share"]
    assert (share["labels"], share["pictures"]) == (5, 6 * EACH)
    assert share["cross_fitted"] == sum(on["labels"].values())
    assert set(share["average_precision"]) == {"joint", "visual", "untrained", "chosen"}
    assert share["average_precision"]["chosen"] >= share["average_precision"]["untrained"]


def test_the_same_seed_gives_the_same_head(world: Store, tmp_path: Path) -> None:
    world.drop("classes_trained_world")  # no share is chosen then, for which further heads are trained
    weights = [trained(world, tmp_path / "h.keras", "mlp", epochs=2, seed=seed).record["weights"] for seed in (0, 0, 1)]
    assert weights[0] == weights[1] != weights[2]


def test_training_ends_when_held_back_pictures_no_longer_gain(world: Store, tmp_path: Path) -> None:
    history = trained(world, tmp_path / "h.keras", "mlp", epochs=400, held_back=0.3).record["history"]["val_met"]
    assert len(history) < 400
    assert len(history) - 1 - int(np.argmin(history)) == 5


def test_without_held_back_pictures_the_training_loss_decides(world: Store, tmp_path: Path) -> None:
    record = trained(world, tmp_path / "h.keras", held_back=0.0, epochs=3).record
    assert "val_met" not in record["history"]
    assert record["scores"]["head"] == {"seen": None, "unseen": None, "harmonic_mean": None}
    share = record["joint_share"]
    assert share["cross_fitted"] == share["pictures"] == sum(record["trained_on"]["labels"].values())


def test_pictures_are_never_read(world: Store, tmp_path: Path) -> None:
    assert not any(Path(row["uri"]).exists() for row in pictures())
    trained(world, tmp_path / "h.keras", epochs=1)


@pytest.mark.parametrize("kind", KINDS)
def test_one_picture_and_one_word_are_learned(kind: str, world: Store) -> None:
    found = check_wiring(world, gallery="t", options=TrainOptions(kind=kind))
    assert found["similarity"] >= 0.99
    assert found["label"] in set(LABELS) - {"xyzzy"}


PAIRS = [*product(KINDS, ANY)] if THOROUGH else [*zip(KINDS, ANY, strict=True)]


@pytest.mark.parametrize(("kind", "label"), PAIRS)
def test_one_picture_is_learned_whatever_its_label_and_the_classes_are(kind: str, label: str, world: Store) -> None:
    found = check_wiring(world, gallery="t", options=TrainOptions(kind=kind, filter=f'label == "{label}"'))
    assert found["similarity"] >= 0.99
    assert found["label"] == label
    assert str(found["labels_agree"]).startswith("not checked")


def test_the_only_picture_of_a_gallery_is_learned(own_store: Store) -> None:
    put_trained_world(own_store, each=1)
    visual = own_store.live("t_visual")
    assert visual is not None
    visual.delete([row["id"] for row in pictures(1) if row["label"] != "queen"])
    assert check_wiring(own_store, gallery="t", options=TrainOptions(kind="residual"))["similarity"] >= 0.99


def test_vectors_that_stand_with_their_pictures_agree_with_the_labels(world: Store) -> None:
    assert check_wiring(world, gallery="t", options=TrainOptions(kind="linear"))["labels_agree"] > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_vectors_that_stand_with_the_wrong_pictures_fail(seed: int, world: Store) -> None:
    rows = list(pictures())
    order = np.random.default_rng(seed).permutation(len(rows))
    visual = world.live("t_visual")
    assert visual is not None
    visual.upsert({**row, "vector": rows[place]["vector"]} for row, place in zip(rows, order, strict=True))
    with pytest.raises(ModelError, match=r"agree with its labels no better than chance"):
        check_wiring(world, gallery="t", options=TrainOptions(kind="linear"))


def test_a_head_that_cannot_learn_fails_loudly(world: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milvise.training.one.fit", lambda *arguments, **options: {})
    with pytest.raises(ModelError, match=r"wired wrongly(.|\n)*Expected: a similarity of at least 0.99"):
        check_wiring(world, gallery="t", options=TrainOptions(kind="linear"))


def test_what_is_asked_wrongly_is_refused_before_anything_is_read(world: Store, tmp_path: Path) -> None:
    out = tmp_path / "h.keras"
    with pytest.raises(UsageError, match=r"unknown head.\nExpected: linear, mlp, residual\nReceived: tree"):
        trained(world, out, "tree")
    with pytest.raises(UsageError, match=r"unknown loss.\nExpected: cosine, hinge_rank"):
        trained(world, out, loss="l2")
    with pytest.raises(ModelError, match="does not exist"):
        trained(world, tmp_path / "no" / "h.keras")
    with pytest.raises(UsageError, match="a ranking loss ends at its margin"):
        check_wiring(world, gallery="t", options=TrainOptions(loss="hinge_rank"))
    with pytest.raises(InputError, match="no picture of the gallery 't'"):
        check_wiring(world, gallery="t", options=TrainOptions(kind="linear", filter='label == "xyzzy"'))


def test_what_is_missing_is_named(own_store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no gallery 't'"):
        trained(own_store, tmp_path / "h.keras")
    put_trained_world(own_store)
    own_store.drop("classes_trained_world")
    with pytest.raises(NotFoundError, match="--head linear or --head mlp"):
        trained(own_store, tmp_path / "h.keras", "residual")
    assert set(trained(own_store, tmp_path / "h.keras", epochs=1).record["scores"]) == {"head"}
    put_trained_world(own_store)
    put(own_store, Manifest("classes_trained_world", "classes", VISUAL_DIM, {"visual": BACKBONE, "again": True}), [
        {"name": "xyzzy", "index": 0, "bias": 0.0, "vector": CENTRES[0]}
    ])  # fmt: skip
    assert set(trained(own_store, tmp_path / "h.keras", epochs=1).record["scores"]) == {"head"}
    with pytest.raises(ModelError, match="none of the 1 class names"):
        trained(own_store, tmp_path / "h.keras", "residual")
    own_store.drop("words")
    with pytest.raises(NotFoundError, match="milvise ingest words"):
        trained(own_store, tmp_path / "h.keras")
    put_world_words(own_store)
    drop_trained_world(own_store)
