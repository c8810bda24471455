"""Rows made again: joint ones from the visual ones, and visual ones that cannot be compared taken away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from milvise.adapter import Collection, Store
from milvise.adapter.escape import is_in
from milvise.core.chunks import chunks
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.network import Head
from milvise.gallery.verification.record import many
from milvise.gallery.verification.rows import ROWS, compare, is_sound, strays
from milvise.gallery.verification.seen import seen_again


def remove_pictures(store: Store, visual: Collection, joint: Collection | None, keys: Sequence[str]) -> None:
    """Delete pictures, the joint row first: only the visual row makes a picture count as done."""
    # A machine that remembers having loaded them must ask Milvus again.
    store.record(visual.manifest.changed(stamp=""))
    for collection in (joint, visual):
        if collection is not None:
            collection.delete(keys)


def repair_visual(store: Store, visual: Collection, joint: Collection | None, gallery: str) -> Iterator[str]:
    """Write visual rows that stand twice once, and remove those whose vector cannot be compared; say what was done."""
    alias = visual.manifest.alias
    doubles = _write_once(visual)
    if doubles:
        yield f"{alias}: {many(doubles, 'picture')} that stood twice written again once"
    unsound = [key for found in compare(visual, None, None) for key in found.unsound]
    if unsound:
        remove_pictures(store, visual, joint, unsound)
        yield removed(alias, len(unsound), gallery)
    if doubles or unsound:
        visual.settle()


def repair_seen(visual: Collection, classes: Classes) -> Iterator[str]:
    """Make what was seen in pictures again where it is not what the classifier sees; say what was done."""
    again = sum(
        visual.upsert(seen_again(found.unlike, classes))
        for found in compare(visual, None, None, classes)
        if found.unlike
    )
    if again:
        visual.settle()
        yield f"{visual.manifest.alias}: what was seen in {many(again, 'picture')} made again from the vectors"


def removed(alias: str, count: int, gallery: str) -> str:
    """Say that pictures were removed, and how they come back."""
    return (
        f"{alias}: {many(count, 'picture')} with a damaged vector removed, from the joint vectors too. Load them again:"
        f" milvise ingest images SOURCE --gallery {gallery}"
    )


def repair_joint(visual: Collection, joint: Collection, head: Head | None, why: str) -> Iterator[str]:
    """Make joint rows again that are missing, stale or damaged, and delete those of no picture; say what was done.

    Without a head, only what stands beside a sound vector can be made again.

    Parameters
    ----------
    why : str
        Why there is no head.
    """
    alias = joint.manifest.alias
    doubles = _write_once(joint)
    written = relabelled = left = 0
    for found in compare(visual, joint, head):
        stale = set[str]().union(*(found.wrong[kind] for kind in ("missing", "version", "vector", "joint_vector")))
        labels = found.wrong["label"] - stale
        rows = {row["id"]: row for row in found.rows}
        joint.upsert({**rows[key], "vector": found.joint[key]["vector"]} for key in sorted(labels))
        relabelled += len(labels)
        if stale and head is not None:
            made = head(np.asarray([rows[key]["vector"] for key in sorted(stale)], dtype=np.float32))
            joint.upsert({**rows[key], "vector": vector} for key, vector in zip(sorted(stale), made, strict=True))
            written += len(stale)
        else:
            left += len(stale)
    alone = 0
    if joint.count() != visual.count():
        for keys in strays(visual, joint):
            joint.delete(keys)
            alone += len(keys)
    if doubles:
        yield f"{alias}: {many(doubles, 'picture')} that stood twice written again once"
    if written:
        yield f"{alias}: {many(written, 'vector')} made again from the visual ones"
    if relabelled:
        yield f"{alias}: {many(relabelled, 'row')} given the label, size and metadata of the visual ones"
    if alone:
        yield f"{alias}: {many(alone, 'picture')} removed that {visual.manifest.alias} lacks"
    if left:
        yield f"{alias}: {many(left, 'vector')} could not be made again: {why}"
    if doubles or written or relabelled or alone:
        joint.settle()


def _write_once(collection: Collection) -> int:
    """Write rows whose key stands twice again, as they are read, which leaves one of each; return how many they were."""
    fields = [*collection.room.fields, "vector"]
    if collection.count() <= sum(1 for _ in collection.scan([collection.room.key])):
        return 0
    doubles: list[str] = []
    for batch in chunks((row[collection.room.key] for row in collection.scan([collection.room.key])), ROWS):
        doubles += _doubled(collection, list(dict.fromkeys(batch)))
    rows: dict[str, dict[str, Any]] = collection.get(doubles, fields=fields, own_writes=True)
    # A row that cannot be written is left to the search for damaged vectors.
    collection.upsert(row for row in rows.values() if is_sound(row, collection.manifest.dim))
    return len(doubles)


def _doubled(collection: Collection, keys: list[str]) -> list[str]:
    """Return those keys that stand twice: halves are counted until one is left."""
    if not keys or collection.count(is_in(collection.room.key, keys)) <= len(keys):
        return []
    if len(keys) == 1:
        return keys
    middle = len(keys) // 2
    return _doubled(collection, keys[:middle]) + _doubled(collection, keys[middle:])
