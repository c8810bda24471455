"""Words as a person types them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.errors import MilviseError
from milvise.queries.vocabulary.expression import parse
from milvise.queries.vocabulary.function_words import FUNCTION_WORDS
from milvise.queries.vocabulary.typed import TypedSearch, read, read_all, read_exactly

NOUNS = [
    "dog",
    "dogs",
    "cat",
    "sofa",
    "boat",
    "sea",
    "snow",
    "ice",
    "people",
    "hat",
    "park",
    "man",
    "light",
    "traffic",
    "truck",
    "fire",
    "guitar",
    "elephant",
    "bicycle",
    "umbrella",
    "glass",
    "wine",
    "beach",
    "sunset",
    "photo",
    "album",
    "picture",
    "frame",
    "horse",
    "silver",
    "t-shirt",
    "element",
]
COMMON = [
    "the",
    "a",
    "on",
    "of",
    "what",
    "red",
    "running",
    "elegant",
    "no",
    "not",
    "'s",
    "c++",
    "!",
    ",",
    "two",
    "king",
    "woman",
]
RARE = ["dogg", "furry", "silvery", "chien", "Paris", "Dog"]
RANKS = {
    **{word: place for place, word in enumerate([*NOUNS, *COMMON])},
    **{word: 90_000 + place for place, word in enumerate(RARE)},
}
PHRASES = {"traffic light", "traffic lights", "fire truck", "ice cream", "glass of wine", "picture frame", "stapler"}


class World:
    """A vocabulary with a class hierarchy, that counts what it is asked."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def known(self, entries: Sequence[str]) -> Mapping[str, Any]:
        self.calls["known"] += 1
        return {entry: RANKS[entry] for entry in entries if entry in RANKS}

    def ranks(self, entries: Sequence[str]) -> Mapping[str, int]:
        self.calls["ranks"] += 1
        return {entry: RANKS[entry] for entry in entries if entry in RANKS}

    def starting(self, letter: str) -> Mapping[str, int]:
        self.calls["starting"] += 1
        return {word: rank for word, rank in RANKS.items() if word.startswith(letter) and rank < 20_000}

    def noun(self, phrase: str) -> bool:
        return phrase.lower() in NOUNS or phrase.lower() in PHRASES

    def is_class(self, phrase: str) -> bool:
        return phrase in {"two men", "golden retriever"}


def terms(reading: TypedSearch) -> str:
    return " ".join(
        f"{'-' if term.weight < 0 else ''}{term.phrase.replace(' ', '_')}{'' if abs(term.weight) == 1 else f'^{abs(term.weight):g}'}"
        for term in reading.terms
    )


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("dog", "dog"),
        ("DOG", "dog"),
        ("Dog", "dog"),
        ("Paris paris", "Paris Paris"),
        ("sofa!", "sofa"),
        ("(cat)", "cat"),
        ("dog, cat,horse^2, boat", "dog cat horse^2 boat"),
        ("what?", "what"),
        ("c++", "c++"),
        ("'s", "'s"),
        ("the dog's hat", "dog hat"),
        ("t-shirt", "t-shirt"),
        ("ice-cream", "ice_cream"),
        ("“traffic dog” – cat", "traffic_dog -cat"),
        ('"a DOG!" cat', "a_DOG! cat"),
        ("a boat on the sea", "boat sea"),
        ("a photo of a dog", "dog"),
        ("Show me pictures that show dogs", "dogs"),
        ("photo album", "photo album"),
        ("the", "the"),
        ("a photo of", "photo"),
        ("traffic light", "traffic_light"),
        ("a picture frame", "picture_frame"),
        ("Fire Truck, dog", "fire_truck dog"),
        ("fire, truck", "fire truck"),
        ("fire + truck", "fire truck"),
        ("fire truck^2", "fire truck^2"),
        ("dog - fire truck", "dog -fire_truck"),
        ("a glass of wine", "glass_of_wine"),
        ("cat sofa", "cat sofa"),
        ("sea without snow and ice", "sea -snow -ice"),
        ("park without traffic lights but a man with a hat", "park -traffic_lights man hat"),
        ("a man without a hat in the park", "man -hat park"),
        ("dog but not a cat", "dog -cat"),
        ("sea no people", "sea -people"),
        ("sea except +boat", "sea boat"),
        ("without snow", "-snow"),
        ("no", "no"),
        ("dog without", "dog"),
        ("king - man + woman", "king -man woman"),
        ("cat^2 -sofa^.5", "cat^2 -sofa^0.5"),
        ("stapler", "stapler"),
        ("+the dog", "the dog"),
    ],
)
def test_what_is_typed_is_read_as_what_is_meant(typed: str, read_as: str) -> None:
    reading = read(typed, World())
    assert terms(reading) == read_as
    assert not reading.unknown


