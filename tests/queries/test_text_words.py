"""Which words a text holds."""

from __future__ import annotations

import unicodedata

import pytest

from milvise.queries.text.held_words import TextMatch, matched
from milvise.queries.text.words import phrases, plain_forms
from milvise.queries.vocabulary.expression import parse


def text(expression: str, *, uri: str = "1.jpg", label: str = "", **meta: object) -> TextMatch:
    return matched(phrases(parse(expression)), {"uri": uri, "label": label, "meta": meta})


@pytest.mark.parametrize(
    ("word", "uri"),
    [
        ("dog", "IMG_dog-12.jpg"),
        ("dog", "BlackDog.jpg"),
        ("dog", "HTMLDog2.jpg"),
        ("dog", "DOG.JPG"),
        ("Dog", "dogs/1.jpg"),
        ("dogs", "a/dog.jpg"),
        ("berries", "berry.jpg"),
        ("fox", "a/b/Foxes (3).jpg"),
        ("horses", "horse.jpg"),
        ('"traffic light"', "traffic_light.jpg"),
        ('"traffic light"', "old-TrafficLights-7.jpg"),
        ("traffic-light", "traffic light.jpg"),
        ("t-shirt", "my T-Shirts.jpg"),
        ("café", unicodedata.normalize("NFD", "Café.jpg")),
        ("straße", "STRAẞE.jpg"),
        ("हिन्दी", "हिन्दी.jpg"),
        ("dog", "set\\dog\\1.jpg"),
    ],
)
def test_whole_words_are_found_in_their_usual_spellings(word: str, uri: str) -> None:
    assert text(word, uri=uri).share == 1


@pytest.mark.parametrize(
    ("word", "uri"),
    [
        ("dog", "hotdog.jpg"),
        ("dog", "dogma/1.jpg"),
        ("jpg", "1.jpg"),
        ("cat", "vacation/location.jpg"),
        ('"traffic light"', "light traffic.jpg"),
        ('"traffic light"', "traffic/light.jpg"),
        ("a", "a.jpg"),
        ("of the", "lord of the rings.jpg"),
        ("x", "x.jpg"),
        ('"%"', "100%.jpg"),
        ("bus", "bu.jpg"),
        ("glass", "glas.jpg"),
    ],
)
def test_parts_of_words_function_words_and_single_letters_are_not(word: str, uri: str) -> None:
    assert text(word, uri=uri) == TextMatch()


def test_the_share_is_that_of_the_weight_and_function_words_do_not_count() -> None:
    assert text("black^3 dog", label="dog").share == 0.25
    assert text("black^3 dog", label="black", uri="x/dog.jpg").share == 1
    assert text("a boat on the sea", label="boat").share == 0.5
    assert text("dog - cat^3 - sofa", label="dog", caption="a cat").against == 0.75
    assert text("dog - cat", label="cat") == TextMatch(0.0, 1.0, ())


def test_reasons_say_where_the_words_stand() -> None:
    assert text("dog", label="Dogs", uri="dogs/dog.jpg").reasons == ("label", "file name")
    assert text("dog", uri="dogs/1.jpg").reasons == ("folder",)
    found = text("dog", label="pets", caption="A dog.", tags=["cat", "Dog"], dog="yes", number=3, none=None)
    assert found.reasons == ("meta.caption", "meta.tags")


@pytest.mark.parametrize(
    ("share", "against", "similarity", "expected"),
    [
        (0, 0, 0.2, 0.2),
        (1, 0, 0.2, 0.6),
        (0.5, 0, 0.2, 0.4),
        (1, 0, -1, 0),
        (0, 1, 0.2, -0.4),
        (0, 0.5, 0.2, -0.1),
        (1, 1, 0.2, -0.2),
        (1, 0, 1, 1),
        (0, 1, -1, -1),
    ],
)
def test_a_text_moves_the_similarity_half_of_its_share(
    share: float, against: float, similarity: float, expected: float
) -> None:
    assert TextMatch(share, against).moved(similarity) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("word", "others"),
    [
        ("dog", {"dogs"}),
        ("dogs", {"dog"}),
        ("bus", {"buses"}),
        ("buses", {"bus"}),
        ("city", {"cities"}),
        ("cities", {"city"}),
        ("boy", {"boys"}),
        ("grass", {"grasses"}),
        ("octopus", {"octopuses"}),
        ("churches", {"church"}),
    ],
)
def test_regular_plurals_and_singulars(word: str, others: set[str]) -> None:
    assert {word, *others} <= set(plain_forms(word))
    assert word.removesuffix("s") in plain_forms(word) or not word.endswith("s") or word.endswith(("us", "ss", "ies"))
