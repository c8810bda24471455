"""A gallery to evaluate: 2,000 pictures around the words of their labels, with two attributes and files of 40 of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from small_world import paint
from trained_world import put, random

from milvise.adapter import Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import record_id

GALLERY = "judged"
ROWS, DIM = 2_000, 16
LABELS = ("cat", "dog", "sofa", "dining_table", "queen", "xyzzy")
NAMED = ("cat", "dog", "sofa", "dining", "table", "queen", "nurse", "boss", "lazy", "man", "he", "his", "him")
OTHERS = tuple(f"word{number}" for number in range(300))
WORDS = dict(zip((*NAMED, *OTHERS), unit(random(len(NAMED) + len(OTHERS), DIM, 7)), strict=True))
BACKBONE = {"backbone": "evaluation_world", "weights": "none"}
MADE_WITH = {"words": "evaluation world"}
POOR = "hnsw:M=4,efConstruction=8,ef=10"
"""An index that finds too little, so that there is something to tune."""

TESTS = """
[queries]
occupations = ["nurse", "boss", "unheardof"]
traits = ["lazy"]

[tags]
unwanted = ["lazy"]

[[weat]]
name = "own"
x = ["cat", "dog", "sofa", "table"]
y = ["queen", "nurse", "boss", "lazy"]
a = ["man", "he", "his", "him"]
b = ["word0", "word1", "word2", "word3"]

[[image]]
name = "words"
a = ["man", "he", "his", "him"]
b = ["word0", "word1", "word2", "word3"]

[[image]]
name = "pictures"
a = { labels = ["cat"] }
b = { labels = ["dog"] }
"""


def centre(label: str) -> np.ndarray:
    if label == "dining_table":
        return unit(WORDS["dining"] + 2 * WORDS["table"])
    return WORDS.get(label, WORDS["word9"])


def rows(room: str) -> Iterator[dict[str, Any]]:
    noise = np.random.default_rng(11)
    for number in range(ROWS):
        label = LABELS[number % len(LABELS)]
        side = "left" if number // len(LABELS) % 2 else "right"
        vector = centre(label) + 0.35 * noise.normal(size=DIM)
        # Pictures of one side lie towards a word that has nothing to do with them.
        vector = vector + (0.8 * WORDS["nurse"] if side == "left" else 0)
        uri = f"{label}/{side}_{number}.png"
        yield {
            "id": record_id(uri), "uri": uri, "label": label, "sha256": f"{number:064x}", "width": 24, "height": 24,
            "meta": {"side": side, "things": [label, "queen"] if number % 4 == 0 else label},
            "vector": vector if room == "joint" else np.concatenate([vector, noise.normal(size=4) / 9]),
        }  # fmt: skip


def put_evaluation_world(store: Store, folder: Path) -> None:
    """Load words, classes and both collections; `folder` gets the first pictures as files."""
    word_rows = ({"word": word, "rank": rank, "vector": vector} for rank, (word, vector) in enumerate(WORDS.items()))
    put(store, Manifest("words", "words", DIM, MADE_WITH), word_rows)
    classes = {"visual": BACKBONE, "classifier": "none"}
    weights = [{"name": name, "index": i, "bias": 0.0, "vector": random(1, DIM + 4, i)[0]} for i, name in enumerate(("Cat", "tree"))]  # fmt: skip
    put(store, Manifest("classes_evaluation_world", "classes", DIM + 4, classes), weights)
    visual = Manifest(f"{GALLERY}_visual", "visual", DIM + 4, BACKBONE, sources=(str(folder),))
    put(store, visual, rows("visual"), "flat")
    made = {"visual": BACKBONE, "words": MADE_WITH, "head": {"kind": "conse"}}
    put(store, Manifest(f"{GALLERY}_joint", "joint", DIM, made), rows("joint"), POOR)
    for number, row in zip(range(40), rows("visual"), strict=False):
        paint(folder / row["uri"], number)


def drop_evaluation_world(store: Store) -> None:
    for alias in ("words", "classes_evaluation_world", f"{GALLERY}_visual", f"{GALLERY}_joint"):
        store.drop(alias)
