"""Words as mixtures of classes, kept on disk from one process to the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noun_world import CLASSES as KINDS
from noun_world import TABLE, put_noun_world, tree
from reference_world import NAMES, VECTOR, reference_gallery, shares
from small_world import CLASSES

from milvise.adapter import Collection, Store
from milvise.core import config
from milvise.core.arrays import unit
from milvise.embeddings.wordnet.make_hierarchy import make_hierarchy, synsets_of
from milvise.embeddings.wordnet.nouns import Nouns
from milvise.errors import NotFoundError
from milvise.queries.database import Database
from milvise.queries.plan.class_mixture import ClassMixture
from milvise.queries.plan.load_mixture import load_mixture


@pytest.fixture
def collections(own_store: Store) -> Iterator[tuple[Collection, Collection]]:
    """Classes and words."""
    for _ in reference_gallery(own_store):
        classes, words = own_store.live("classes_reference"), own_store.live("words")
        assert classes is not None
        assert words is not None
        yield classes, words


def kept(classes: Collection, words: Collection) -> Path:
    return config.cache() / "classes" / f"{classes.name}-{words.name}-names2.npz"


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
    # As far from both, as what names differ in has it.
    towards = unit(NAMES - NAMES.mean(0))[:2]
    guessed = mixture.of("between", unit(np.linalg.pinv(towards) @ np.ones(2)))
    assert not guessed.known
    assert guessed.shares.sum() == pytest.approx(1)
    assert guessed.shares[:2] == pytest.approx([0.5, 0.5], abs=1e-3)
    assert guessed.shares[3] == 0, "nothing says what the fourth is like"
    assert guessed.width == pytest.approx(2, abs=1e-2)
    assert guessed.relative.max() == 1
    for word in ("sofa", "king", "word7"):
        np.testing.assert_allclose(mixture.of(word, VECTOR[word]).shares, shares(word), atol=1e-4)
        assert mixture.of(word, VECTOR[word]).closeness == 0


def test_it_is_read_from_milvus_once_on_each_machine(
    collections: tuple[Collection, Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(*collections).unlink(missing_ok=True)
    first = load_mixture(*collections)
    monkeypatch.setattr(Collection, "query", None)
    again = load_mixture(*collections)
    assert again.labels == first.labels
    for name in ("names", "first_names", "other_names", "owners", "weights", "bias"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_read_from_milvus_again(collections: tuple[Collection, Collection], damage: bytes) -> None:
    first = load_mixture(*collections)
    kept(*collections).write_bytes(damage)
    again = load_mixture(*collections)
    np.testing.assert_array_equal(again.weights, first.weights)


def test_a_name_that_ends_in_a_kind_of_something_else_tells_nothing(
    own_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The hierarchy is another one than other tests keep for these classes.
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path))
    put_noun_world(own_store)
    classes, words = own_store.live("classes_noun_world"), own_store.live("words")
    assert classes is not None
    assert words is not None
    # The cat is also called a mud dog, which is no dog; the beagle is also called a spotted dog, which is one.
    table = Nouns(TABLE.replace(" cat\n", " cat mud_dog\n").replace(" beagle\n", " beagle spotted_dog\n"))
    mixture = load_mixture(classes, words, make_hierarchy(table, synsets_of(KINDS, table)))
    assert mixture.owners.tolist() == [KINDS.index("beagle")]


def test_one_class_tells_nothing_apart() -> None:
    none = np.zeros((0, 3), np.float32), np.zeros(0, np.int64)
    one = ClassMixture(
        ("cat",), *2 * [np.ones((1, 3), np.float32)], *none, np.ones((1, 4), np.float32), np.zeros(1, np.float32)
    )
    assert not one.tells_apart


def test_a_gallery_without_joint_vectors_can_be_searched_by_word_among_visual_ones(
    collections: tuple[Collection, Collection], own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = own_store.live
    monkeypatch.setattr(own_store, "live", lambda name, **kwargs: None if name == "r_joint" else live(name, **kwargs))
    gallery = Database(own_store).gallery("r")
    assert len(gallery.search("cat", space="visual", limit=5)) == 5
    with pytest.raises(NotFoundError, match="has no joint vectors"):
        gallery.search("cat")


# -- by a hierarchy ------------------------------------------------------------------------------------------------------

LABELS = (*KINDS, "Zzz top")
POODLE, BEAGLE, CAT, HAMMER, ZZZ = np.eye(5, dtype=np.float32)


@pytest.fixture(scope="module")
def nouns() -> ClassMixture:
    """Four classes in a tree and one that is no noun; the cat is also called `other`."""
    other = np.asarray([[0, 0, 0, 0, 0, 1]], np.float32)
    weights = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    names = np.eye(5, 6, dtype=np.float32)
    hierarchy = make_hierarchy(table := Nouns(TABLE), synsets_of(LABELS, table))
    return ClassMixture(LABELS, names, names, other, np.asarray([2]), weights, np.zeros(5, np.float32), hierarchy)


def test_kinds_of_a_noun_are_its_classes_in_equal_shares(nouns: ClassMixture) -> None:
    for word, kinds in (("dog", 2), ("dogs", 2), ("animal", 3), ("poodle", 1)):
        told = nouns.of(word, None)
        assert told.known
        assert told.shares == pytest.approx(np.asarray([1] * kinds + [0] * (5 - kinds)) / kinds)
        assert told.width == pytest.approx(kinds)


def test_later_senses_count_less(nouns: ClassMixture) -> None:
    told = nouns.of("setter", None)
    # A dog first, of two kinds; then a tool, of one.
    dog, tool = 1, 0.3
    assert told.known
    assert told.shares == pytest.approx((dog * (POODLE + BEAGLE) + tool * HAMMER) / (2 * dog + tool))


def test_a_first_sense_without_kinds_is_guessed_beside_later_ones(nouns: ClassMixture) -> None:
    told = nouns.of("pointer", CAT_VECTOR)
    # A tool first, most like the hammer by the tree and like the cat by its vector; then a dog of two kinds.
    assert told.known
    relative = told.relative
    assert max(relative[CAT > 0], relative[HAMMER > 0]) == 1
    assert relative[:2] == pytest.approx(np.full(2, 0.3), abs=1e-3)
    assert told.closeness == pytest.approx(1)


CAT_VECTOR = np.eye(6, dtype=np.float32)[2]


def test_a_noun_without_kinds_is_guessed_by_vector_and_tree(nouns: ClassMixture) -> None:
    alone, like_a_cat = nouns.of("stapler", None), nouns.of("stapler", CAT_VECTOR)
    assert not alone.known
    assert alone.shares == pytest.approx(HAMMER, abs=1e-6)
    names = np.eye(5, 6)
    cosines = unit(names - names.mean(0)) @ CAT_VECTOR
    # Lin's similarity is 1 with the only other tool, and 0 with what only is an entity too.
    likeness = cosines + 0.4 * np.asarray([0, 0, 0, 1, 0])
    odds = np.exp((likeness - likeness.max()) / 0.02)
    assert like_a_cat.shares == pytest.approx(odds / odds.sum(), abs=1e-5)
    assert (alone.closeness, like_a_cat.closeness) == (1, 1)


def test_another_name_of_a_class_stands_for_it_a_little_less(nouns: ClassMixture) -> None:
    told = nouns.of("kitty", np.eye(6, dtype=np.float32)[5])
    assert told.shares == pytest.approx(CAT, abs=1e-5)
    assert (told.known, told.closeness) == (False, 0)


@pytest.mark.parametrize("name", ["Zzz top", "zzz_top", " ZZZ  Top "])
def test_a_class_that_is_no_noun_is_known_by_its_name(nouns: ClassMixture, name: str) -> None:
    told = nouns.of(name, CAT_VECTOR)
    assert told.known
    assert told.shares.tolist() == ZZZ.tolist()


def test_a_word_of_which_all_classes_are_kinds_tells_none_from_another(nouns: ClassMixture) -> None:
    four = nouns.of("entity", CAT_VECTOR)
    assert four.known, "the fifth is none"
    assert four.shares == pytest.approx([0.25, 0.25, 0.25, 0.25, 0])
    none = np.zeros((0, 6), np.float32), np.zeros(0, np.int64)
    all_nouns = ClassMixture(KINDS, nouns.names[:4], nouns.names[:4], *none, nouns.weights[:4], nouns.bias[:4], tree())
    told = all_nouns.of("entity", CAT_VECTOR)
    assert not told.known
    assert told.shares == pytest.approx(CAT[:4], abs=1e-6)
    assert np.linalg.norm(all_nouns.visual(told.shares)) == pytest.approx(1)


@given(st.sampled_from(["dog", "setter", "pointer", "stapler", "entity", "zzz top", "tree"]), st.integers(0, 99))
def test_shares_add_up_to_one(nouns: ClassMixture, word: str, seed: int) -> None:
    told = nouns.of(word, unit(np.random.default_rng(seed).normal(size=6)))
    assert told.shares.sum() == pytest.approx(1, abs=1e-5)
    assert told.shares.min() >= 0
    assert 1 - 1e-5 <= told.width <= 5 + 1e-5
    assert 0 <= told.closeness <= 1
