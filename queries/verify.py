"""Whether a gallery is whole: the same pictures in both collections, sound vectors, models that belong together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from milvise.adapter import Collection, Store
from milvise.adapter.rows import check_vector
from milvise.chunks import chunks
from milvise.errors import NotFoundError, VectorError

_ROWS = 1_000


def problems(store: Store, gallery: str) -> Iterator[str]:
    """Yield what is wrong with a gallery, a sentence each; nothing where it is whole.

    Rows are read as streams, a thousand at a time.

    Raises
    ------
    NotFoundError
        If there is no such gallery.
    """
    visual, joint = store.live(f"{gallery}_visual"), store.live(f"{gallery}_joint")
    if visual is None:
        raise NotFoundError(f"there is no gallery {gallery!r}.")
    yield from _fingerprints(store, visual, joint)
    for collection in (visual, joint):
        if collection is not None:
            yield from _vectors(collection)
    if joint is not None:
        yield from _differences(visual, joint)
        yield from _differences(joint, visual)


def _fingerprints(store: Store, visual: Collection, joint: Collection | None) -> Iterator[str]:
    made = dict(visual.manifest.fingerprint)
    classes = store.live(f"classes_{made.get('backbone')}")
    if classes is not None and dict(classes.manifest.fingerprint["visual"]) != made:
        yield "the classes that stand belong to another version of the backbone; load the gallery again to focus on them"
    if joint is None:
        return
    if dict(joint.manifest.fingerprint["visual"]) != made:
        yield "the joint vectors were made from other visual vectors than those that stand; load the gallery again"
    words = store.live("words")
    if words is None:
        yield "no words are loaded, so that the gallery cannot be searched by word"
    elif dict(words.manifest.fingerprint) != dict(joint.manifest.fingerprint["words"]):
        yield "the joint vectors were made with other words than those that stand; project the gallery anew"


def _vectors(collection: Collection) -> Iterator[str]:
    name, bad, read = collection.manifest.alias, 0, 0
    for row in collection.scan(["id", "vector"]):
        read += 1
        try:
            check_vector(np.asarray(row["vector"]), collection.manifest.dim, owner=row["id"])
        except VectorError:
            bad += 1
    if bad:
        yield f"{name}: {bad} vectors are of the wrong width, zero or not finite"
    if (counted := collection.count()) != read:
        yield f"{name}: {counted} rows are counted and {read} can be read: some keys stand twice"


def _differences(first: Collection, second: Collection) -> Iterator[str]:
    missing = different = 0
    for batch in chunks(first.scan(["id", "sha256"]), _ROWS):
        others: dict[str, dict[str, Any]] = second.get([row["id"] for row in batch], fields=["sha256"])
        missing += sum(row["id"] not in others for row in batch)
        different += sum(row["id"] in others and others[row["id"]]["sha256"] != row["sha256"] for row in batch)
    names = f"{first.manifest.alias} has", f"{second.manifest.alias}"
    if missing:
        yield f"{names[0]} {missing} pictures that {names[1]} lacks; load the gallery again"
    if different:
        yield f"{names[0]} {different} pictures in another version than {names[1]}; load the gallery again"
