"""Stored pictures by their ids or URIs: their rows, without vectors."""

from __future__ import annotations

from collections.abc import Sequence

from milvise.core.records import GalleryPicture, Row
from milvise.core.spaces import VISUAL
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import find_rows

ROW = ("id", "uri", "label", "width", "height", "sha256", "meta")
"""The fields of a `GalleryPicture`."""


def stored_pictures(now: OpenCollections, names: Sequence[str]) -> list[GalleryPicture]:
    """Return stored pictures, one for each id or URI: one call to Milvus for each 500.

    Raises
    ------
    NotFoundError
        If one of them is not stored.
    """
    rows = find_rows(now, list(dict.fromkeys(names)), VISUAL, ROW)
    return [gallery_picture(rows[name]) for name in names]


def gallery_picture(row: Row) -> GalleryPicture:
    """Return the picture of a row with the fields `ROW`."""
    return GalleryPicture(**{name: row[name] for name in ROW} | {"meta": dict(row["meta"] or {})})
