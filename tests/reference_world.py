"""A gallery of 2,000 random vectors with words and classes, and brute-force answers in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from small_world import CLASSES

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.embeddings.phrases import unit
from milvise.queries.database import Database
from milvise.records import Hit, record_id

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


def reference_gallery(store: Store) -> Iterator[Database]:
    """Yield a database with the gallery ``r``, which is dropped afterwards."""

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
    visual = Manifest("r_visual", "visual", VISUAL_DIM, BACKBONE)
    put(visual, (picture(number, vector) for number, vector in enumerate(VISUAL)), "hnsw")
    joint = Manifest("r_joint", "joint", WORD_DIM, {"visual": BACKBONE, "words": WORDS_FINGERPRINT})
    put(joint, (picture(number, vector) for number, vector in enumerate(JOINT)), "flat")
    yield Database(store)
    for alias in ("words", "classes_reference", "r_visual", "r_joint"):
        store.drop(alias)


def closest(vectors: np.ndarray, query: np.ndarray, limit: int, keep: np.ndarray | None = None) -> list[int]:
    scores = unit(vectors) @ unit(query)
    if keep is not None:
        scores[~keep] = -2
    return [int(place) for place in np.argsort(-scores)[:limit]]


def numbers(hits: Sequence[Hit]) -> list[int]:
    return [int(hit.meta["number"]) for hit in hits]
