"""Reading files of the user's cache, which may be damaged: data only, no larger than the file is, or nothing.

What stands in the cache can be made again, so that the answer to anything unexpected is None.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

MOST_JSON_BYTES = 2**24
MOST_ARCHIVE_BYTES = 2**31
MOST_GRAPH_BYTES = 2**26

Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_JSON_BYTES:
            return None
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_arrays(path: Path, kinds: Mapping[str, tuple[str, int]]) -> Arrays | None:
    """Return the arrays in an ``.npz`` file.

    Parameters
    ----------
    kinds : mapping
        For each name the kind of its elements (``"f"`` numbers, ``"U"`` text) and the number of its dimensions. A file holds all of
        them or, for a network without a classifier, none.
    """
    try:
        if not path.is_file() or path.stat().st_size > MOST_ARCHIVE_BYTES:
            return None
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if names and sorted(names) != sorted(f"{name}.npy" for name in kinds):
                return None
            if not all(_is_whole(archive, info) for info in archive.infolist()):
                return None
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None
    if any(found[name].dtype.kind != kind or found[name].ndim != rank for name, (kind, rank) in kinds.items() if names):
        return None
    return found


def graph_stamp(graph: Path) -> list[Any]:
    """Return what tells an exported graph from one that was damaged: hash of its description, and the sizes of its two files.

    OpenVINO is given a graph with the stamp that it was written with, and no other: it checks little of what it reads.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    sizes = [graph.stat().st_size, graph.with_suffix(".bin").stat().st_size]
    if sizes[0] > MOST_GRAPH_BYTES:
        return sizes
    return [hashlib.sha256(graph.read_bytes()).hexdigest(), *sizes]


def _is_whole(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Return whether an array is as long as it says: NumPy takes memory for what is said."""
    if info.compress_type != zipfile.ZIP_STORED:
        return False
    with archive.open(info) as member:
        version = npy.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            return False
        shape, _, kind = npy.read_array_header_1_0(member) if version == (1, 0) else npy.read_array_header_2_0(member)
        return not kind.hasobject and math.prod(shape) * kind.itemsize == info.file_size - member.tell()
