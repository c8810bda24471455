"""A gallery of 2,000 random vectors with words and classes, and brute-force answers in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from small_world import CLASSES

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import Hit, record_id
from milvise.embeddings.devise.sketches import read_sketches, sketch
from milvise.embeddings.devise.top_classes import encode
from milvise.operations.database import Database

PICTURES, VISUAL_DIM, WORD_DIM = 2_000, 24, 12
WORDS = ["the", "'s", '"', "\\", "c++", "dog", "cat", "sofa", "dining", "table", "king", "man", "woman", "t-shirt"]
WORDS += [f"word{number}" for number in range(200)]


def random(rows: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)


VISUAL, JOINT = random(PICTURES, VISUAL_DIM, 1), unit(random(PICTURES, WORD_DIM, 2))
WORD_VECTORS = unit(random(len(WORDS), WORD_DIM, 3))
WEIGHTS = random(len(CLASSES), VISUAL_DIM, 4)
VECTOR = dict(zip(WORDS, WORD_VECTORS, strict=True))
BACKBONE = {"backbone": "reference", "weights": "none"}
WORDS_FINGERPRINT = {"words": "reference", "count": len(WORDS)}


def picture(number: int, vector: np.ndarray) -> dict[str, Any]:
    uri = f"folder/{number}.jpg"
    return {
        "id": record_id(uri), "uri": uri, "label": "even" if number % 2 == 0 else "odd", "width": number, "height": 1,
        "sha256": "the same file" if number in (5, 6, 7) else str(number),
        "meta": {"number": number, "owner": f"owner {number % 97}"}, "vector": vector,
    }  # fmt: skip


def reference_gallery(store: Store, *, pictures: int = PICTURES) -> Iterator[Database]:
    """Yield a database with the gallery ``r`` of the first so many pictures, which is dropped afterwards."""

    def put(manifest: Manifest, rows: Iterator[dict[str, Any]], index: str) -> None:
        collection = store.build(manifest)
        collection.upsert(rows)
        store.publish(store.finish(collection, IndexSpec.parse(index)))

    put(
        Manifest("words", "words", WORD_DIM, WORDS_FINGERPRINT),
        ({"word": word, "rank": rank, "vector": VECTOR[word]} for rank, word in enumerate(WORDS)),
        "flat",
    )
    put(
        Manifest("classes_reference", "classes", VISUAL_DIM, {"visual": BACKBONE, "classifier": "none"}),
        ({"name": name, "index": index, "bias": 0.5, "vector": WEIGHTS[index]} for index, name in enumerate(CLASSES)),
        "flat",
    )
    visual = Manifest("r_visual", "visual", VISUAL_DIM, BACKBONE, top_classes=True)
    texts, drawn = encode(probabilities()), sketch(VISUAL)
    put(
        visual,
        (
            {**picture(number, vector), "top_classes": texts[number], "sketch": drawn[number]}
            for number, vector in enumerate(VISUAL[:pictures])
        ),
        "hnsw",
    )
    joint = Manifest("r_joint", "joint", WORD_DIM, {"visual": BACKBONE, "words": WORDS_FINGERPRINT})
    put(joint, (picture(number, vector) for number, vector in enumerate(JOINT[:pictures])), "flat")
    yield Database(store)
    for alias in ("words", "classes_reference", "r_visual", "r_joint"):
        store.drop(alias)


SEEN = unit(VISUAL)
SHARE = 0.25
"""Of the joint cosine in the fused space."""

NAMES = np.stack([VECTOR["cat"], VECTOR["dog"], unit(VECTOR["dining"] + 2 * VECTOR["table"])])
NAMED = WEIGHTS[: len(NAMES)]
"""The fourth class has a name that the words do not know."""

PLACE = {name: place for place, name in enumerate(CLASSES[: len(NAMES)])}


def shares(word: str) -> np.ndarray:
    """The share of each class in a word: its own where it is one, else those with the most similar names."""
    if word in PLACE:
        return np.eye(len(CLASSES))[PLACE[word]]
    odds = np.exp(unit(NAMES - NAMES.mean(0)).astype(float) @ VECTOR[word] / 0.02)
    return np.append(odds / odds.sum(), 0.0)


def as_picture(word: str) -> np.ndarray:
    """A word among visual vectors."""
    return unit(shares(word) @ (WEIGHTS - WEIGHTS.mean(0)))


def fused(joint: np.ndarray, visual: np.ndarray) -> np.ndarray:
    """The fused similarity of every picture with two vectors."""
    return SHARE * JOINT @ unit(joint) + (1 - SHARE) * SEEN @ unit(visual)


def probabilities() -> np.ndarray:
    """The probability of each class in every picture."""
    logits = (VISUAL @ WEIGHTS.T + 0.5).astype(float)
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def stored() -> np.ndarray:
    """The same as a text holds it."""
    return np.rint(65_535 * probabilities()) / 65_535


def chances(word: str) -> np.ndarray:
    """The probability of a word's classes in every picture."""
    return np.minimum(stored() @ (shares(word) / shares(word).max()), 1)


