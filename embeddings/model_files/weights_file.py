"""Reading the arrays in an HDF5 file of weights, and writing them into a new file, which is the one that Keras reads.

The library that h5py and Keras read HDF5 with is written in C, and damaged files make it write where it should not: some thirty such
errors are known in the version that TensorFlow asks for (SECURITY.md). HDF5 can also point into other files of this machine
(external links, external and virtual datasets), and describe arrays that are far larger than the file. So a stranger's file is read
by pyfive, which is written in Python, and only for arrays of numbers that stand in the file as they are.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np

from milvise.embeddings.model_files import archive as model_archive
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import MissingExtraError, ModelError, WeightsError

MOST_OBJECTS = 100_000
"""Groups and arrays; the largest network of ``keras.applications`` has some 6,000."""

MOST_DEPTH = 64
"""Groups in each other; a network inside a network adds four."""

MOST_READS = 2_000_000
"""Of the file: a description that leads round in circles is read for ever."""

_SUFFIXES = (".h5", ".hdf5", ".keras")
_TEXT_KINDS, _NUMBER_KINDS = "SUO", "fiub"
_CONTIGUOUS, _COMPACT = 1, 0


def copy_weights(source: BinaryIO, out: Path) -> int:
    """Write the arrays of an HDF5 file into a new one, and return how many numbers they hold.

    Raises
    ------
    ModelError
        If it is no HDF5 file, or holds anything but arrays of numbers.
    """
    import_keras("reading weights")
    import h5py

    try:
        import pyfive
    except ImportError:
        raise MissingExtraError("reading weights", "ingest") from None
    metered = _Metered(source)
    try:
        with h5py.File(out, "w") as made:
            return _copied(pyfive, pyfive.File(metered, decode_strings=True), made, metered.size)
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"its weights cannot be read, or not be written to {out.parent}: {error}") from error
    except (Exception, MemoryError) as error:  # pyfive raises nearly anything on files that are damaged
        raise ModelError(
            f"its weights are not an HDF5 file, or are damaged: {ascii(str(error) or type(error).__name__)[:200]}"
        ) from error


@contextmanager
def copied_weights(path: Path) -> Iterator[Path]:
    """Yield a copy of a file of weights that was given beside the network that they are for.

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
    with TemporaryDirectory(prefix="milvise-weights-") as folder:
        # Keras takes files of this name for its own format, and other HDF5 files for that of its second version.
        is_new = path.name.endswith((".weights.h5", ".keras"))
        copy = Path(folder, "copy.weights.h5" if is_new else "copy.h5")
        try:
            if path.suffix == ".keras":
                with model_archive.opened(path) as (file, archive):
                    copy_weights(model_archive.weights_member(file, archive), copy)
            else:
                with path.open("rb") as file:
                    copy_weights(file, copy)
        except (ModelError, OSError) as error:
            raise WeightsError(f"{path} is not loaded: {error}") from error
        yield copy


def _copied(pyfive: Any, root: Any, made: Any, size: int) -> int:
    groups, numbers, total, objects = [(root, made, 0)], 0, 0, 0
    while groups:
        group, copy, depth = groups.pop()
        if depth > MOST_DEPTH:
            raise ModelError(f"its weights are nested more deeply than {MOST_DEPTH} groups.")
        _copy_texts(group, copy)
        for name in group:
            objects += 1
            if objects > MOST_OBJECTS:
                raise ModelError(f"its weights are more than {MOST_OBJECTS} groups and arrays.")
            # A name holds no path in HDF5; h5py would make groups of one.
            if not name or "/" in name or name == ".":
                raise ModelError(f"its weights have a name that is a path: {ascii(name)[:100]}")
            found = group[name]
            if isinstance(found, pyfive.Group):
                groups.append((found, copy.create_group(name), depth + 1))
                continue
            if not isinstance(found, pyfive.Dataset):
                raise ModelError(f"its weights hold something that is no array: {ascii(name)[:100]}")
            _check_array(found, ascii(name)[:100], size)
            numbers += math.prod(found.shape)
            total += math.prod(found.shape) * found.dtype.itemsize
            if total > size:
                raise ModelError(f"its weights are said to be {total} bytes or more, in a file of {size} bytes.")
            _copy_texts(found, copy.create_dataset(name, data=_numbers(found)))
    return numbers


def _check_array(found: Any, name: str, size: int) -> None:
    if found.shape is None or not isinstance(found.dtype, np.dtype):
        raise ModelError(f"its weights hold something else than numbers: {name}")
    kind = found.dtype
    if kind.kind not in _NUMBER_KINDS and not _is_short_float(found):
        raise ModelError(f"its weights hold something else than numbers: {name} of type {ascii(str(kind))[:50]}")
    if found.id.layout_class not in (_CONTIGUOUS, _COMPACT) or found.id.filter_pipeline:
        raise ModelError(
            f"its weights are packed, or stand in other files: {name}\nExpected: arrays as Keras writes them. Load them with Keras,"
            " and save them again."
        )
    # Where HDF5 keeps nothing in this file for an array, it takes it from another one, or for zeros.
    length = math.prod(found.shape) * kind.itemsize
    if found.id.layout_class == _CONTIGUOUS and length and found.id.data_offset + length > size:
        raise ModelError(f"its weights do not stand in it: {name} has {length} bytes in a file of {size}.")


def _is_short_float(found: Any) -> bool:
    """Return whether an array is of bfloat16, which Keras writes as two bytes without a meaning, and says so beside them."""
    return bool(found.dtype == np.dtype("V2") and found.attrs.get("dtype") == "bfloat16")


def _numbers(found: Any) -> Any:
    import ml_dtypes

    numbers = found[...]
    return numbers.view(ml_dtypes.bfloat16) if _is_short_float(found) else numbers


def _copy_texts(found: Any, copy: Any) -> None:
    """Copy what a group or array says of itself: the names of layers and weights in files of older versions, and bfloat16."""
    for name, value in found.attrs.items():
        texts = value.ravel().tolist() if isinstance(value, np.ndarray) and value.dtype.kind in _TEXT_KINDS else [value]
        if all(isinstance(text, bytes | str) for text in texts):
            copy.attrs[name] = texts if isinstance(value, np.ndarray) else value


class _Metered(io.RawIOBase):
    """A file that is read only so often and so much: what is said in it decides where and how often it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self._reads, self._bytes = MOST_READS, 4 * self.size + 2**24
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        found = self._file.read(-1 if size is None else size)
        self._reads -= 1
        self._bytes -= len(found)
        if self._reads < 0 or self._bytes < 0:
            raise ModelError("its weights are described in circles.")
        return found
