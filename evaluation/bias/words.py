"""The first layer of bias: associations between words, which a joint space inherits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.words.phrases import spellings
from milvise.evaluation.bias.association import association_test
from milvise.evaluation.bias.word_sets import WordTest
from milvise.evaluation.report.figures import Figure
from milvise.evaluation.report.section import Section, listed
from milvise.queries.evaluation_reads import GalleryReader

LEAST = 4
"""A set of fewer words of which the vocabulary has vectors is not tested."""

WHAT = "difference of the mean associations of x and y, divided by their standard deviation (Cohen's d)"


def associate_words(reading: GalleryReader, tests: Sequence[WordTest], part: Section) -> None:
    """Add the effect size and p-value of each test to a part."""
    rows = part.tables.setdefault("words", [])
    for test in tests:
        sides, missing = {}, []
        for side in "xyab":
            sides[side], lacking = look_up(reading, getattr(test, side))
            missing += lacking
        if small := [side for side, vectors in sides.items() if len(vectors) < LEAST]:
            part.not_measured.append(
                f"The word test {test.name}: the vocabulary has fewer than {LEAST} words of its set {small[0]}."
            )
            continue
        found = association_test(sides["x"], sides["y"], sides["a"], sides["b"])
        part.figures.append(
            Figure(f"bias.weat.{test.name}", found.effect, "near zero", "standard deviations", WHAT, p=found.p)
        )
        rows.append(
            {
                "test": test.name, "source": test.source, "effect": round(found.effect, 4), "p": found.p,
                "exact": found.exact, "words": {side: len(vectors) for side, vectors in sides.items()}, "missing": missing,
            }
        )  # fmt: skip
        if missing:
            part.not_measured.append(f"Words of the test {test.name} that the vocabulary lacks: {listed(missing)}.")


def look_up(reading: GalleryReader, words: Sequence[str]) -> tuple[Floats, list[str]]:
    """Return the unit vectors, shape (n, dim), of the words that the vocabulary has, and the words that it lacks."""
    known: dict[str, Any] = reading.entries([form for word in words for form in spellings(word)])
    found = {word: next((known[form] for form in spellings(word) if form in known), None) for word in words}
    vectors = [vector for vector in found.values() if vector is not None]
    dim = reading.words.dim if reading.words is not None else 0
    return np.stack(vectors) if vectors else np.zeros((0, dim), np.float32), [
        word for word, vector in found.items() if vector is None
    ]
