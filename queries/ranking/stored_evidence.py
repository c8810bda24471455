"""What searches are ranked by, of stored pictures: class probabilities and looks, as they stand with the rows or from the visual vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.adapter.schema import SKETCH, TOP_CLASSES
from milvise.core.arrays import Floats
from milvise.core.records import Row
from milvise.embeddings.devise.sketches import AXES, read_sketches, sketch
from milvise.embeddings.devise.top_classes import decode, encode
from milvise.errors import StoreError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.ranking.match import BRIEF, FIELDS

_COLUMNS = (TOP_CLASSES, SKETCH)


@dataclass(frozen=True, slots=True)
class PictureEvidence:
    """What the network saw in pictures.

    Attributes
    ----------
    probabilities : ndarray of shape (n, classes)
        See `milvise.embeddings.devise.top_classes.decode`.
    looks : ndarray of shape (n, axes)
        See `milvise.embeddings.devise.sketches.read_sketches`.
    """

    probabilities: Floats
    looks: Floats

    def of(self, places: Sequence[int]) -> PictureEvidence:
        """Return it for some of the pictures."""
        return PictureEvidence(self.probabilities[list(places)], self.looks[list(places)])


def picture_fields(now: OpenCollections, *, brief: bool = False) -> tuple[str, ...]:
    """Return the fields to read of pictures that will be ranked: what was seen where rows hold it, and `FIELDS`, of which `BRIEF` is enough for a while."""
    fields = BRIEF if brief else FIELDS
    return (*fields, *_COLUMNS) if now.visual.manifest.top_classes else fields


def plain(row: Mapping[str, Any]) -> Row:
    """Return a row without what only scores are made of."""
    return {name: value for name, value in row.items() if name not in (*_COLUMNS, "vector")}


def seen_in(now: OpenCollections, rows: Sequence[Mapping[str, Any]]) -> PictureEvidence:
    """Return what the network saw in pictures.

    Of galleries that were made before it was stored with the pictures, the visual vectors are read in one call, of those rows that
    come without.

    Parameters
    ----------
    rows : sequence of dict
        With ``id``, and `picture_fields` or ``vector``. In a picture that is gone by now nothing was seen.

    Raises
    ------
    StoreError
        If what is stored is damaged.
    """
    classes = len(now.mixture.labels)
    found = PictureEvidence(np.zeros((len(rows), classes), np.float32), np.zeros((len(rows), AXES), np.float32))
    texts = {place: (row[TOP_CLASSES], row[SKETCH]) for place, row in enumerate(rows) if row.get(TOP_CLASSES)}
    lacking = {row["id"]: place for place, row in enumerate(rows) if place not in texts}
    texts |= {
        lacking[key]: told for key, told in _made(now, {key: rows[place] for key, place in lacking.items()}).items()
    }
    if texts:
        places = list(texts)
        try:
            found.probabilities[places] = decode([told for told, _ in texts.values()], classes)
            found.looks[places] = read_sketches([drawn for _, drawn in texts.values()])
        except ValueError as error:
            raise StoreError(
                f"what was seen in some pictures of the gallery {now.name!r} cannot be read: {error}. Make it again:"
                f" milvise verify --repair --gallery {now.name}"
            ) from error
    return found


def _made(now: OpenCollections, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return by primary key what would stand with pictures: where one stands does not depend on when its gallery was made."""
    vectors = {key: row["vector"] for key, row in rows.items() if "vector" in row}
    unread = [key for key in rows if key not in vectors]
    vectors |= now.visual.vectors(unread) if unread else {}
    there = [key for key in rows if key in vectors]
    if not there:
        return {}
    given = np.asarray([vectors[key] for key in there], dtype=np.float32)
    return dict(zip(there, zip(encode(now.mixture.probabilities(given)), sketch(given), strict=True), strict=True))
