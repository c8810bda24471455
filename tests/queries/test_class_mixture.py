"""Words as mixtures of classes, kept on disk from one process to the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from reference_world import VECTOR, reference_gallery
from small_world import CLASSES

from milvise import config
from milvise.adapter import Collection, Store
from milvise.embeddings.phrases import unit
from milvise.errors import NotFoundError
from milvise.queries.class_mixture import ClassMixture
from milvise.queries.database import Database
from milvise.queries.load_mixture import load_mixture


@pytest.fixture
def collections(lite: Store) -> Iterator[tuple[Collection, Collection]]:
    """Classes and words."""
    for _ in reference_gallery(lite):
        classes, words = lite.live("classes_reference"), lite.live("words")
        assert classes is not None
        assert words is not None
        yield classes, words


def kept(classes: Collection, words: Collection) -> Path:
    return config.cache() / "classes" / f"{classes.name}-{words.name}-names.npz"


def test_a_class_name_is_its_own_class_and_what_lies_between_two_is_a_mixture(
    collections: tuple[Collection, Collection],
) -> None:
    mixture = load_mixture(*collections)
    assert mixture.labels == CLASSES
    assert not mixture.names[3].any(), "the words do not know the fourth"
    for place, name in enumerate(("cat", "dog")):
        told = mixture.of(name, VECTOR[name])
        assert told.known
        assert told.shares.tolist() == np.eye(1, 4, place)[0].tolist()
        towards = mixture.weights[place] - mixture.weights.mean(axis=0)
        assert mixture.visual(told.shares) @ unit(towards) == pytest.approx(1, abs=1e-3)
    guessed = mixture.of("between", unit(VECTOR["cat"] + VECTOR["dog"]))
    assert not guessed.known
    assert guessed.shares.sum() == pytest.approx(1)
    assert guessed.shares[:2].min() > 0.1
    assert guessed.shares[3] == 0, "nothing says what the fourth is like"


def test_it_is_read_from_milvus_once_on_each_machine(
    collections: tuple[Collection, Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(*collections).unlink(missing_ok=True)
    first = load_mixture(*collections)
    monkeypatch.setattr(Collection, "query", None)
    again = load_mixture(*collections)
    assert again.labels == first.labels
    for name in ("names", "other_names", "owners", "weights", "bias"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_read_from_milvus_again(collections: tuple[Collection, Collection], damage: bytes) -> None:
    first = load_mixture(*collections)
    kept(*collections).write_bytes(damage)
    again = load_mixture(*collections)
    np.testing.assert_array_equal(again.weights, first.weights)


def test_one_class_tells_nothing_apart() -> None:
    none = np.zeros((0, 3), np.float32), np.zeros(0, np.int64)
    one = ClassMixture(
        ("cat",), np.ones((1, 3), np.float32), *none, np.ones((1, 4), np.float32), np.zeros(1, np.float32)
    )
    assert not one.tells_apart


def test_a_gallery_without_joint_vectors_can_be_searched_by_word_among_visual_ones(
    collections: tuple[Collection, Collection], lite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = lite.live
    monkeypatch.setattr(lite, "live", lambda name, **kwargs: None if name == "r_joint" else live(name, **kwargs))
    gallery = Database(lite).gallery("r")
    assert len(gallery.search("cat", space="visual", limit=5)) == 5
    with pytest.raises(NotFoundError, match="has no joint vectors"):
        gallery.search("cat")
