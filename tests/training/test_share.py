"""How much the joint space counts in the default search, chosen on pictures that were not trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from milvise.core.arrays import unit
from milvise.queries.plan.class_mixture import ClassMixture
from milvise.training.examples import HELD_BACK, TRAIN, UNSEEN, Examples
from milvise.training.share import ALONE, LEAST, average_precision, choose_share

LABELS, DIM, EACH = 6, 16, 8
RNG = np.random.default_rng(0)
TARGETS = unit(RNG.normal(size=(LABELS, DIM)))
CENTRES = RNG.normal(size=(LABELS, DIM)).astype(np.float32)
OWN = np.repeat(np.arange(LABELS), EACH)
VECTORS = (CENTRES[OWN] + 0.8 * RNG.normal(size=(len(OWN), DIM))).astype(np.float32)
NAMES = tuple(f"label{number}" for number in range(LABELS))


def world(part: int = HELD_BACK) -> Examples:
    return Examples(VECTORS, OWN.astype(np.int32), np.full(len(OWN), part, np.uint8), TARGETS, NAMES, {}, 0)


def mixture(weights: np.ndarray) -> ClassMixture:
    """Classes whose names are close to the labels."""
    none = np.zeros((0, DIM), np.float32)
    return ClassMixture(
        tuple(f"class{number}" for number in range(LABELS)), TARGETS, TARGETS, none, np.zeros(0, np.int64), weights,
        np.zeros(LABELS, np.float32),
    )  # fmt: skip


WRONG = mixture(np.roll(CENTRES, 1, axis=0))
RIGHT = mixture(CENTRES)


def learned(vectors: np.ndarray) -> np.ndarray:
    return TARGETS[(unit(vectors) @ unit(CENTRES).T).argmax(axis=1)]


def noise(vectors: np.ndarray) -> np.ndarray:
    return unit(np.random.default_rng(1).normal(size=vectors.shape))


def test_a_head_that_learned_what_the_classes_say_wrongly_counts_and_noise_does_not() -> None:
    found = choose_share(learned, world(), WRONG)
    assert found.share == ALONE == 1
    assert (found.labels, found.pictures) == (LABELS, LABELS * EACH)
    precision = found.average_precision
    assert precision["chosen"] == precision["joint"] >= precision["visual"]
    assert precision["chosen"] > precision["untrained"] + 0.2
    against = choose_share(noise, world(), RIGHT)
    assert against.share is None
    assert against.average_precision["chosen"] == against.average_precision["untrained"]
    assert against.average_precision["chosen"] > against.average_precision["joint"] + 0.3


def test_untrained_shares_stay_where_the_joint_space_does_as_well() -> None:
    found = choose_share(learned, world(), RIGHT)
    assert found.share is None
    assert found.average_precision["chosen"] == found.average_precision["untrained"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("seed", "share"), [(1, ALONE), (2, None)])
def test_one_of_the_two_is_taken_where_a_mixture_would_look_better_on_these_pictures(
    seed: int, share: float | None
) -> None:
    rng = np.random.default_rng(seed)
    classes = mixture((CENTRES + 3 * rng.normal(size=CENTRES.shape)).astype(np.float32))

    def unsure(vectors: np.ndarray) -> np.ndarray:
        return unit(learned(vectors) + 0.5 * np.random.default_rng(seed).normal(size=(len(vectors), DIM)))

    found = choose_share(unsure, world(), classes)
    assert found.share == share
    precision = found.average_precision
    assert precision["chosen"] == max(precision["joint"], precision["untrained"])
    assert found.why.endswith("for untrained words.")


def test_trained_pictures_take_no_part_and_held_out_ones_only_stand_in_the_way() -> None:
    parts = np.full(len(OWN), HELD_BACK, np.uint8)
    parts[OWN == 0], parts[OWN == 1] = UNSEEN, TRAIN
    found = choose_share(learned, replace(world(), parts=parts), WRONG)
    assert (found.labels, found.pictures) == (LABELS - 2, (LABELS - 1) * EACH)


def test_with_too_few_pictures_or_without_classes_none_is_chosen_and_it_says_so() -> None:
    parts = np.full(len(OWN), TRAIN, np.uint8)
    parts[:: len(OWN) // (LEAST - 1)][: LEAST - 1] = HELD_BACK
    few = choose_share(learned, replace(world(), parts=parts), WRONG)
    assert (few.share, few.average_precision) == (None, {})
    assert "Too few pictures" in few.why
    for nothing in (None, replace(RIGHT, first_names=np.zeros_like(TARGETS))):
        found = choose_share(learned, world(), nothing)
        assert (found.share, found.labels) == (None, 0)
        assert "no classes" in found.why


def test_average_precision_is_the_mean_precision_down_to_each_relevant_picture() -> None:
    scores, relevant = np.float32([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert average_precision(scores, relevant) == pytest.approx((1 / 1 + 2 / 3) / 2)
