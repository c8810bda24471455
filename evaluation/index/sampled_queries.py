"""What to ask a gallery's two spaces: words as users type them, and stored pictures; two samples of each."""

from __future__ import annotations

import numpy as np

from milvise.core.arrays import Floats, unit
from milvise.core.spaces import JOINT, VISUAL
from milvise.evaluation.index.exact_search import Questions
from milvise.queries.evaluation_reads import GalleryReader
from milvise.queries.vocabulary.word_vectors import FREQUENT

_SEED = 0


def questions_for(reading: GalleryReader, space: str, count: int) -> tuple[Questions, Questions]:
    """Return two samples that share no query, `count` each where there are enough.

    For ``joint``: frequent words, and the mean of two of them for every second query, which is harder for an index. For
    ``visual``: stored pictures, which leave themselves out of the answer.
    """
    return _words(reading, count) if space == JOINT else _pictures(reading, count)


def _words(reading: GalleryReader, count: int) -> tuple[Questions, Questions]:
    # Three words make two queries: a single one and a pair.
    vectors = reading.sample_words(3 * count, among=FREQUENT, seed=_SEED)
    half = len(vectors) // 2
    return _one_and_two(vectors[:half]), _one_and_two(vectors[half:])


def _one_and_two(vectors: Floats) -> Questions:
    singles = vectors[0::3]
    pairs = unit(unit(vectors[1::3])[: len(vectors[2::3])] + unit(vectors[2::3]))
    return Questions(np.concatenate([singles, pairs]))


def _pictures(reading: GalleryReader, count: int) -> tuple[Questions, Questions]:
    chosen, vectors = reading.space(VISUAL).standing(reading.sample(2 * count))
    count = min(count, len(chosen) // 2)
    everything = Questions(vectors[: 2 * count], tuple(chosen[: 2 * count]))
    return everything.part(0, count), everything.part(count, 2 * count)
