"""A small tree of nouns with four classes in it, and a gallery of forty pictures of these, some of whose words are no vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from trained_world import put, random

from milvise.adapter import Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import record_id
from milvise.embeddings.wordnet.hierarchy import VERSION, Hierarchy
from milvise.embeddings.wordnet.hierarchy_rows import to_rows
from milvise.embeddings.wordnet.make_hierarchy import make_hierarchy, synsets_of
from milvise.embeddings.wordnet.nouns import Nouns
from milvise.gallery.names import hierarchy_of

TABLE = """\
00000001 3 - entity
00000002 5 00000001 animal
00000003 5 00000002 dog pointer setter
00000004 5 00000003 poodle
00000005 5 00000003 beagle
00000006 5 00000002 cat
00000007 6 00000001 tool setter
00000008 6 00000007 hammer
00000009 6 00000007 stapler
00000010 6 00000007 pointer

pointer 00000010 00000003
setter 00000003 00000007

mice mouse
"""
CLASSES = ("poodle", "beagle", "cat", "hammer")
DIM, WORD_DIM, EACH = 16, 12, 10
WORDS = (*CLASSES, "dog", "dogs", "pointer", "setter", "entity", "tree", "sofa", "the")
VECTORS = dict(zip(WORDS, unit(random(len(WORDS), WORD_DIM, 21)), strict=True))
WEIGHTS = 4 * unit(random(len(CLASSES), DIM, 22))
BACKBONE = {"backbone": "noun_world", "weights": "none"}
MADE_WITH = {"words": "noun world", "count": len(WORDS)}
GALLERY = "n"


def tree() -> Hierarchy:
    nouns = Nouns(TABLE)
    return make_hierarchy(nouns, synsets_of(CLASSES, nouns))


def rows(room: str, each: int = EACH) -> Iterator[dict[str, Any]]:
    noise = np.random.default_rng(23)
    for number in range(each * len(CLASSES)):
        name = CLASSES[number % len(CLASSES)]
        uri = f"{number}.jpg"
        centre = VECTORS[name] if room == "joint" else WEIGHTS[number % len(CLASSES)]
        yield {
            "id": record_id(uri), "uri": uri, "label": "", "sha256": f"{number:064x}", "width": number, "height": 1,
            "meta": {}, "vector": centre + (0.15 if room == "joint" else 0.3) * noise.normal(size=len(centre)).astype(np.float32),
        }  # fmt: skip


def put_noun_world(store: Store, *, nouns: bool = True, each: int = EACH, classes: int = len(CLASSES)) -> None:
    """Load words, classes with or without their hierarchy, and both collections.

    Without it the backbone has another name, because a machine keeps the hierarchy of classes that it has read once.
    """
    backbone = BACKBONE | {"nouns": nouns, "classes": classes}
    spoken = ({"word": word, "rank": rank, "vector": VECTORS[word]} for rank, word in enumerate(WORDS))
    put(store, Manifest("words", "words", WORD_DIM, MADE_WITH), spoken)
    made = Manifest("classes_noun_world", "classes", DIM, {"visual": backbone, "classifier": "none"})
    named = list(enumerate(CLASSES[:classes]))
    put(store, made, ({"name": name, "index": i, "bias": 0.0, "vector": WEIGHTS[i]} for i, name in named))
    if nouns:
        put_nouns(store)
    put(store, Manifest(f"{GALLERY}_visual", "visual", DIM, backbone), rows("visual", each))
    head = {"visual": backbone, "words": MADE_WITH, "head": {"kind": "made by hand"}}
    put(store, Manifest(f"{GALLERY}_joint", "joint", WORD_DIM, head), rows("joint", each))


def put_nouns(store: Store) -> None:
    """Load the hierarchy of the classes that stand."""
    live = store.live("classes_noun_world")
    assert live is not None
    put(store, hierarchy_of(live.manifest, VERSION), ({**row, "vector": [1.0, 0.0]} for row in to_rows(tree())))


def drop_noun_world(store: Store) -> None:
    for alias in ("words", "classes_noun_world", "hierarchy_noun_world", f"{GALLERY}_visual", f"{GALLERY}_joint"):
        store.drop(alias)
