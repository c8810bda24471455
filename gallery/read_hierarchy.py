"""The hierarchy of a backbone's classes, read from Milvus once on each machine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from milvise.adapter import Collection, Store
from milvise.core import config
from milvise.embeddings.model_files.kept_files import read_arrays
from milvise.embeddings.wordnet.hierarchy import VERSION, Hierarchy
from milvise.embeddings.wordnet.hierarchy_rows import MOST_PARTS, from_rows
from milvise.errors import DeniedError, ModelError
from milvise.gallery.names import hierarchy_of


def read_hierarchy(store: Store, classes: Collection) -> Hierarchy | None:
    """Return the hierarchy of these classes, None where there is none, or one of other classes or of another version.

    What it is called follows from the classes, so that Milvus is not asked where this machine has it.

    Raises
    ------
    ModelError
        If it is damaged.
    """
    wanted = hierarchy_of(classes.manifest, VERSION)
    path = config.cache() / "classes" / f"{wanted.collection}.npz"
    kept = _kept(path)
    if kept is not None:
        return kept
    try:
        if store.points_at(wanted.alias) != wanted.collection:
            return None
        # Not asked for its manifest, which says nothing that is not known.
        found = stored_hierarchy(store.open(wanted))
    except DeniedError:
        # A role that was made before there were hierarchies may read words, classes and galleries, and search as before.
        return None
    _keep(found, path)
    return found


def stored_hierarchy(collection: Collection) -> Hierarchy:
    """Return the hierarchy in a collection; one call.

    Raises
    ------
    ModelError
        If its parts are not all there, or do not fit together.
    """
    return from_rows(collection.query('part != ""', fields=["part", "text"], limit=MOST_PARTS))


def is_readable(collection: Collection) -> bool:
    """Return whether all parts of a hierarchy are there and fit together; one call."""
    try:
        stored_hierarchy(collection)
    except ModelError:
        return False
    return True


def _kept(path: Path) -> Hierarchy | None:
    arrays = read_arrays(path, {"text": ("u", 1)})
    if not arrays:
        return None
    try:
        return Hierarchy(arrays["text"].tobytes())
    except ModelError:
        return None


def _keep(hierarchy: Hierarchy, path: Path) -> None:
    """Write it for the next process; where the disk or the folder does not allow it, nothing is kept."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        config.cache_folder("classes")
        with part.open("wb") as file:
            np.savez(file, text=np.frombuffer(hierarchy.text, np.uint8))
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
