"""The pictures: the same rows in both collections, sound vectors, and joint vectors that are the head's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.adapter.rows import check_vector
from milvise.core.arrays import Floats
from milvise.core.chunks import chunks
from milvise.core.records import Row
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.network import Head
from milvise.errors import MilviseError, VectorError
from milvise.gallery.models import head_of
from milvise.gallery.verification.ground import Ground
from milvise.gallery.verification.record import Notes, many, mend
from milvise.gallery.verification.seen import wrongly_seen

ROWS = 1_000
TOLERANCE = 1e-4
"""How far a value of a stored joint vector may be from the head's; `milvise.gallery.project` allows as much."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Up to a thousand pictures, compared.

    Attributes
    ----------
    rows : list of dict
        The visual rows with a sound vector.
    unsound : list of str
        Keys of visual rows whose vector is of the wrong width, not finite, or zero.
    unlike : list of dict
        Those of `rows` that are not said to show what the classifier sees.
    joint : mapping of str to dict
        The joint rows, by key.
    wrong : dict of str to set of str
        What is wrong with joint rows, by kind: keys that are ``missing``, of another file (``version``), with another label
        or other metadata (``label``), whose vector is unsound (``vector``) or not the head's (``joint_vector``).
    """

    rows: list[Row]
    unsound: list[str]
    unlike: list[Row] = field(default_factory=list)
    joint: Mapping[str, Row] = field(default_factory=dict)
    wrong: dict[str, set[str]] = field(default_factory=dict)


def compare(
    visual: Collection, joint: Collection | None, head: Head | None, classes: Classes | None = None
) -> Iterator[Compared]:
    """Yield all pictures, a thousand at a time; each thousand costs a call or two."""
    fields = [*visual.room.fields, "vector"]
    if joint is not None:
        # One strong read: what others wrote is seen by all reads behind it.
        joint.count()
    for batch in chunks(visual.scan(fields), ROWS):
        unsound = {row["id"] for row in batch if not is_sound(row, visual.manifest.dim)}
        rows = [row for row in batch if row["id"] not in unsound]
        if joint is None:
            yield Compared(rows, sorted(unsound), wrongly_seen(rows, classes))
            continue
        stored = joint.get([row["id"] for row in batch], fields=[*joint.room.fields, "vector"], own_writes=True)
        yield Compared(
            rows, sorted(unsound), wrongly_seen(rows, classes), stored, _wrong(rows, stored, joint.manifest.dim, head)
        )


def is_sound(row: Mapping[str, Any], dim: int) -> bool:
    """Return whether the vector of a row can be compared with others."""
    try:
        check_vector(row["vector"], dim, owner="a picture")
    except VectorError:
        return False
    return True


def check_pictures(
    visual: Collection,
    joint: Collection | None,
    head: Head | None,
    classes: Classes | None,
    gallery: str,
    notes: Notes,
) -> None:
    """Check all pictures, read as a stream."""
    read = unsound = unlike = stored = compared = 0
    wrong: dict[str, int] = {}
    for found in compare(visual, joint, head, classes):
        unlike += len(found.unlike)
        read += len(found.rows) + len(found.unsound)
        unsound += len(found.unsound)
        stored += len(found.joint)
        if joint is not None and head is not None:
            compared += len(found.joint.keys() & {row["id"] for row in found.rows})
        for kind, keys in found.wrong.items():
            wrong[kind] = wrong.get(kind, 0) + len(keys)
    notes.looked_at("visual rows", read)
    again, mended = f"milvise ingest images SOURCE --gallery {gallery}", mend(gallery)
    name = visual.manifest.alias
    if unsound:
        notes.problem(
            "vector",
            f"{name}: {many(unsound, 'vector')} of the wrong width, zero or not finite. Have them removed ({mended}), and load"
            f" the pictures again: {again}",
        )
    if unlike:
        notes.problem(
            "seen", f"{name} says of {many(unlike, 'picture')} that the network saw what it does not see: {mended}"
        )
    _check_doubles(visual, read, mended, notes)
    if joint is None:
        return
    other = joint.manifest.alias
    for kind, sentence in {
        "missing": f"{name} has {{}} that {other} lacks",
        "version": f"{name} has {{}} in another version than {other}",
        "label": f"{name} and {other} have another label, name, size or metadata for {{}}",
        "joint_vector": f"{other} has {{}} with a vector that the head does not give",
    }.items():
        if wrong.get(kind):
            notes.problem(kind, f"{sentence.format(many(wrong[kind], 'picture'))}. Make it again: {mended}")
    if wrong.get("vector"):
        notes.problem(
            "vector", f"{other}: {many(wrong['vector'], 'vector')} of the wrong width, zero or not finite: {mended}"
        )
    notes.looked_at("joint vectors compared with the head's", compared)
    _check_strays(visual, joint, stored, mended, notes)


def strays(visual: Collection, joint: Collection) -> Iterator[list[str]]:
    """Yield keys of joint rows that have no visual one, up to a thousand at a time."""
    for batch in chunks((row["id"] for row in joint.scan(["id"])), ROWS):
        done = visual.get(batch, fields=["id"], own_writes=True)
        yield [key for key in batch if key not in done]


def usable_head(ground: Ground, *, sound: bool) -> tuple[Head | None, str]:
    """Return the head that made the joint vectors, or None and why there is none here.

    Parameters
    ----------
    sound : bool
        Whether words and classes were found to be what they should be.
    """
    visual, joint, words = ground.visual, ground.joint, ground.words
    if visual is None or joint is None:
        return None, ""
    made = dict(joint.manifest.fingerprint)
    if words is None or made.get("words") != dict(words.manifest.fingerprint):
        return None, "the words that the joint vectors were made with do not stand"
    if made.get("visual") != dict(visual.manifest.fingerprint):
        return None, "the joint vectors were made from other visual vectors"
    if not isinstance(made.get("head"), Mapping):
        return None, "the manifest does not say which head made the joint vectors"
    if not sound:
        return None, "words or classes are damaged"
    if made["head"].get("kind") == "conse":
        classes = ground.classes
        if classes is None or made["head"].get("classes") != classes.manifest.fingerprint.get("classifier"):
            return None, "the classes that the joint vectors were made with do not stand"
    try:
        return head_of(ground.store, visual, joint, words), ""
    except (MilviseError, OSError) as error:
        return None, f"their head is not on this machine: {error}"


def _wrong(rows: list[Row], stored: Mapping[str, Row], dim: int, head: Head | None) -> dict[str, set[str]]:
    wrong: dict[str, set[str]] = {kind: set() for kind in ("missing", "version", "label", "vector", "joint_vector")}
    sound: list[Row] = []
    for row in rows:
        key = row["id"]
        other = stored.get(key)
        if other is None:
            wrong["missing"].add(key)
            continue
        if row["sha256"] != other["sha256"]:
            wrong["version"].add(key)
        elif any(row[name] != value for name, value in other.items() if name != "vector"):
            wrong["label"].add(key)
        if not is_sound(other, dim):
            wrong["vector"].add(key)
        elif row["sha256"] == other["sha256"]:
            sound.append(row)
    if head is not None and sound:
        given = head(_vectors(sound))
        apart = np.abs(given - _vectors([stored[row["id"]] for row in sound])).max(axis=1)
        wrong["joint_vector"] = {row["id"] for row, far in zip(sound, apart, strict=True) if not far <= TOLERANCE}
    return wrong


def _vectors(rows: list[Row]) -> Floats:
    return np.asarray([row["vector"] for row in rows], dtype=np.float32)


def _check_doubles(collection: Collection, read: int, mended: str, notes: Notes) -> None:
    counted = collection.count()
    if counted > read:
        notes.problem(
            "duplicate",
            f"{collection.manifest.alias}: {counted:,} rows are counted and {read:,} can be read, so that some keys stand twice:"
            f" {mended}",
        )
    elif counted < read:
        notes.remark("changing", f"{collection.manifest.alias} was written to while it was read; verify it again.")


def _check_strays(visual: Collection, joint: Collection, stored: int, mended: str, notes: Notes) -> None:
    """Look for joint rows without a visual one, which there can be only where there are more than were found."""
    counted = joint.count()
    notes.looked_at("joint rows", counted)
    if counted == stored:
        return
    alone = read = 0
    for batch in chunks((row["id"] for row in joint.scan(["id"])), ROWS):
        read += len(batch)
        alone += len(batch) - len(visual.get(batch, fields=["id"], own_writes=True))
    if alone:
        notes.problem(
            "stray", f"{joint.manifest.alias} has {many(alone, 'picture')} that {visual.manifest.alias} lacks: {mended}"
        )
    _check_doubles(joint, read, mended, notes)
