"""The hierarchy of the classes: whether its parts are all there and can be read, and whether it is of the classes that stand."""

from __future__ import annotations

from milvise.adapter import Collection
from milvise.gallery.read_hierarchy import is_readable
from milvise.gallery.verification.record import Notes


def check_hierarchy(hierarchy: Collection, classes: Collection | None, gallery: str, notes: Notes) -> None:
    """Check the hierarchy; two calls."""
    alias = hierarchy.manifest.alias
    again = f"Make it again: milvise ingest images SOURCE --gallery {gallery}"
    if classes is not None and hierarchy.manifest.fingerprint.get("classes") != dict(classes.manifest.fingerprint):
        notes.problem("hierarchy", f"{alias} belongs to other classes than those that stand. {again}")
    elif not is_readable(hierarchy):
        notes.problem("hierarchy", f"{alias}: its parts are not all there, or damaged. {again}")
    notes.looked_at("parts of the hierarchy", hierarchy.count())
