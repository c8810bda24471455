"""What a head learns from: which pictures, which labels, and in which part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trained_world import EACH, LABELS, WORD_VECTORS, pictures, put, put_trained_world

from milvise.adapter import Manifest, Store
from milvise.core.arrays import unit
from milvise.errors import InputError, UsageError
from milvise.queries.requests.feedback import labels_of
from milvise.training.examples import HELD_BACK, TRAIN, UNSEEN, Examples, collect, is_held_back
from milvise.training.fit import balanced_batches


@pytest.fixture
def world(own_store: Store) -> Store:
    put_trained_world(own_store)
    return own_store


def collected(store: Store, folder: Path, **options: object) -> Examples:
    visual, words = store.live("t_visual"), store.live("words")
    assert visual is not None
    assert words is not None
    return collect(visual, words, folder / "vectors", **options)  # type: ignore[arg-type]


def test_vectors_and_labels_belong_together(world: Store, tmp_path: Path) -> None:
    examples = collected(world, tmp_path)
    stored = {row["vector"].tobytes(): row["label"] for row in pictures()}
    assert len(examples.vectors) == EACH * (len(LABELS) - 1)
    for vector, label in zip(examples.vectors, examples.labels, strict=True):
        assert stored[vector.tobytes()] == examples.names[label]


def test_a_label_of_several_words_is_their_weighted_mean_and_unknown_ones_are_listed(
    world: Store, tmp_path: Path
) -> None:
    examples = collected(world, tmp_path)
    assert set(examples.names) == set(LABELS) - {"xyzzy"}
    assert examples.without_vector == {"xyzzy": EACH}
    table = examples.targets[examples.names.index("dining_table")]
    np.testing.assert_allclose(table, unit(WORD_VECTORS["dining"] + 2 * WORD_VECTORS["table"]), atol=1e-6)


def test_whole_labels_are_held_out_and_files_held_back(world: Store, tmp_path: Path) -> None:
    examples = collected(world, tmp_path, hold_out=("dog", "queen"), held_back=0.25)
    assert examples.counts(UNSEEN) == {"dog": EACH, "queen": EACH}
    assert set(examples.counts(TRAIN)) == set(examples.counts(HELD_BACK)) == {"cat", "sofa", "dining_table", "king"}
    held_back = {row["uri"] for row in pictures() if is_held_back(row["sha256"], 0.25, 0)}
    assert 0.15 < len(held_back) / (EACH * len(LABELS)) < 0.35
    assert len(examples.places(HELD_BACK)) == sum(uri.split("/")[0] in examples.counts(TRAIN) for uri in held_back)


def test_liked_pictures_learn_the_words_that_they_were_found_by(world: Store, tmp_path: Path) -> None:
    cats = [row["id"] for row in pictures() if row["label"] == "cat"]
    said = [
        {"words": "sky", "id": cats[0], "relevant": True, "at": "1"},
        {"words": '"dining table"', "id": cats[1], "relevant": True, "at": "1"},
        {"words": "tree", "id": cats[1], "relevant": True, "at": "2"},
        {"words": "sky", "id": cats[2], "relevant": False, "at": "1"},
        {"words": "cat sofa", "id": cats[3], "relevant": True, "at": "1"},
        {"words": "- sky", "id": cats[4], "relevant": True, "at": "1"},
    ]
    labels = labels_of(said)
    assert labels == {cats[0]: "sky", cats[1]: "tree"}, "one word or phrase, the latest, and only what belongs together"
    examples = collected(world, tmp_path, feedback=labels, held_back=0.0)
    assert examples.by_feedback == 2
    counts = examples.counts(TRAIN)
    assert (counts["cat"], counts["sky"], counts["tree"]) == (EACH - 2, 1, 1)


def test_the_split_goes_by_content_and_seed() -> None:
    first = [is_held_back(f"{number:064x}", 0.5, 0) for number in range(1_000)]
    assert first == [is_held_back(f"{number:064x}", 0.5, 0) for number in range(1_000)]
    assert first != [is_held_back(f"{number:064x}", 0.5, 1) for number in range(1_000)]
    assert not any(is_held_back(f"{number:064x}", 0.0, 0) for number in range(100))


def test_a_label_is_never_held_back_as_a_whole(world: Store, tmp_path: Path) -> None:
    one_each = 'uri in ["cat/0.jpg", "dog/1.jpg", "sofa/2.jpg", "queen/4.jpg", "king/5.jpg"]'
    examples = collected(world, tmp_path, held_back=0.9, filter=one_each)
    assert examples.counts(TRAIN) == dict.fromkeys(("cat", "dog", "sofa", "queen", "king"), 1)
    assert examples.counts(HELD_BACK) == {}


def test_labels_with_one_vector_are_one_target_and_are_held_out_together(own_store: Store, tmp_path: Path) -> None:
    put_trained_world(own_store)
    rows = [{**row, "label": "Cat" if index % 14 == 0 else row["label"]} for index, row in enumerate(pictures())]
    put(own_store, Manifest("t_visual", "visual", len(rows[0]["vector"]), {"made": "again"}), rows)
    examples = collected(own_store, tmp_path, hold_out=("Cat",))
    assert set(examples.counts(UNSEEN)) == {"cat / Cat"}
    assert "cat / Cat" not in examples.counts(TRAIN)


def test_a_filter_chooses_pictures_and_pictures_without_label_are_left_out(own_store: Store, tmp_path: Path) -> None:
    put_trained_world(own_store)
    rows = [{**row, "label": "" if row["label"] == "sofa" else row["label"]} for row in pictures()]
    put(own_store, Manifest("t_visual", "visual", len(rows[0]["vector"]), {"made": "again"}), rows)
    examples = collected(own_store, tmp_path, filter='label != "cat"')
    assert set(examples.names) == {"dog", "dining_table", "queen", "king"}
    assert examples.unlabelled == EACH


def test_too_little_to_learn_from_is_an_error(world: Store, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"two labels or more(.|\n)*Received: 1 \(0 pictures without a label, 0 labels"
    ):
        collected(world, tmp_path, filter='label == "cat"')
    with pytest.raises(InputError, match="1 labels without a word vector: xyzzy"):
        collected(world, tmp_path, filter='label == "xyzzy"')
    with pytest.raises(InputError, match="two labels or more"):
        collected(world, tmp_path, filter='label == "nothing"')
    with pytest.raises(UsageError, match=r"no picture has the label 'dgo'.*Close spellings: dog"):
        collected(world, tmp_path, hold_out=("dgo",))


def test_batches_hold_every_label_equally_often(tmp_path: Path) -> None:
    labels = np.repeat(np.int32([0, 1, 2]), [2, 10, 60])
    examples = Examples(
        np.arange(72, dtype=np.float32)[:, np.newaxis], labels, np.full(72, TRAIN, np.uint8), np.eye(3, dtype=np.float32),
        ("few", "some", "many"), {}, 0,
    )  # fmt: skip
    steps, batches = balanced_batches(examples, examples.places(TRAIN), 12, np.random.default_rng(0))
    assert steps == 6
    epoch = [next(batches) for _ in range(steps)]
    counts = np.bincount(np.concatenate([own[:, 0] for _, own in epoch]))
    np.testing.assert_array_equal(counts, [24, 24, 24])
    for vectors, own in epoch:
        np.testing.assert_array_equal(labels[vectors[:, 0].astype(int)], own[:, 0])
    again, _ = next(batches)
    assert not np.array_equal(again, epoch[0][0])
