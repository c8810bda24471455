"""What a head learns from: stored visual vectors and the word vectors of their labels, streamed from a gallery.

Milvus is read once. The vectors go through to a file that is mapped into memory, so that training can pass over them many
times in any order, and no more of them is held than a batch; what else is known of a picture costs six bytes.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Collection as Container
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.core.arrays import Floats
from milvise.embeddings.words.phrases import lookups, phrase_vector
from milvise.errors import InputError, UsageError
from milvise.queries.vocabulary.spelling import closest

Places = np.ndarray[Any, np.dtype[np.int64]]

TRAIN, HELD_BACK, UNSEEN = 0, 1, 2

FOLDS = 2


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled pictures.

    Attributes
    ----------
    vectors : ndarray of shape (pictures, visual width), float32
        Mapped from a file.
    labels : ndarray of shape (pictures,), int32
        Index into `targets` and `names`.
    parts : ndarray of shape (pictures,), uint8
        ``TRAIN``, ``HELD_BACK`` (of trained labels, never trained on) or ``UNSEEN`` (of labels never trained on).
    targets : ndarray of shape (labels, words' width), float32
        Unit vectors of the labels; labels with one and the same vector are one target.
    names : tuple of str
        The label of each target; several are joined by ``" / "``.
    without_vector : dict of str to int
        Labels that the words do not know, and how many pictures they have; these are left out.
    unlabelled : int
        Pictures without a label, which are left out.
    by_feedback : int
        Pictures whose label is what people searched by when they liked them.
    folds : ndarray of shape (pictures,), uint8
        The half of each, see `fold_of`; empty where no head is trained from them.
    """

    vectors: Floats
    labels: np.ndarray[Any, np.dtype[np.int32]]
    parts: np.ndarray[Any, np.dtype[np.uint8]]
    targets: Floats
    names: tuple[str, ...]
    without_vector: dict[str, int]
    unlabelled: int
    by_feedback: int = 0
    folds: np.ndarray[Any, np.dtype[np.uint8]] = field(default_factory=lambda: np.zeros(0, np.uint8))

    def places(self, part: int) -> Places:
        """Return the positions of a part's pictures."""
        return np.flatnonzero(self.parts == part)

    def counts(self, part: int) -> dict[str, int]:
        """Return how many pictures of a part each of its labels has."""
        found = np.bincount(self.labels[self.parts == part], minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, found, strict=True) if count}


def collect(
    visual: Collection,
    words: Collection,
    file: Path,
    *,
    hold_out: Container[str] = (),
    held_back: float = 0.1,
    seed: int = 0,
    filter: str = "",
    feedback: Mapping[str, str] = {},
) -> Examples:
    """Read a gallery's labelled pictures.

    Parameters
    ----------
    visual, words : Collection
        The gallery's visual collection and the words.
    file : Path
        Where to put the vectors.
    hold_out : collection of str
        Labels that are not to be trained on.
    held_back : float
        Share of the trained labels' pictures that are kept for early stopping, see `is_held_back`.
    filter : str
        A Milvus expression: only these pictures.
    feedback : mapping of str to str
        By primary key: words that stand in place of a picture's label.

    Raises
    ------
    UsageError
        If a label to hold out is not in the gallery.
    InputError
        If fewer than two labels can be trained on.
    """
    known: dict[str, int] = {}
    labels, parts, folds = array("i"), array("B"), array("B")
    unlabelled = by_feedback = 0
    with file.open("wb") as vectors:
        for row in visual.scan(["id", "label", "sha256", "vector"], filter=filter):
            label = feedback.get(row["id"], row["label"])
            by_feedback += row["id"] in feedback
            if not label:
                unlabelled += 1
                continue
            vectors.write(np.asarray(row["vector"], dtype=np.float32).tobytes())
            labels.append(known.setdefault(label, len(known)))
            parts.append(HELD_BACK if is_held_back(row["sha256"], held_back, seed) else TRAIN)
            folds.append(fold_of(row["sha256"], seed))
    for name in hold_out:
        if name not in known:
            near = ", ".join(closest(name, sorted(known)))
            raise UsageError(
                f"no picture has the label {name!r}, which is to be held out. Close spellings: {near or 'none'}."
            )
    targets, names, target_of = _targets(words, list(known))
    numbers, divided = np.asarray(labels, np.int32), np.asarray(parts, np.uint8)
    own = target_of[numbers]
    # Labels that mean the same as one that is held out are held out too.
    divided[np.isin(own, target_of[[known[name] for name in hold_out]])] = UNSEEN
    # A label is trained on with all its pictures where the split would leave it none.
    divided[(divided == HELD_BACK) & ~np.isin(own, own[divided == TRAIN])] = TRAIN
    kept = own >= 0
    counts = np.bincount(numbers, minlength=len(known))
    without = {label: int(counts[index]) for label, index in known.items() if target_of[index] < 0}
    mapped = _mapped(file, visual.manifest.dim)
    if not kept.all():
        mapped = _without(mapped, kept, file)
    examples = Examples(
        mapped, own[kept], divided[kept], targets, names, without, unlabelled, by_feedback,
        np.asarray(folds, np.uint8)[kept],
    )  # fmt: skip
    if len(trained := examples.counts(TRAIN)) < 2:
        raise InputError(
            "a head learns from pictures with different labels.\nExpected: two labels or more that the words know\n"
            f"Received: {len(trained)} ({unlabelled} pictures without a label, {len(without)} labels without a word"
            f" vector{': ' + ', '.join(list(without)[:5]) if without else ''})"
        )
    return examples


def is_held_back(sha256: str, share: float, seed: int) -> bool:
    """Return whether a picture is kept out of training: by its content, so that copies of it never stand on both sides."""
    return int.from_bytes(_digest(sha256, seed)[:8], "big") < share * 2**64


def fold_of(sha256: str, seed: int) -> int:
    """Return the half of a picture, 0 or 1: by its content as well, and whether or not it is held back."""
    return _digest(sha256, seed)[8] % FOLDS


def _digest(sha256: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{sha256}".encode()).digest()


def _targets(
    words: Collection, labels: Sequence[str]
) -> tuple[Floats, tuple[str, ...], np.ndarray[Any, np.dtype[np.int32]]]:
    """Return the labels' distinct vectors, their names, and the target of each label (-1: the words do not know it)."""
    vectors = words.vectors(list(dict.fromkeys(form for label in labels for form in lookups(label))))
    distinct: dict[bytes, int] = {}
    found: list[Floats] = []
    names: list[list[str]] = []
    target_of = np.full(len(labels), -1, np.int32)
    for index, label in enumerate(labels):
        vector = phrase_vector(label, vectors)
        if vector is None:
            continue
        target = distinct.setdefault(vector.tobytes(), len(distinct))
        target_of[index] = target
        if target == len(found):
            found.append(vector)
            names.append([])
        names[target].append(label)
    targets = np.stack(found) if found else np.zeros((0, words.manifest.dim), np.float32)
    return targets, tuple(" / ".join(joined) for joined in names), target_of


def _mapped(file: Path, dim: int) -> Floats:
    if file.stat().st_size == 0:
        return np.zeros((0, dim), np.float32)
    return np.memmap(file, np.float32, "r").reshape(-1, dim)


def _without(vectors: Floats, kept: np.ndarray[Any, np.dtype[np.bool_]], file: Path) -> Floats:
    """Return a copy, mapped from another file, of the rows that are kept."""
    smaller = file.with_suffix(".kept")
    with smaller.open("wb") as out:
        for row in np.flatnonzero(kept):
            out.write(vectors[row].tobytes())
    return _mapped(smaller, vectors.shape[1])
