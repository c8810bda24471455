"""What is sure of a picture, by a tree small enough to say what is right."""

from __future__ import annotations

import numpy as np
import pytest

from milvise.embeddings.wordnet.hierarchy import Hierarchy
from milvise.embeddings.wordnet.make_hierarchy import make_hierarchy
from milvise.embeddings.wordnet.nouns import Nouns
from milvise.queries.ranking.sure_classes import FREQUENT_NAME, Hedge, SureWord

TABLE = """\
00000001 3 - entity
00000002 5 00000001 animal beast
00000003 5 00000002 canid
00000004 5 00000003 dog domestic_dog tail
00000005 5 00000004 poodle poodle_dog
00000006 5 00000004 Beagle
00000007 5 00000002 cock barnyard_fowl
00000008 6 00000001 wind_instrument wind woodwind
00000009 6 00000008 flute
00000010 6 00000008 oboe
00000011 5 00000002 killer_whale killer orca
00000012 5 00000001 killer
00000013 5 00000001 tail
00000014 6 00000001 wind

killer 00000012 00000011
tail 00000013 00000004
wind 00000014 00000008

"""
LABELS = ("poodle", "Beagle", "rooster", "flute", "oboe", "killer whale")
SYNSETS = ("n00000005", "n00000006", "n00000007", "n00000009", "n00000010", "n00000011")
WORDS = ("entity", "animal", "dog", "tail", "wind", "killer", "cock", "rooster", "beagle", "poodle", "orca", "woodwind")
RANKS = {word: rank for rank, word in enumerate(WORDS)}


@pytest.fixture(scope="module")
def tree() -> Hierarchy:
    return make_hierarchy(Nouns(TABLE), SYNSETS)


@pytest.fixture(scope="module")
def hedge(tree: Hierarchy) -> Hedge:
    return Hedge(tree, LABELS)


def chances(**shares: float) -> np.ndarray:
    found = np.asarray([shares.get(label.replace(" ", "_"), 0.0) for label in LABELS], dtype=np.float32)
    return found[np.newaxis]


def told(named: list[SureWord]) -> list[tuple[str, float]]:
    return [(one.word, round(one.probability, 4)) for one in named]


def test_a_sure_breed_comes_before_what_it_is_a_kind_of(hedge: Hedge) -> None:
    found = hedge.names(chances(poodle=0.9, flute=0.1), RANKS, sure=0.8, guess=0.2)[0]
    assert told(found) == [("poodle", 0.9), ("dog", 0.9), ("animal", 0.9)], "an entity says nothing"


def test_a_guess_between_breeds_says_dog_first(hedge: Hedge) -> None:
    found = hedge.names(chances(poodle=0.5, Beagle=0.4, rooster=0.05), RANKS, sure=0.8, guess=0.1)[0]
    assert told(found) == [("dog", 0.9), ("animal", 0.95), ("poodle", 0.5), ("beagle", 0.4)]


def test_the_most_probable_guess_comes_first_where_nothing_is_sure(hedge: Hedge) -> None:
    found = hedge.names(chances(poodle=0.3, Beagle=0.2, rooster=0.19, killer_whale=0.31), RANKS, sure=1.1, guess=0.25)[
        0
    ]
    assert told(found) == [("animal", 1.0), ("dog", 0.5), ("orca", 0.31), ("poodle", 0.3)]


def test_several_pictures_are_told_apart(hedge: Hedge) -> None:
    both = np.concatenate([chances(poodle=1.0), chances(killer_whale=1.0)])
    first, second = hedge.names(both, RANKS)
    assert told(first)[0] == ("poodle", 1.0)
    assert told(second) == [("orca", 1.0), ("animal", 1.0)]
    assert hedge.names(chances(killer_whale=1.0), RANKS)[0] == second


def test_a_class_is_called_by_its_own_name_before_its_lemmas(hedge: Hedge) -> None:
    shares = chances(rooster=1.0)
    assert hedge.names(shares, RANKS)[0][0].word == "rooster"
    without = {word: rank for word, rank in RANKS.items() if word != "rooster"}
    assert hedge.names(shares, without)[0][0].word == "cock"


def test_the_usual_lemma_comes_before_a_more_frequent_one(hedge: Hedge) -> None:
    found = hedge.names(chances(poodle=1.0), {"beast": 0, "animal": 5})[0]
    assert [one.word for one in found] == ["animal"]


def test_a_lemma_that_means_something_else_first_names_nothing(hedge: Hedge) -> None:
    flute = hedge.names(chances(flute=0.5, oboe=0.5), RANKS, guess=0.6)[0]
    assert [one.word for one in flute] == ["woodwind"], "not wind, which is frequent"
    whale = hedge.names(chances(killer_whale=1.0), {"killer": 0})[0]
    assert whale == []


def test_rare_words_name_classes_only(hedge: Hedge) -> None:
    rare = dict.fromkeys(("canid", "animal", "poodle", "woodwind"), FREQUENT_NAME)
    assert [one.word for one in hedge.names(chances(poodle=1.0), rare)[0]] == ["poodle"]
    frequent = {"beast": 1, "animal": FREQUENT_NAME}
    assert hedge.names(chances(poodle=1.0), frequent)[0] == [], "what has a rare usual lemma is technical"
    assert hedge.names(chances(flute=0.5, oboe=0.5), rare, guess=0.6)[0] == []


def test_every_word_comes_once(tree: Hierarchy) -> None:
    hedge = Hedge(tree, ("dog", "Beagle", "rooster", "flute", "oboe", "killer whale"))
    found = hedge.names(chances(poodle=0.9, Beagle=0.05), RANKS)[0]
    assert told(found) == [("dog", 0.9), ("animal", 0.95)]


def test_what_is_needed_of_the_vocabulary_is_known_beforehand(hedge: Hedge) -> None:
    entries = hedge.entries(chances(poodle=0.5, Beagle=0.5), guess=0.2)
    assert {"dog", "poodle", "beagle", "Beagle", "animal", "beast"} <= set(entries)
    assert not {"entity", "flute", "rooster", "tail"} & set(entries)
    assert len(entries) == len(set(entries))


def test_classes_of_one_name_keep_their_own_places() -> None:
    table = "00000001 3 - entity\n00000002 5 00000001 crane\n00000003 6 00000001 crane\n\n\n"
    tree = make_hierarchy(Nouns(table + "\n"), ("n00000002", "n00000003"))
    hedge = Hedge(tree, ("crane", "crane (2)"))
    found = hedge.names(np.asarray([[0.9, 0.1]], np.float32), {"crane": 0})[0]
    assert told(found) == [("crane", 0.9)]


def test_classes_without_a_synset_are_left_out() -> None:
    tree = make_hierarchy(Nouns(TABLE), ("n00000005", None))
    hedge = Hedge(tree, ("poodle", "xyzzy"))
    assert hedge.names(np.asarray([[0.0, 1.0]], np.float32), {"xyzzy": 0, "poodle": 1})[0] == []
    assert told(hedge.names(np.asarray([[1.0, 0.0]], np.float32), {"poodle": 1})[0]) == [("poodle", 1.0)]
