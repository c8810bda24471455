"""The hierarchy of the classes: whether its parts are all there and can be read, and whether it is of the classes that stand."""

from __future__ import annotations

from milvise.adapter import Collection
from milvise.embeddings.hierarchy import MOST_PARTS, Hierarchy
from milvise.errors import ModelError
from milvise.queries.verification.record import Notes


def check_hierarchy(hierarchy: Collection, classes: Collection | None, gallery: str, notes: Notes) -> None:
    """Check the hierarchy; one call."""
    alias = hierarchy.manifest.alias
    again = f"Make it again: milvise ingest images SOURCE --gallery {gallery}"
    if classes is not None and hierarchy.manifest.fingerprint.get("classes") != dict(classes.manifest.fingerprint):
        notes.problem("hierarchy", f"{alias} belongs to other classes than those that stand. {again}")
    rows = hierarchy.query('part != ""', fields=["part", "text"], limit=MOST_PARTS)
    notes.looked_at("parts of the hierarchy", len(rows))
    try:
        Hierarchy.from_rows(rows)
    except ModelError:
        known = hierarchy.manifest.rows
        stand = f"{len(rows)} of its {known} parts stand, and they" if known is not None else "its parts"
        notes.problem("hierarchy", f"{alias}: {stand} cannot be read. {again}")
