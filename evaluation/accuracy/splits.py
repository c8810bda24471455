"""Which labels count as seen: those that the head was trained on, and those that the backbone was.

Zero-shot means that neither had a picture with the label (Frome et al. 2013, section 4.2; Xian et al. 2018, section 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from milvise.embeddings.model_files.keras_file import read_record
from milvise.embeddings.words.phrases import tokens
from milvise.errors import FingerprintError
from milvise.queries.evaluation_reads import GalleryReader
from milvise.training.examples import is_held_back


@dataclass(frozen=True, slots=True)
class Split:
    """Seen and unseen labels.

    Attributes
    ----------
    trained : frozenset of str
        Labels that the head was trained on.
    known : frozenset of str
        Labels that are names of the backbone's classes, not trained on by the head.
    unseen : frozenset of str
        All others; empty where `reason` says that they cannot be told.
    reason : str
        Why seen and unseen cannot be told apart, ``""`` where they can.
    held_back : tuple of (float, int), optional
        Share and seed of the pictures of trained labels that the head was not trained on, see
        `milvise.training.examples.is_held_back`.
    """

    trained: frozenset[str]
    known: frozenset[str]
    unseen: frozenset[str]
    reason: str = ""
    held_back: tuple[float, int] | None = None

    @property
    def seen(self) -> frozenset[str]:
        """Labels that the head or the backbone had pictures of."""
        return self.trained | self.known

    def was_trained_on(self, label: str, sha256: str) -> bool:
        """Return whether the head was trained on a picture with this label."""
        return label in self.trained and not (self.held_back and is_held_back(sha256, *self.held_back))


def split_labels(reading: GalleryReader, labels: Iterable[str], head: Path | None = None) -> Split:
    """Tell seen labels from unseen ones.

    A class of the backbone makes a label seen if both name the same thing: ``tabby cat`` and ``tabby_cat``, but not ``cat``.

    Parameters
    ----------
    head : Path, optional
        Where the gallery's trained head lies on this machine, if not where it lay when the gallery was projected.

    Raises
    ------
    FingerprintError
        If the file is not the gallery's head.
    """
    labels = frozenset(labels)
    classes = {_name(name) for name in reading.class_names()}
    trained, held_back, reason = _trained_labels(reading, head)
    by_head = frozenset(label for label in labels if label in trained)
    known = frozenset(label for label in labels - by_head if _name(label) in classes)
    if not classes:
        reason = (
            reason or "the backbone's classes are not loaded, so that nobody can say which labels it was trained on"
        )
    return Split(by_head, known, frozenset() if reason else labels - by_head - known, reason, held_back)


def _trained_labels(reading: GalleryReader, path: Path | None) -> tuple[frozenset[str], tuple[float, int] | None, str]:
    if reading.joint is None:
        return frozenset(), None, "the gallery has no joint vectors"
    made = dict(reading.joint.fingerprint.get("head", {}))
    if not made:
        return frozenset(), None, "the gallery's encoder does not say which labels it was trained on"
    if made["kind"] == "conse":
        return frozenset(), None, ""
    file = path or Path(reading.joint.recipe.get("head", ""))
    record = read_record(file)
    if not record and path is None:
        reason = f"the head's file {file} is not on this machine, and only its record says what it was trained on"
        return frozenset(), None, f"{reason}: give it with --head FILE.keras"
    if record.get("weights") != made["weights"]:
        raise FingerprintError(
            f"{file} is not the head that the gallery was projected with.\nExpected: {made['weights']}\n"
            f"Received: {record.get('weights', 'no record')}"
        )
    trained_on = record["trained_on"]
    held_back = trained_on["held_back"]
    # Several labels with one and the same vector are one target, whose name lists them.
    labels = frozenset(part for name in trained_on["labels"] for part in name.split(" / "))
    return labels, (held_back["share"], held_back["seed"]), ""


def _name(text: str) -> str:
    return " ".join(tokens(text)).lower()
