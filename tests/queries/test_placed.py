"""Where words stand, by the class hierarchy: plurals, nouns that the words lack, and galleries without any of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
import schemas
from jsonschema import validate
from noun_world import CLASSES, EACH, GALLERY, VECTORS, WEIGHTS, drop_noun_world, put_noun_world, put_nouns

from milvise.adapter import Store
from milvise.core.arrays import unit
from milvise.core.records import Hit, record_id
from milvise.errors import ExpressionError, NotFoundError, UnknownClassError, UnknownWordError, UsageError
from milvise.queries.database import Database
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.terms import place_terms
from milvise.queries.ranking.score import GUESSED, KNOWN
from milvise.queries.search import Gallery
from milvise.queries.vocabulary.expression import Term

SPACES = ("joint", "visual", "fused", "ranked")


@pytest.fixture(scope="module")
def world(store: Store) -> Iterator[Store]:
    put_noun_world(store)
    yield store
    drop_noun_world(store)


@pytest.fixture
def gallery(world: Store) -> Gallery:
    return Database(world).gallery(GALLERY)


@pytest.fixture
def now(gallery: Gallery) -> OpenCollections:
    return OpenCollections(gallery._parts)


def shown(hits: list[Hit]) -> list[str]:
    """The class of each picture."""
    return [CLASSES[int(hit.uri.removesuffix(".jpg")) % len(CLASSES)] for hit in hits]


def test_a_plural_is_placed_as_its_singular(now: OpenCollections, gallery: Gallery) -> None:
    poodle, poodles, dogs, tree = place_terms(now, [Term(word) for word in ("poodle", "poodles", "dogs", "tree")])
    assert (poodles.phrase, poodles.term.phrase) == ("poodle", "poodles")
    assert dogs.phrase == "dog"
    assert dogs.vector is not None
    np.testing.assert_allclose(dogs.vector, VECTORS["dog"], atol=1e-6)
    assert tree.phrase == "tree"
    for space in ("joint", "visual"):
        np.testing.assert_array_equal(poodle.ingredient(space).vector, poodles.ingredient(space).vector)
    assert poodles.ingredient("joint").name == "poodles"
    assert [hit.id for hit in gallery.search("Poodles")] == [hit.id for hit in gallery.search("poodle")]


def test_a_noun_without_a_vector_is_a_mixture_of_classes(now: OpenCollections) -> None:
    stapler, dog, tree = place_terms(now, [Term("stapler"), Term("dog", -2.0), Term("tree")])
    assert stapler.vector is None
    # Nothing but the tree tells its classes: of the tools, a hammer is one.
    assert not stapler.classes.known
    assert stapler.classes.shares.argmax() == CLASSES.index("hammer")
    assert stapler.classes.closeness == pytest.approx(1)
    np.testing.assert_allclose(stapler.ingredient("joint").vector, now.mixture.first_names[3], atol=1e-3)
    assert stapler.ingredient("visual").vector @ unit(WEIGHTS[3] - WEIGHTS.mean(0)) > 0.99
    assert dog.classes.shares.tolist() == [0.5, 0.5, 0, 0]
    assert dog.ingredient("visual").weight == -2
    assert (dog.seen().name, dog.seen().weight, dog.seen().trust, stapler.seen().trust) == ("dog", -2, KNOWN, GUESSED)
    assert (tree.classes.known, tree.classes.closeness) == (False, 0)
    assert place_terms(now, []) == []
    with pytest.raises(UnknownWordError, match="xqzzz"):
        place_terms(now, [Term("dog"), Term("xqzzz")])


@pytest.mark.parametrize("space", SPACES)
def test_every_request_takes_a_noun_that_the_words_lack(gallery: Gallery, space: str) -> None:
    hits = gallery.search("stapler", space=space, limit=EACH, min_confidence=0.0)
    assert shown(hits) == ["hammer"] * EACH
    assert all(0 <= hit.confidence <= 1 for hit in hits if hit.confidence is not None)
    assert shown(gallery.search_many(["staplers", "cat"], space=space, limit=1)[0]) == ["hammer"]
    assert set(shown(gallery.mixed([], "animal - stapler", space=space, limit=5))) <= {"poodle", "beagle", "cat"}
    assert shown(gallery.rank(words="stapler", ids=["0.jpg", "3.jpg", "2.jpg"], space=space))[0] == "hammer"
    assert "hammer" in shown(gallery.refine(words="stapler", liked=["3.jpg"], space=space, limit=1))
    told = gallery.explain(hits[0].id, words="stapler", space=space)
    assert sum(term.contribution for term in told.terms) == pytest.approx(told.hit.similarity, abs=1e-5)
    assert told.hit.similarity == pytest.approx(hits[0].similarity, abs=1e-5)
    assert told.hit.confidence == pytest.approx(hits[0].confidence, abs=1e-5)
    assert told.classes[0].name == "hammer"
    validate(json.loads(json.dumps(told.to_json())), schemas.EXPLANATION)


def test_an_explanation_names_the_classes_that_say_something(gallery: Gallery) -> None:
    told = gallery.explain("0.jpg", words="dog")
    assert {tie.name for tie in told.classes} == {"poodle", "beagle"}


def test_a_focus_is_a_noun_that_the_words_lack(gallery: Gallery) -> None:
    shares = np.asarray([gallery.classes_of("stapler")[name] for name in CLASSES])
    hits = gallery.similar("3.jpg", focus="stapler", limit=5)
    assert shown(hits)[0] == "hammer"
    told = gallery.explain(hits[0].id, pictures=["3.jpg"], focus="stapler")
    assert told.hit.similarity == pytest.approx(hits[0].similarity, abs=1e-5)
    assert shares.sum() == pytest.approx(1)
    with pytest.raises(UnknownClassError, match="xqzzz"):
        gallery.similar("3.jpg", focus="xqzzz")


def test_every_kind_of_a_word_is_found(gallery: Gallery) -> None:
    assert set(shown(gallery.search("dog", limit=2 * EACH))) == {"poodle", "beagle"}
    assert set(shown(gallery.search("animal", limit=3 * EACH))) == {"poodle", "beagle", "cat"}
    found = gallery.search("dog - poodle", limit=EACH)
    assert set(shown(found)) == {"beagle"}


def test_a_word_of_which_all_classes_are_kinds_is_guessed(now: OpenCollections, gallery: Gallery) -> None:
    (entity,) = place_terms(now, [Term("entity")])
    assert not entity.classes.known
    assert entity.classes.shares.max() > 0.25
    for space in SPACES:
        hits = gallery.search("entity", space=space, limit=5)
        assert len(hits) == 5
        assert -1 <= hits[-1].similarity <= hits[0].similarity <= 1
    # It says nothing of a picture that it is an entity; what the word is like is said by its vector.
    joint = gallery.search("entity", space="joint", limit=40)
    assert joint[0].similarity == pytest.approx(max(hit.similarity for hit in joint))


def test_confidence_is_the_same_in_each_space(gallery: Gallery) -> None:
    for words in ("dog", "stapler - cat", "tree"):
        told = {
            space: {hit.id: hit.confidence for hit in gallery.search(words, space=space, limit=40, min_confidence=0.0)}
            for space in SPACES
        }
        for space in SPACES:
            assert len(told[space]) == 40
            assert told[space] == pytest.approx(told["ranked"], abs=1e-5)
        some = sorted(told["ranked"])[:3]
        ranked = gallery.rank(words=words, ids=some, min_confidence=0.0)
        assert {hit.id: hit.confidence for hit in ranked} == pytest.approx(
            {name: told["ranked"][name] for name in some}, abs=1e-5
        )
    dogs, trees = (gallery.search(word, limit=1, min_confidence=0.0)[0].confidence for word in ("dog", "tree"))
    assert dogs is not None
    assert trees is not None
    assert dogs > 0.95 > trees


# -- what is not there ---------------------------------------------------------------------------------------------------


def test_without_a_hierarchy_words_are_placed_by_names_alone_until_it_is_loaded(own_store: Store) -> None:
    put_noun_world(own_store, nouns=False)
    before = Database(own_store).gallery(GALLERY)
    assert before.words_space() == "ranked"
    assert set(shown(before.search("poodle", limit=EACH))) == {"poodle"}
    with pytest.raises(UnknownWordError, match="stapler"):
        before.search("stapler")
    assert set(before.classes_of("poodle").values()) == {0, 1}
    assert OpenCollections(before._parts).hierarchy is None
    # Its confidence is about the joint space.
    for space in ("joint", "fused", "ranked"):
        hits = before.search("poodle", space=space, limit=3, min_confidence=0.0)
        assert all(hit.confidence is not None for hit in hits)
    with pytest.raises(UsageError, match="Expected: --space joint, fused or ranked"):
        before.search("poodle", space="visual", min_confidence=0.0)
    assert before.explain("0.jpg", words="poodle", space="visual").hit.confidence is None
    put_nouns(own_store)
    after = Database(own_store).gallery(GALLERY)
    assert set(shown(after.search("stapler", limit=EACH))) == {"hammer"}
    assert after.classes_of("dog")["beagle"] == 0.5
    assert after.search("poodle", space="visual", min_confidence=0.0)


def test_an_empty_gallery_has_no_hits(own_store: Store) -> None:
    put_noun_world(own_store, each=0)
    gallery = Database(own_store).gallery(GALLERY)
    for space in (None, *SPACES):
        assert gallery.search("dog", space=space, min_confidence=0.0) == []
        assert gallery.search_many(["dog", "stapler - cat"], space=space) == [[], []]
        assert gallery.owners(words="dog", space=space) == []
        assert gallery.rank(words="dog", space=space) == []
    with pytest.raises(NotFoundError):
        gallery.explain("0.jpg", words="dog")


def test_one_class_places_no_words(own_store: Store) -> None:
    put_noun_world(own_store, nouns=False, classes=1)
    gallery = Database(own_store).gallery(GALLERY)
    assert gallery.words_space() == "joint"
    assert set(shown(gallery.search("hammer", limit=EACH, min_confidence=0.0))) == {"hammer"}
    assert gallery.classes_of("poodle") == {}
    for space in ("visual", "fused", "ranked"):
        with pytest.raises(UsageError, match="fewer than two of the classes' names"):
            gallery.search("hammer", space=space)


def test_a_picture_that_stands_in_one_space_only_is_not_found_in_both(own_store: Store) -> None:
    put_noun_world(own_store)
    for room, number in (("visual", 0), ("joint", 4)):
        stored = own_store.live(f"{GALLERY}_{room}")
        assert stored is not None
        stored.delete([record_id(f"{number}.jpg")])
        stored.settle()
    gallery = Database(own_store).gallery(GALLERY)
    for space, missing in (
        ("visual", {"0.jpg"}), ("joint", {"4.jpg"}), ("fused", {"0.jpg", "4.jpg"}), ("ranked", {"0.jpg"})
    ):  # fmt: skip
        hits = gallery.search("poodle", space=space, limit=100, min_confidence=0.0)
        assert {f"{number}.jpg" for number in range(40)} - {hit.uri for hit in hits} == missing
    assert {hit.uri for hit in gallery.rank(words="poodle", filter="width < 6")} == {"1.jpg", "2.jpg", "3.jpg", "5.jpg"}
    for uri in ("0.jpg", "4.jpg"):
        with pytest.raises(NotFoundError, match=uri):
            gallery.explain(uri, words="poodle")


@pytest.mark.parametrize("nothing", [" ", "- "])
def test_nothing_has_no_classes(gallery: Gallery, nothing: str) -> None:
    with pytest.raises(ExpressionError):
        gallery.classes_of(nothing)