def test_each_thing_that_was_done_is_said() -> None:
    reading = read("a photo of a traffic light without people", World())
    assert reading.remarks[0] == "Left out: photo, of, a."
    assert '"traffic light" is taken as one phrase' in reading.remarks[1]
    assert reading.remarks[2] == "Unwanted: people."


@pytest.mark.parametrize(
    ("typed", "first", "unknown"),
    [("gitar", "guitar", True), ("elefant", "elephant", True), ("bycicle", "bicycle", True), ("dogg", "dog", False)],
)
def test_a_misspelling_is_asked_about_or_corrected(typed: str, first: str, unknown: bool) -> None:
    asked = read(typed, World())
    assert terms(asked) == typed
    assert asked.suggestions[typed][0] == first
    assert asked.unknown == ((typed,) if unknown else ())
    assert unknown or f'Did you mean "{first}"' in asked.remarks[0]
    fixed = read(typed, World(), fix=True)
    assert (terms(fixed), fixed.suggestions, fixed.unknown) == (first, {}, ())
    assert fixed.remarks == (f'"{typed}" was corrected to "{first}".',)


@pytest.mark.parametrize("word", ["furry", "silvery", "red", "dog", '"dogg"', '"gitar"'])
def test_other_words_are_not_suspected(word: str) -> None:
    reading = read(word, World(), fix=True)
    assert terms(reading) == word.strip('"')
    assert not reading.remarks


def test_a_word_that_nothing_is_close_to_stays() -> None:
    assert read("qqqqqxx", World(), fix=True).unknown == ("qqqqqxx",)


def test_several_texts_take_the_calls_of_one() -> None:
    world = World()
    assert [terms(one) for one in read_all(["a dog", "dogg cat", "gitar"], world, fix=True)] == [
        "dog",
        "dog cat",
        "guitar",
    ]
    assert world.calls == {"known": 1, "ranks": 1}
    world = World()
    read("a dog on a sofa", world)
    assert world.calls == {"known": 1}


def test_words_among_words_keep_the_grammar_but_for_the_ends_of_unknown_ones() -> None:
    assert terms(read_exactly("a DOG sofa! c++ '", World())) == "a DOG sofa c++ '"
    assert read_exactly('"sofa!"', World()).terms == parse('"sofa!"')
    assert terms(read_exactly("gitar", World(), fix=True)) == "guitar"


TYPED = st.lists(
    st.sampled_from(
        [
            *RANKS,
            *FUNCTION_WORDS,
            *[
                "-",
                "+",
                ",",
                "without",
                "but",
                "“",
                "”",
                '"',
                "–",
                "gitar",
                "photo",
                "pictures",
                "show",
                "me",
                "Fire",
                "truck,",
                "cat^2",
            ],
        ]
    )
    | st.text(max_size=6),
    max_size=9,
).map(" ".join)


@given(TYPED | st.text(max_size=60), st.booleans())
def test_any_text_is_read_or_refused_and_its_reading_stays(text: str, fix: bool) -> None:
    try:
        reading = read(text, World(), fix=fix)
    except MilviseError:
        return
    assert reading.terms
    again = read(reading.expression, World(), fix=fix)
    assert (again.terms, again.expression, again.remarks) == (reading.terms, reading.expression, ())


@given(
    st.lists(st.sampled_from([*NOUNS, *COMMON[:6], "without", "photo", "gitar", "show", "me"]), min_size=1, max_size=8)
)
def test_no_word_is_lost_silently(words: list[str]) -> None:
    reading = read(" ".join(words), World())
    told = " ".join([*(term.phrase for term in reading.terms), *reading.remarks])
    kept = Counter(re.findall(r"[\w'+!-]+", told))
    lost = {word for word in words if word not in kept}
    # What it does is said: "Unwanted: ...".
    assert lost <= {"without"}
    assert "without" not in lost or "Unwanted:" in told
