"""What stands with pictures as seen in them, against the classes and the visual vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from milvise.adapter.schema import SKETCH, TOP_CLASSES
from milvise.core.records import Row
from milvise.embeddings.devise.classes import Classes, stored_classes
from milvise.embeddings.devise.sketches import read_sketches, sketch
from milvise.embeddings.devise.top_classes import KEPT, LENGTH, class_probabilities, decode, encode
from milvise.gallery.verification.ground import Ground

TOLERANCE = 1e-3
"""How far a stored probability may be from the classifier's."""


def stored_beside(ground: Ground, *, sound: bool) -> Classes | None:
    """Return the classes by which to check what was seen in pictures, None where nothing stands with these, or no sound classes do."""
    visual, classes = ground.visual, ground.classes
    if visual is None or classes is None or not sound or not visual.manifest.top_classes:
        return None
    if dict(classes.manifest.fingerprint.get("visual", {})) != dict(visual.manifest.fingerprint):
        return None
    return stored_classes(classes.query('name != ""', fields=["name", "index", "bias", "vector"]))


def wrongly_seen(rows: Sequence[Row], classes: Classes | None) -> list[Row]:
    """Return the rows, with vectors, that do not hold what the classifier sees in them."""
    if classes is None or not rows:
        return []
    vectors = _vectors(rows)
    given = class_probabilities(vectors, classes.weights, classes.bias)
    return [
        row
        for row, wanted, drawn in zip(rows, given, sketch(vectors), strict=True)
        if not (_fits(row[TOP_CLASSES], wanted) and _drawn(row[SKETCH], drawn))
    ]


def seen_again(rows: Sequence[Row], classes: Classes) -> list[dict[str, Any]]:
    """Return rows with what the classifier sees in them."""
    vectors = _vectors(rows)
    seen = encode(class_probabilities(vectors, classes.weights, classes.bias))
    return [
        {**row, TOP_CLASSES: told, SKETCH: drawn} for row, told, drawn in zip(rows, seen, sketch(vectors), strict=True)
    ]


def _fits(text: str, wanted: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    if len(text) != LENGTH:
        return False
    try:
        stored = decode([text], len(wanted))[0]
    except ValueError:
        return False
    # The least of those that are kept may be another one, as likely.
    likely = np.sort(wanted)[-KEPT:][0] + TOLERANCE
    clear = wanted > likely
    return bool(
        np.abs(stored - wanted)[clear].max(initial=0) <= TOLERANCE
        and stored[~clear].max(initial=0) <= likely + TOLERANCE
    )


def _drawn(text: str, wanted: str) -> bool:
    try:
        return len(text) == len(wanted) and bool(
            (read_sketches([text]) @ read_sketches([wanted])[0])[0] >= 1 - TOLERANCE
        )
    except ValueError:
        return False


def _vectors(rows: Sequence[Row]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray([row["vector"] for row in rows], dtype=np.float32)
