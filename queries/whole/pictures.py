"""What a search needs of a gallery's pictures, of all of them: their rows, what the network saw in them, and the words of their texts.

Vectors stay in Milvus, which finds the closest ones. It answers ids alone then, and what follows costs it nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from milvise.adapter import Collection
from milvise.adapter.schema import SKETCH, TOP_CLASSES
from milvise.core.chunks import chunks
from milvise.core.records import Row
from milvise.queries.ranking.match import FIELDS
from milvise.queries.ranking.picture_evidence import PictureEvidence
from milvise.queries.text.read import Texts, columns_of
from milvise.queries.text.word_index import WordIndex

MOST_PICTURES = 200_000
"""Larger galleries stay in Milvus."""

_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class WholeGallery:
    """All pictures of a gallery.

    Attributes
    ----------
    places : dict of str to int
        By primary key, where each one stands in the others.
    rows : tuple of dict
        With ``id`` and `milvise.queries.ranking.match.FIELDS`.
    evidence : PictureEvidence, optional
        What the network saw in them; None where it does not stand with all of them, or cannot be read.
    texts : Texts
        Their texts, with the index of their words.
    """

    places: dict[str, int]
    rows: tuple[Row, ...]
    evidence: PictureEvidence | None
    texts: Texts


def read_whole(visual: Collection) -> WholeGallery | None:
    """Return all pictures of a gallery, None where there are too many; one call to Milvus, and one for each thousand of them."""
    if visual.count(settled=True) > MOST_PICTURES:
        return None
    seen = (TOP_CLASSES, SKETCH) if visual.manifest.top_classes else ()
    rows: dict[str, Row] = {}
    parts: list[PictureEvidence | None] = []
    count = 0
    for batch in chunks(visual.scan(("id", *FIELDS, *seen)), _AT_ONCE):
        count += len(batch)
        parts.append(_read(batch) if seen else None)
        rows.update((row["id"], {name: row[name] for name in ("id", *FIELDS)}) for row in batch)
    known = [part for part in parts if part is not None]
    all_rows = tuple(rows.values())
    # A row that was written again meanwhile may come twice, and places would not be those of the rows.
    is_whole = len(known) == len(parts) and count == len(rows)
    return WholeGallery(
        {key: place for place, key in enumerate(rows)},
        all_rows,
        PictureEvidence.together(known) if is_whole else None,
        Texts(columns_of(all_rows), all_rows, is_whole=True, index=WordIndex(all_rows)),
    )


def _read(rows: Sequence[Row]) -> PictureEvidence | None:
    try:
        return PictureEvidence.read([row[TOP_CLASSES] for row in rows], [row[SKETCH] for row in rows])
    except ValueError:
        # Of some it is lacking or damaged: whoever finds one of these is told.
        return None
