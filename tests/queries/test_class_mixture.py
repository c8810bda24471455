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
from milvise.queries.class_mixture import ClassMixture, load_mixture
from milvise.queries.database import Database


@pytest.fixture
def collections(lite: Store) -> Iterator[tuple[Collection, Collection]]:
    """Classes and words."""
    for _ in reference_gallery(lite):
        classes, words = lite.live("classes_reference"), lite.live("words")
        assert classes is not None
        assert words is not None
        yield classes, words


def kept(classes: Collection, words: Collection) -> Path:
    return config.cache() / "classes" / f"{classes.name}-{words.name}.npz"


def test_a_class_name_is_mostly_its_own_class(collections: tuple[Collection, Collection]) -> None:
    mixture = load_mixture(*collections)
    assert mixture.labels == CLASSES[:3], "the words do not know the fourth"
    for place, name in enumerate(("cat", "dog")):
        shares = mixture.shares(VECTOR[name])
        assert shares.sum() == pytest.approx(1)
        assert shares[place] > 0.99
        towards = mixture.weights[place] - mixture.weights.mean(axis=0)
        assert mixture.visual(VECTOR[name]) @ unit(towards) == pytest.approx(1, abs=1e-3)
    between = mixture.shares(unit(VECTOR["cat"] + VECTOR["dog"]))
    assert between[:2].min() > 0.1, "what lies between two names is a mixture of both"


def test_it_is_read_from_milvus_once_on_each_machine(
    collections: tuple[Collection, Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(*collections).unlink(missing_ok=True)
    first = load_mixture(*collections)
    monkeypatch.setattr(Collection, "query", None)
    again = load_mixture(*collections)
    assert again.labels == first.labels
    for name in ("names", "weights", "bias"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_read_from_milvus_again(collections: tuple[Collection, Collection], damage: bytes) -> None:
    first = load_mixture(*collections)
    kept(*collections).write_bytes(damage)
    again = load_mixture(*collections)
    np.testing.assert_array_equal(again.weights, first.weights)


def test_one_class_tells_nothing_apart() -> None:
    one = ClassMixture(("cat",), np.ones((1, 3), np.float32), np.ones((1, 4), np.float32), np.zeros(1, np.float32))
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
