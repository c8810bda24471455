"""Looking through an HDF5 file of weights before Keras reads it: arrays of numbers that stand in this file, and nothing else.

HDF5 can also point into other files of this machine (external links, external and virtual datasets), and describe arrays that
are far larger than the file (CVE-2025-9905, CVE-2026-0897).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, BinaryIO

from milvise.embeddings import model_archive
from milvise.embeddings.quiet_keras import import_keras
from milvise.errors import ModelError, WeightsError

MOST_RATIO = 8
"""Of the arrays to the file. Keras writes them as they are; packed weights hardly get smaller."""

SPARE_BYTES = 2**24
MOST_OBJECTS = 100_000
"""Groups and arrays; the largest network of ``keras.applications`` has some 6,000."""

_FILTERS = {1, 2, 3, 32_000}
"""deflate, shuffle, fletcher32 and lzf. HDF5 would look for any other one among the plugins on this machine."""

_SUFFIXES = (".h5", ".hdf5", ".keras")


def count_weights(file: BinaryIO) -> int:
    """Return how many numbers the arrays of an HDF5 file hold.

    Raises
    ------
    ModelError
        If it is no HDF5 file, or holds anything but arrays of numbers.
    """
    import_keras("reading weights")
    import h5py

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        with h5py.File(file, "r") as opened:
            return _count(h5py, opened, size)
    except ModelError:
        raise
    except Exception as error:  # h5py raises nearly anything on files that are damaged
        raise ModelError(f"its weights are not an HDF5 file, or are damaged: {ascii(str(error))[:200]}") from error


def check_weights_file(path: Path) -> None:
    """Check a file of weights that was given beside the network that they are for.

    Raises
    ------
    WeightsError
        If it is of another format, or holds anything but arrays of numbers.
    """
    if not path.name.endswith(_SUFFIXES):
        raise WeightsError(
            f"{path} is no file of weights that milvise reads.\nExpected: a name that ends in .weights.h5, .h5 or .keras\n"
            f"Received: {path.name}"
        )
    try:
        if path.suffix == ".keras":
            with model_archive.opened(path) as (file, archive):
                count_weights(model_archive.weights_member(file, archive))
        else:
            with path.open("rb") as file:
                count_weights(file)
    except (ModelError, OSError) as error:
        raise WeightsError(f"{path} is not loaded: {error}") from error


def _count(h5py: Any, root: Any, size: int) -> int:
    groups, numbers, total, objects = [root], 0, 0, 0
    while groups:
        group = groups.pop()
        for name in group:
            objects += 1
            if objects > MOST_OBJECTS:
                raise ModelError(f"its weights are more than {MOST_OBJECTS} groups and arrays.")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelError(f"its weights hold a link to somewhere else: {ascii(name)[:100]}")
            found = group[name]
            if isinstance(found, h5py.Group):
                groups.append(found)
                continue
            length = _length(h5py, found, ascii(name)[:100])
            numbers += length
            total += length * found.dtype.itemsize
            if total > MOST_RATIO * size + SPARE_BYTES:
                raise ModelError(
                    f"its weights are said to be {total} bytes or more, in {size} bytes of the file.\nExpected: at most"
                    f" {MOST_RATIO} times as much as the file"
                )
    return numbers


def _length(h5py: Any, found: Any, name: str) -> int:
    """Return how many numbers an array holds."""
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise ModelError(f"its weights hold something that is no array: {name}")
    if found.external or found.is_virtual:
        raise ModelError(f"its weights are read from other files: {name}")
    kind = found.dtype
    # Two bytes without a meaning are bfloat16, as Keras writes it.
    opaque = kind.kind == "V" and kind.itemsize <= 2 and kind.names is None and kind.subdtype is None
    if kind.kind not in "fiub" and not opaque:
        raise ModelError(f"its weights hold something else than numbers: {name} of type {ascii(str(kind))[:50]}")
    settings = found.id.get_create_plist()
    if not {settings.get_filter(at)[0] for at in range(settings.get_nfilters())} <= _FILTERS:
        raise ModelError(f"its weights are packed in a way that is not known: {name}")
    return math.prod(found.shape)
