"""Stored pictures by their ids or URIs: their rows, without vectors."""

from __future__ import annotations

from collections.abc import Sequence

from milvise.core.records import Picture, Row
from milvise.core.spaces import VISUAL
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import find_rows

ROW = ("id", "uri", "label", "width", "height", "sha256", "meta")
"""The fields of a `Picture`."""


def stored_pictures(now: OpenCollections, names: Sequence[str]) -> list[Picture]:
    """Return stored pictures, one for each id or URI: one call to Milvus for each 500.

    Raises
    ------
    NotFoundError
        If one of them is not stored.
    """
    rows = find_rows(now, list(dict.fromkeys(names)), VISUAL, ROW)
    return [picture_of(rows[name]) for name in names]


def picture_of(row: Row) -> Picture:
    """Return the picture of a row with the fields `ROW`."""
    return Picture(**{name: row[name] for name in ROW} | {"meta": dict(row["meta"] or {})})
