"""Searches of labelled pictures by meaning, and what they found: precision@10 capped, by set and by half of the words."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from answers import K, World, only
from everyday_words import half

import milvise
from milvise.errors import UnknownWordError

_AT_ONCE = 100


@dataclass(frozen=True)
class Question:
    """A text, the set whose pictures are searched ("" for all), the word that it says, and the paths that are right."""

    text: str
    part: str
    word: str
    right: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """The first paths, None where a word is unknown."""

    question: Question
    paths: tuple[str, ...] | None

    @property
    def known(self) -> bool:
        """Whether all words are known."""
        return self.paths is not None

    @property
    def found(self) -> int:
        """How many of the first paths are right."""
        return sum(path in self.question.right for path in self.paths or ())

    @property
    def precision(self) -> float:
        """Of the first paths, capped; 0 where a word is unknown."""
        return self.found / min(K, len(self.question.right))


def ask(world: World, questions: Sequence[Question], *, fix: bool = False) -> list[Answer]:
    """Return the answers, in order; the questions of a set are asked together."""
    parts: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        parts[question.part].append(question)
    found: dict[Question, tuple[str, ...] | None] = {}
    for part, own in parts.items():
        options = allowed(world.gallery.search_many, by="meaning", fix=fix, limit=K, filter=only(part) if part else "")
        for start in range(0, len(own), _AT_ONCE):
            some = own[start : start + _AT_ONCE]
            texts = [question.text for question in some]
            found |= zip(some, _searched(world.gallery, texts, options), strict=True)
    return [Answer(question, found[question]) for question in questions]


def allowed(method: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Return the options that a method has: those of the state before this benchmark are fewer."""
    return {name: value for name, value in options.items() if name in inspect.signature(method).parameters}


def _searched(gallery: milvise.Gallery, texts: Sequence[str], options: dict[str, Any]) -> list[tuple[str, ...] | None]:
    try:
        return [tuple(hit.uri for hit in hits) for hits in gallery.search_many(texts, **options)]
    except UnknownWordError:
        if len(texts) == 1:
            return [None]
    middle = len(texts) // 2
    return _searched(gallery, texts[:middle], options) + _searched(gallery, texts[middle:], options)


def mean(answers: Sequence[Answer]) -> float:
    """Return the mean precision; what is unknown counts 0."""
    return float(np.mean([one.precision for one in answers])) if answers else float("nan")


def by_half(answers: Sequence[Answer]) -> dict[str, float]:
    halves = [[one for one in answers if half(one.question.word) == side] for side in (0, 1)]
    return {
        "all": mean(answers),
        "known words": mean([one for one in answers if one.known]),
        "chosen on": mean(halves[0]),
        "reported": mean(halves[1]),
    }


def by_part(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    parts: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        parts[one.question.part].append(one)
    return parts


def labels(world: World, parts: Sequence[str]) -> list[Question]:
    return [
        Question(word, part, word, frozenset(paths)) for part in parts for word, paths in sorted(world.of[part].items())
    ]


@contextmanager
def changed(module: Any, **constants: Any) -> Iterator[None]:
    """Change constants of a module for a while."""
    before = {name: getattr(module, name) for name in constants}
    try:
        for name, value in constants.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
