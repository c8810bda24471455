"""A gallery whose labels can be learned: pictures are points around a centre for each label, words are random."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import record_id
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.sketches import sketch
from milvise.embeddings.devise.top_classes import class_probabilities, encode
from milvise.training.train import Report, TrainOptions, train_head

LABELS = ("cat", "dog", "sofa", "dining_table", "queen", "king", "xyzzy")
VISUAL_DIM, WORD_DIM, EACH = 24, 12, 40
WORDS = ("cat", "dog", "sofa", "dining", "table", "queen", "king", "tree", "sky")
CLASSES = ("cat", "dog", "tree", "sky")
BACKBONE = {"backbone": "trained_world", "weights": "none"}


def random(rows: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)


CENTRES = random(len(LABELS), VISUAL_DIM, 1)
WORD_VECTORS = dict(zip(WORDS, unit(random(len(WORDS), WORD_DIM, 2)), strict=True))


def pictures(each: int = EACH) -> Iterator[dict[str, Any]]:
    noise = np.random.default_rng(3)
    for number in range(each * len(LABELS)):
        label = LABELS[number % len(LABELS)]
        uri = f"{label}/{number}.jpg"
        vector = CENTRES[number % len(LABELS)] + 0.4 * noise.normal(size=VISUAL_DIM).astype(np.float32)
        yield {
            "id": record_id(uri), "uri": uri, "label": label, "sha256": f"{number:064x}", "width": 1, "height": 1,
            "meta": {}, "vector": vector,
        }  # fmt: skip


def put(store: Store, manifest: Manifest, rows: Iterable[dict[str, Any]], index: str = "flat") -> None:
    collection = store.build(manifest)
    collection.upsert(rows)
    store.publish(store.finish(collection, IndexSpec.parse(index)))


def put_trained_world(store: Store, gallery: str = "t", each: int = EACH, *, seen: bool = True) -> None:
    """Load words, classes and a visual collection, in which what was `seen` stands with the pictures or not; no joint one."""
    put_world_words(store)
    weights = np.stack([3 * CENTRES[0], 3 * CENTRES[1], *random(2, VISUAL_DIM, 5)]) / VISUAL_DIM**0.5
    classifier = Classes(CLASSES, weights, np.zeros(len(CLASSES), np.float32)).content_hash()
    put(
        store,
        Manifest("classes_trained_world", "classes", VISUAL_DIM, {"visual": BACKBONE, "classifier": classifier}),
        ({"name": name, "index": i, "bias": 0.0, "vector": weights[i]} for i, name in enumerate(CLASSES)),
    )
    rows = list(pictures(each))
    vectors = np.stack([row["vector"] for row in rows])
    columns = zip(encode(class_probabilities(vectors, weights, np.float32(0))), sketch(vectors), strict=True)
    stored = [{**row, "top_classes": top, "sketch": drawn} for row, (top, drawn) in zip(rows, columns, strict=True)]
    put(store, Manifest(f"{gallery}_visual", "visual", VISUAL_DIM, BACKBONE, top_classes=seen), stored)


def put_world_words(store: Store, seed: int | None = None) -> None:
    vectors = WORD_VECTORS if seed is None else dict(zip(WORDS, unit(random(len(WORDS), WORD_DIM, seed)), strict=True))
    rows = ({"word": word, "rank": rank, "vector": vectors[word]} for rank, word in enumerate(WORDS))
    put(
        store, Manifest("words", "words", WORD_DIM, {"words": "trained world", "count": len(WORDS), "seed": seed}), rows
    )


def drop_trained_world(store: Store, gallery: str = "t") -> None:
    for alias in ("words", "classes_trained_world", "hierarchy_trained_world", f"{gallery}_visual", f"{gallery}_joint"):
        store.drop(alias)


def trained(store: Store, out: Path, kind: str = "linear", gallery: str = "t", **options: Any) -> Report:
    return train_head(store, gallery=gallery, out=out, options=TrainOptions(kind=kind, **{"epochs": 20, **options}))
