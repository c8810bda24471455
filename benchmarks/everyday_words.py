"""What a person may type for a label, and which pictures show it by WordNet; no search is made here.

All of it was written down before it was searched for, and nothing depends on the search. Chance is seeded by the words themselves.
"""

from __future__ import annotations

import random
import re
import string
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from milvise.embeddings.wordnet.nouns import Nouns

GROUPS = (  # noqa: SIM905
    "dog bird fish insect snake car boat fruit vegetable food vehicle animal furniture building clothing tool monkey cat bear"
    " bottle spider mammal reptile instrument"
).split()
"""Words for many classes."""

EVERYDAY = (  # noqa: SIM905
    "dog puppy cat kitten horse cow sheep pig bird duck fish frog snake spider insect bee butterfly monkey bear lion elephant"
    " animal pet tree forest flower plant grass leaf mountain beach sea lake river sky snow street city house building church"
    " tower bridge car truck bus train bike bicycle boat ship airplane vehicle chair table bed furniture lamp clock phone"
    " computer camera tool knife bottle cup food fruit vegetable apple bread cake pizza shirt dress shoe hat clothing bag"
    " umbrella guitar pyramid people man"
).split()
"""Words that people look for in photos."""

SENTENCES = (
    "a photo of a {one}",
    "photos of two {more}",
    "pictures with the {one}",
    "I am looking for the {one}.",
    "is there a {one} in it?",
)

_MASS = frozenset("pants shorts shoes headphones binoculars asparagus garlic ginger milk juice".split())  # noqa: SIM905
"""Labels that are plurals already, or that have none."""

_PLURALS = {
    "mouse": "mice",
    "goose": "geese",
    "ox": "oxen",
    "loaf": "loaves",
    "potato": "potatoes",
    "tomato": "tomatoes",
}
_UNCHANGED = ("fish", "deer", "sheep", "bison")

_SEEN = (5, 6, 8, 13, 20, 17, 15, 3, 19, 27)
"""Lexicographer files of what can be photographed: animal, artifact, body, food, plant, object, place, top, phenomenon, substance."""

_FILES = {"grocery": (13, 20), "clothing": (6,), "intel-scenes": (17, 6)}
"""Those in which a set's labels are looked for: of a label's senses, those in the first file that has any."""

_SHOWS = {"forest": ("tree", "plant"), "glacier": ("snow",), "sea": ("water",), "street": ("city",)}
"""What the pictures of a scene show beside it."""

_JUDGED_AS = {"puppy": "dog", "kitten": "cat", "beach": "seashore", "lake": "lakeside"}
"""Words for which pictures of another one are right, because no label says more."""

_SYNSET = re.compile(r"n\d{8}")


def half(word: str) -> int:
    """Return 0 for a word on which weights may be chosen, 1 for one on which they are reported."""
    return zlib.crc32(word.encode()) % 2


def plural(word: str) -> str:
    """Return the plural of an English noun."""
    if word in _MASS or word.endswith(_UNCHANGED):
        return word
    if word in _PLURALS:
        return _PLURALS[word]
    if word.endswith("man"):
        return word[:-3] + "men"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")


def misspelt(word: str) -> str:
    """Return a word with one letter left out, put in, replaced, or swapped with the next one."""
    chance = random.Random(zlib.crc32(word.encode()))
    edited = word
    while edited == word:
        place, letter = chance.randrange(len(word)), chance.choice(string.ascii_lowercase)
        before, own, after = word[:place], word[place], word[place + 1 :]
        swapped = after[:1] + own + after[1:]
        edited = before + chance.choice((after, letter + own + after, letter + after, swapped))
    return edited


@dataclass(frozen=True)
class Shown:
    """Which words pictures show: a picture is right for a word if what it shows is a kind of it.

    Attributes
    ----------
    nouns : Nouns
    """

    nouns: Nouns

    def kinds(self, row: dict[str, str]) -> frozenset[str]:
        """Return the synsets that a picture shows, with all that they are kinds of: by its file name, else by its label."""
        if found := _SYNSET.match(row["path"].rpartition("/")[2]):
            return self.nouns.ancestors(found[0])
        senses = self._senses([row["label"]]) or self._senses([row["word"]])
        files = (self._in(senses, [file]) for file in _FILES.get(row["set"], _SEEN))
        seen = next((own for own in files if own), [])
        seen += self._in(self._senses(_SHOWS.get(row["word"], ())), _SEEN)
        return frozenset().union(*(self.nouns.ancestors(one) for one in seen))

    def word(self, word: str) -> frozenset[str]:
        """Return the senses of a word that can be photographed."""
        return frozenset(self._in(self._senses([_JUDGED_AS.get(word, word)]), _SEEN))

    def any_sense(self, word: str) -> frozenset[str]:
        """Return all senses of a word."""
        return frozenset(self._senses([word]))

    def unlike(self, names: Iterable[str], words: Iterable[str], kinds: Iterable[frozenset[str]]) -> list[str]:
        """Return the class names that are surely not shown.

        None of their senses is a kind of a word or shown by a picture, no word is a kind of them, and they share no part with a word.
        """
        asked = list(words)
        parts = {part for word in asked for part in re.split(r"\W+", word.lower())}
        senses = {one for word in asked for one in self._senses([word])}
        shown = frozenset().union(*kinds, *(self.nouns.ancestors(one) for one in senses))

        def absent(name: str) -> bool:
            own = self._senses([name])
            above = frozenset().union(*(self.nouns.ancestors(one) for one in own))
            return bool(own) and not senses & above and not shown & set(own) and not parts & set(name.lower().split())

        return sorted({name for name in names if absent(name)})

    def _in(self, senses: Iterable[str], files: Iterable[int]) -> list[str]:
        return [one for one in senses if self.nouns.file(one) in files]

    def _senses(self, words: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._each(words)))

    def _each(self, words: Iterable[str]) -> Iterator[str]:
        for word in words:
            form = word.lower().replace(" ", "_")
            yield from self.nouns.senses(form)
            yield from self.nouns.senses(form.removesuffix("s"))
