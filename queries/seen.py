"""What the network saw in stored pictures: class probabilities, as they stand with the rows, or from the visual vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from milvise.adapter.schema import TOP_CLASSES
from milvise.embeddings.top_classes import LENGTH, decode, encode
from milvise.errors import StoreError
from milvise.queries.match import FIELDS, Row
from milvise.queries.opened import Opened

Array = np.ndarray[Any, np.dtype[np.float32]]


def picture_fields(now: Opened) -> tuple[str, ...]:
    """Return the fields to read of pictures whose probabilities will be wanted: `FIELDS`, and the texts where rows hold them."""
    return (*FIELDS, TOP_CLASSES) if now.visual.manifest.top_classes else FIELDS


def plain(row: Mapping[str, Any]) -> Row:
    """Return a row without what only scores are made of."""
    return {name: value for name, value in row.items() if name not in (TOP_CLASSES, "vector")}


def seen_in(now: Opened, rows: Sequence[Mapping[str, Any]]) -> Array:
    """Return the class probabilities, shape (n, classes), of pictures, those of the likeliest 30 classes.

    Of galleries that were made before these were stored with the pictures, the visual vectors are read in one call, of those rows that
    come without.

    Parameters
    ----------
    rows : sequence of dict
        With ``id``, and `picture_fields` or ``vector``. In a picture that is gone by now nothing was seen.

    Raises
    ------
    StoreError
        If one of the texts is damaged.
    """
    mixture = now.mixture
    found = np.zeros((len(rows), len(mixture.labels)), dtype=np.float32)
    stored = [place for place, row in enumerate(rows) if len(row.get(TOP_CLASSES, "")) == LENGTH]
    if stored:
        try:
            found[stored] = decode([rows[place][TOP_CLASSES] for place in stored], len(mixture.labels))
        except ValueError as error:
            raise StoreError(
                f"what was seen in some pictures of the gallery {now.name!r} cannot be read: {error}. Make it again:"
                f" milvise verify --repair --gallery {now.name}"
            ) from error
    if len(stored) == len(rows):
        return found
    told = set(stored)
    vectors = {row["id"]: row["vector"] for row in rows if "vector" in row}
    lacking = {row["id"]: place for place, row in enumerate(rows) if place not in told}
    unread = [key for key in lacking if key not in vectors]
    vectors |= now.visual.vectors(unread) if unread else {}
    there = [key for key in lacking if key in vectors]
    if there:
        given = np.asarray([vectors[key] for key in there], dtype=np.float32)
        # As they would be stored: where a picture stands does not depend on when its gallery was made.
        kept = decode(encode(mixture.probabilities(given)), len(mixture.labels))
        found[[lacking[key] for key in there]] = kept
    return found
