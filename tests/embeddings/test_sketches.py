"""A visual vector as a short text that keeps how alike pictures are."""

from __future__ import annotations

import numpy as np
import pytest

from milvise.adapter.schema import SKETCH_LENGTH
from milvise.core.arrays import unit
from milvise.embeddings.devise.sketches import AXES, LENGTH, read_sketches, sketch


def test_cosines_are_kept_to_some_hundredths() -> None:
    draw = np.random.default_rng(1)
    centres = draw.normal(size=(5, 1280))
    vectors = np.concatenate(
        [centre + size * draw.normal(size=(20, 1280)) for centre in centres for size in (0.3, 1.0)]
    )
    exact, drawn = unit(vectors), read_sketches(sketch(vectors.astype(np.float32)))
    assert drawn.shape == (200, AXES)
    apart = drawn @ drawn.T - exact @ exact.T
    assert np.sqrt((apart**2).mean()) < 0.08
    assert np.abs(np.linalg.norm(drawn, axis=1) - 1).max() < 1e-5


def test_a_sketch_is_the_same_on_every_machine_and_whatever_stands_beside_it() -> None:
    vectors = np.random.default_rng(2).integers(-9, 10, (3, 40)).astype(np.float32)
    texts = sketch(vectors)
    assert all(len(text) == LENGTH == SKETCH_LENGTH for text in texts)
    assert sketch(vectors[1:2]) == texts[1:2]
    assert sketch(7 * vectors) == texts
    assert sketch(np.ones((1, 3), np.float32))[0][:24] == "1n/WgSp/1ip/Kn/W1irW1oHW"


def test_zero_has_a_sketch_that_is_like_nothing() -> None:
    assert not read_sketches(sketch(np.zeros((1, 8), np.float32))).any()


@pytest.mark.parametrize("text", ["", "A" * (LENGTH - 4), "?" * LENGTH])
def test_what_sketch_did_not_make_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_sketches([text])
