"""Rows as the collections of a gallery hold them."""

from __future__ import annotations

from dataclasses import dataclass

from milvise.core.arrays import Floats
from milvise.core.records import Row, record_id
from milvise.embeddings.pictures.decode import Picture
from milvise.ingest.sources.item import Item


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows for both collections of a gallery.

    Attributes
    ----------
    rows : tuple of dict
        The visual collection's fields by name, with ``vector``.
    joint : ndarray of shape (n, joint width), float32, optional
        The vector of each row in the joint collection, whose other fields are the same.
    """

    rows: tuple[Row, ...]
    joint: Floats | None

    def __len__(self) -> int:
        return len(self.rows)


def scalars(item: Item, digest: str, picture: Picture | None) -> Row:
    """Return the row of a picture without its vector."""
    return {
        "id": record_id(item.uri),
        "uri": item.uri,
        "label": item.label,
        "sha256": digest,
        "width": picture.width if picture else 0,
        "height": picture.height if picture else 0,
        "meta": dict(item.meta),
    }
