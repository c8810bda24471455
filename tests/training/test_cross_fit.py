"""Joint vectors of trained pictures from heads that did not see them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from milvise.core.arrays import unit
from milvise.queries.plan.class_mixture import ClassMixture
from milvise.training.cross_fit import ENOUGH, HeadFunction, fresh_vectors
from milvise.training.examples import FOLDS, HELD_BACK, TRAIN, UNSEEN, Examples, fold_of
from milvise.training.share import ALONE, LEAST, choose_share

LABELS, DIM = 4, 64
COUNT = 80
RNG = np.random.default_rng(0)
LABEL_OF = np.arange(COUNT, dtype=np.int32) % LABELS
# The first number of a vector is the picture's position: so a head can tell which pictures it is asked for.
VECTORS = np.column_stack([np.arange(COUNT), RNG.normal(size=(COUNT, DIM - 1))]).astype(np.float32)
PARTS = np.where(np.arange(COUNT) < 8, HELD_BACK, np.where(np.arange(COUNT) >= 72, UNSEEN, TRAIN)).astype(np.uint8)
FOLD_OF = np.array([fold_of(f"{number:064x}", 0) for number in range(COUNT)], np.uint8)
TARGETS = unit(RNG.normal(size=(LABELS, DIM)))


def world() -> Examples:
    return Examples(VECTORS, LABEL_OF, PARTS, TARGETS, tuple(f"label{n}" for n in range(LABELS)), {}, 0, folds=FOLD_OF)


class Remembering:
    """A head whose joint vector says whether it was trained on the picture, and which head it is."""

    def __init__(self, seen: set[int], number: int) -> None:
        self.seen, self.number = seen, number

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        return np.float32([[int(row[0]) in self.seen, self.number] for row in vectors])


class Memory:
    """What each head was trained on."""

    def __init__(self) -> None:
        self.trained: list[set[int]] = []

    def train(self, examples: Examples, number: int) -> Remembering:
        seen = set(examples.vectors[examples.places(TRAIN), 0].astype(int).tolist())
        assert number == len(self.trained)
        self.trained.append(seen)
        return Remembering(seen, number)


def test_no_picture_has_its_vector_from_a_head_that_saw_it() -> None:
    memory, examples = Memory(), world()
    head = memory.train(examples, 0)
    fresh = fresh_vectors(head, examples, memory.train, most=1_000)
    assert len(memory.trained) == 1 + FOLDS
    assert fresh.places.tolist() == list(range(COUNT))
    assert not fresh.joint[:, 0].any()
    trained = PARTS == TRAIN
    assert fresh.cross_fitted == trained.sum()
    assert (fresh.joint[:, 1] == np.where(trained, FOLD_OF + 1, 0)).all()
    for seen in memory.trained[1:]:
        assert trained.sum() / 3 < len(seen) < trained.sum() * 2 / 3, "half of the trained pictures"
        assert not seen & set(np.flatnonzero(~trained).tolist())


def test_with_enough_held_back_pictures_or_no_room_no_other_head_is_trained() -> None:
    many = ENOUGH + 20
    parts = np.where(np.arange(many) < ENOUGH, HELD_BACK, TRAIN).astype(np.uint8)
    vectors = np.column_stack([np.arange(many), np.zeros(many)]).astype(np.float32)
    labels, folds = np.arange(many, dtype=np.int32) % LABELS, np.arange(many, dtype=np.uint8) % FOLDS
    large = replace(world(), vectors=vectors, parts=parts, labels=labels, folds=folds)
    memory = Memory()
    head = memory.train(large, 0)
    fresh = fresh_vectors(head, large, memory.train, most=5_000)
    assert (fresh.places.tolist(), fresh.cross_fitted, len(memory.trained)) == (list(range(ENOUGH)), 0, 1)
    small = fresh_vectors(head, world(), None, most=1_000)
    assert (len(small.places), small.cross_fitted) == (16, 0)


@pytest.mark.parametrize(("most", "held_back", "trained"), [(5, 5, 0), (20, 8, 12), (74, 8, 64)])
def test_no_more_pictures_are_taken_than_asked_for(most: int, held_back: int, trained: int) -> None:
    memory = Memory()
    fresh = fresh_vectors(memory.train(world(), 0), world(), memory.train, most=most)
    parts = PARTS[fresh.places]
    assert len(fresh.places) == most
    assert ((parts == HELD_BACK).sum(), (parts == TRAIN).sum(), fresh.cross_fitted) == (held_back, trained, trained)


def test_a_picture_that_no_head_without_it_knows_the_label_of_takes_no_part() -> None:
    labels = LABEL_OF.copy()
    labels[labels == 1] = 0
    labels[20] = 1
    examples, memory = replace(world(), labels=labels), Memory()
    fresh = fresh_vectors(memory.train(examples, 0), examples, memory.train, most=COUNT)
    assert fresh.places.tolist() == [place for place in range(COUNT) if place != 20]


def test_copies_are_in_one_half_and_halves_do_not_follow_the_held_back_part() -> None:
    folds = [fold_of(f"{number:064x}", 0) for number in range(4_000)]
    assert folds == [fold_of(f"{number:064x}", 0) for number in range(4_000)]
    assert folds != [fold_of(f"{number:064x}", 1) for number in range(4_000)]
    assert np.bincount(folds) == pytest.approx(2_000, abs=150)


def nearest(examples: Examples, number: int = 0) -> HeadFunction:
    """Return a head that gives a picture the name of the closest trained one, and so knows what it was trained on by heart."""
    places = examples.places(TRAIN)

    def head(vectors: np.ndarray) -> np.ndarray:
        similarity = unit(vectors) @ unit(examples.vectors[places]).T
        return TARGETS[examples.labels[places][similarity.argmax(axis=1)]]

    return head


def choice_world() -> tuple[Examples, ClassMixture]:
    """Classes that are wrong, a label that the closest trained picture often tells, and 12 held-back pictures."""
    rng = np.random.default_rng(4)
    count = 160
    labels = (np.arange(count) % LABELS).astype(np.int32)
    centres = rng.normal(size=(LABELS, DIM))
    vectors = (0.45 * centres[labels] + rng.normal(size=(count, DIM))).astype(np.float32)
    parts = np.where(np.arange(count) < 12, HELD_BACK, TRAIN).astype(np.uint8)
    folds = np.array([fold_of(f"{number:064x}", 0) for number in range(count)], np.uint8)
    names = tuple(f"label{number}" for number in range(LABELS))
    none = np.zeros((0, DIM), np.float32)
    wrong = np.roll(centres, 1, axis=0).astype(np.float32)
    mixture = ClassMixture(
        tuple(f"class{number}" for number in range(LABELS)), TARGETS, TARGETS, none, np.zeros(0, np.int64), wrong,
        np.zeros(LABELS, np.float32),
    )  # fmt: skip
    return Examples(vectors, labels, parts, TARGETS, names, {}, 0, folds=folds), mixture


def test_where_a_tenth_is_too_few_the_trained_pictures_choose_and_as_new_ones() -> None:
    examples, mixture = choice_world()
    alone = choose_share(nearest(examples), examples, mixture)
    assert (alone.share, alone.average_precision, alone.cross_fitted) == (None, {}, 0)
    assert "Too few pictures" in alone.why
    found = choose_share(nearest(examples), examples, mixture, nearest)
    assert (found.pictures, found.cross_fitted) == (160, 148)
    precision = found.average_precision
    assert precision["joint"] < 0.9, "a head that saw the pictures would find them all"
    assert found.share == ALONE
    assert precision["chosen"] == precision["joint"] > max(precision["visual"], precision["untrained"])


def test_no_head_is_trained_for_a_choice_that_cannot_be_made() -> None:
    examples, mixture = choice_world()
    few = np.arange(len(examples.labels)) < LEAST - 1
    small = replace(
        examples, vectors=examples.vectors[few], labels=examples.labels[few], parts=examples.parts[few],
        folds=examples.folds[few],
    )  # fmt: skip
    trained: list[int] = []

    def train(others: Examples, number: int) -> HeadFunction:
        trained.append(number)
        return nearest(others)

    for parts in (small.parts, np.full_like(small.parts, TRAIN)):
        few_of = replace(small, parts=parts)
        assert "Too few pictures" in choose_share(nearest(few_of), few_of, mixture, train).why
    assert trained == []
    choose_share(nearest(examples), examples, mixture, train)
    assert trained == [1, 2]


def test_one_picture_of_each_label_leaves_nothing_to_choose_on() -> None:
    examples, mixture = choice_world()
    rng = np.random.default_rng(6)
    single = replace(
        examples, vectors=examples.vectors[:30], labels=np.arange(30, dtype=np.int32), parts=np.full(30, TRAIN, np.uint8),
        folds=examples.folds[:30], targets=unit(rng.normal(size=(30, DIM))), names=tuple(f"one{n}" for n in range(30)),
    )  # fmt: skip
    found = choose_share(nearest(single), single, mixture, nearest)
    assert (found.share, found.pictures, found.average_precision) == (None, 0, {})