@dataclass(frozen=True)
class Ranked:
    """The scores of a ranked search, looked up picture by picture.

    Attributes
    ----------
    scores : ndarray of shape (pictures,)
        Minus infinity for what is no candidate.
    of_all : ndarray of shape (pictures,)
        The same, were every picture a candidate.
    shares : dict of str to float
        How much each part counts.
    alone : ndarray of shape (pictures,)
        The scores of every picture without the first ones.
    """

    scores: np.ndarray
    of_all: np.ndarray
    shares: dict[str, float]
    alone: np.ndarray


RANGE = np.log(1.001 / 0.001)
KNOWN, GUESSED, BESIDE = (0.0, 0.8 * RANGE, 0.0), (0.4, 0.03 * RANGE, 2.0), (0.25, 0.0, 0.0)
"""How much the joint cosine, the classes and the first pictures count for a class, any other word, and a picture."""


def ranked(
    words: Mapping[str, float],
    joint: np.ndarray,
    visual: np.ndarray,
    *,
    pictures: float = 0.0,
    limit: int = 10,
    keep: np.ndarray | None = None,
) -> Ranked:
    """The ranked search for weighted words, whose vectors with everything beside them are `joint` and `visual`.

    The first pictures are taken from the first 100 of each list, and all candidates are the first `limit` of each. The head is none that
    the classes make, so that its list counts too.
    """
    trusts = [(abs(weight), KNOWN if word in PLACE else GUESSED) for word, weight in words.items()]
    whole = sum(weight for weight, _ in trusts) + pictures
    share, classes, alike = (
        sum(weight * trust[part] for weight, trust in [*trusts, (pictures, BESIDE)]) / whole for part in range(3)
    )
    counts = {"joint": share, "visual": 1 - share, "classes": classes, "alike": alike}
    counts = {name: count / sum(counts.values()) for name, count in counts.items()}
    cosines = JOINT @ unit(joint), SEEN @ unit(visual)
    evidence = np.zeros(PICTURES)
    for (word, weight), (size, trust) in zip(words.items(), trusts, strict=True):
        sure = 1 + np.log((chances(word) + 0.001) / 1.001) / RANGE
        evidence += sure * np.sign(weight) * size * trust[1] / sum(one * other[1] for one, other in trusts)
    alone = counts["joint"] * cosines[0] + counts["visual"] * cosines[1] + counts["classes"] * evidence
    fits = np.ones(PICTURES, bool) if keep is None else keep
    # Where the joint part counts nothing, only visual vectors are searched.
    searched = cosines if share else cosines[1:]
    lists = [np.argsort(-np.where(fits, each, -2))[: min(max(100, limit), fits.sum())] for each in searched]
    candidates = sorted({int(place) for each in lists for place in each})
    first = np.asarray(sorted({int(place) for each in lists for place in each[:100]}))
    scores = np.full(PICTURES, -np.inf)
    scores[candidates] = alone[candidates]
    if counts["alike"]:
        looks = read_sketches(sketch(VISUAL))
        best = looks[first[np.argsort(-alone[first])[:8]]]
        with_first = alone + counts["alike"] * looks @ unit(best.mean(0))
        scores[candidates] = with_first[candidates]
    else:
        with_first = alone
    return Ranked(scores, with_first, counts, alone / (1 - counts["alike"]))


def closest(vectors: np.ndarray, query: np.ndarray, limit: int, keep: np.ndarray | None = None) -> list[int]:
    scores = unit(vectors) @ unit(query)
    if keep is not None:
        scores[~keep] = -2
    return [int(place) for place in np.argsort(-scores)[:limit]]


def numbers(hits: Sequence[Hit]) -> list[int]:
    return [int(hit.meta["number"]) for hit in hits]
