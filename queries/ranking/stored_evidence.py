"""What searches are ranked by, of stored pictures: class probabilities and looks, as they stand with the rows or from the visual vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.adapter.schema import SKETCH, TOP_CLASSES
from milvise.core.records import Row
from milvise.embeddings.devise.sketches import sketch
from milvise.embeddings.devise.top_classes import encode
from milvise.errors import StoreError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.ranking.match import BRIEF, FIELDS
from milvise.queries.ranking.picture_evidence import PictureEvidence
from milvise.queries.whole.pictures import WholeGallery

_COLUMNS = (TOP_CLASSES, SKETCH)


def searched_fields(now: OpenCollections, *, brief: bool = False) -> tuple[str, ...]:
    """Return the fields that a search has to answer for pictures to be ranked: none where the gallery is known as a whole."""
    return picture_fields(now, brief=brief) if _whole(now) is None else ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pictures with what was seen in them.

    Attributes
    ----------
    places : mapping of str to int
        By primary key, where each one stands in the others.
    rows : sequence of dict
    seen : PictureEvidence
    """

    places: Mapping[str, int]
    rows: Sequence[Row]
    seen: PictureEvidence


def candidates(now: OpenCollections, keys: Set[str], rows: Mapping[str, Row]) -> Candidates:
    """Return pictures, and perhaps more; those that are gone by now are left out.

    Calls to Milvus: as `seen_in`; and where a gallery that is known as a whole has a new picture, one read.

    Parameters
    ----------
    keys : set of str
        Their primary keys.
    rows : mapping of str to dict
        By primary key, their `searched_fields` where there are any.
    """
    whole = _whole(now)
    if whole is not None:
        assert whole.evidence is not None
        if keys <= whole.places.keys():
            return Candidates(whole.places, whole.rows, whole.evidence)
        rows = now.visual.get(list(keys), fields=["id", *picture_fields(now)])
    found = list(rows.values())
    return Candidates(
        {key: place for place, key in enumerate(rows)}, [plain(row) for row in found], seen_in(now, found)
    )


def _whole(now: OpenCollections) -> WholeGallery | None:
    """Return the gallery where it is known as a whole, with what the network saw."""
    return None if now.whole is None or now.whole.evidence is None else now.whole


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
    found = PictureEvidence.of_nothing(len(rows))
    texts = {place: (row[TOP_CLASSES], row[SKETCH]) for place, row in enumerate(rows) if row.get(TOP_CLASSES)}
    lacking = {row["id"]: place for place, row in enumerate(rows) if place not in texts}
    texts |= {
        lacking[key]: told for key, told in _made(now, {key: rows[place] for key, place in lacking.items()}).items()
    }
    if texts:
        try:
            found.put(list(texts), PictureEvidence.read(*zip(*texts.values(), strict=True)))
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
