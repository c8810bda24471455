"""Tags: what is sure of pictures by the class hierarchy, then the words closest to their joint vectors."""

from __future__ import annotations

import numpy as np

from milvise.adapter.collection import MOST_HITS
from milvise.adapter.escape import both, is_in
from milvise.core.arrays import Floats, unit
from milvise.core.chunks import chunks
from milvise.core.records import WordHit, distance
from milvise.core.stages import staged
from milvise.embeddings.wordnet.hierarchy import Hierarchy
from milvise.errors import FingerprintError, ModelError, NotFoundError, ReplacedError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.ranking.sure_classes import GUESS, SURE, SureWord
from milvise.queries.vocabulary.word_vectors import nearest_words

MOST_NAMES = 5
"""Names of a picture: half of the tags that are shown where nobody says how many."""

CLOSE = 0.1
"""The least cosine of a guess with the joint vector: without it a pizza is matter and an implement."""

_ENTRIES = 1_000


def can_hedge(now: OpenCollections) -> bool:
    """Return whether the gallery's backbone has classes in a hierarchy."""
    try:
        return now.hierarchy is not None and now.mixture.tells_apart
    except ReplacedError:
        raise
    except (NotFoundError, FingerprintError, ModelError):
        return False


@staged("ranking")
def tagged(
    now: OpenCollections, joint: Floats, visual: Floats | None = None, *, limit: int, among: int, filter: str = ""
) -> list[list[WordHit]]:
    """Return the tags of pictures: at most five names with their probability, then the closest words.

    One search among the words; where there are names, and for each thousand of their spellings, one read of the words.

    Parameters
    ----------
    joint : ndarray of shape (pictures, words' width), float32
    visual : ndarray of shape (pictures, visual width), float32, optional
        As the backbone gave them; None where the classes have no hierarchy (`can_hedge`): then all tags are closest words.
    limit : int
        How many tags each picture gets.
    among : int
        The closest words are so many of the most frequent ones.
    filter : str
        A Milvus expression over ``word`` and ``rank``, which holds for names too.
    """
    check_limit(limit)
    frequent = both(filter, f"rank < {among}")
    if visual is None:
        return nearest_words(now.words, joint, limit=limit, filter=frequent)
    named = _named(now, joint, visual, filter)
    # A name takes the place of its own entry, and of its plural.
    wanted = min(MOST_HITS, limit + 2 * max(map(len, named), default=0))
    closest = nearest_words(now.words, joint, limit=wanted, filter=frequent)
    hierarchy = now.hierarchy
    return [_together(first, others, hierarchy)[:limit] for first, others in zip(named, closest, strict=True)]


def _named(now: OpenCollections, joint: Floats, visual: Floats, filter: str) -> list[list[WordHit]]:
    hedge, chances = now.hedge, now.mixture.probabilities(visual)
    # A trained head has learned the gallery's own labels, of which the backbone's guesses know nothing.
    guess = SURE if now.is_trained else GUESS
    ranks: dict[str, int] = {}
    vectors: dict[str, Floats] = {}
    for some in chunks(hedge.entries(chances, guess=guess), _ENTRIES):
        for row in now.words.query(both(filter, is_in("word", some)), fields=["word", "rank", "vector"]):
            ranks[row["word"]] = int(row["rank"])
            vectors[row["word"]] = np.asarray(row["vector"], dtype=np.float32)
    return [
        _close([_hit(one, float(unit(vectors[one.word]) @ target)) for one in names])
        for names, target in zip(hedge.names(chances, ranks, guess=guess), unit(joint), strict=True)
    ]


def _hit(named: SureWord, similarity: float) -> WordHit:
    return WordHit(named.word, similarity, distance(similarity), named.probability)


def _close(hits: list[WordHit]) -> list[WordHit]:
    return [hit for hit in hits if (hit.probability or 0.0) >= SURE or hit.similarity >= CLOSE][:MOST_NAMES]


def _together(named: list[WordHit], closest: list[WordHit], hierarchy: Hierarchy | None) -> list[WordHit]:
    taken = {hit.word for hit in named}
    if not taken or hierarchy is None:
        return closest
    return named + [hit for hit in closest if taken.isdisjoint((hit.word, hierarchy.base(hit.word)))]
