"""Read tensors from a PyTorch file of the format used before PyTorch 1.6, without PyTorch.

Such a file holds three small pickles (a magic number, the protocol version, system information), then a pickled state
dict whose tensors refer to named storages, then the list of storage names, and then each storage as an 8-byte
little-endian element count followed by its raw elements.

The pickles are read as data (see `milvise.embeddings.model_files.pickled`): nothing in the file is run, no tensor reaches outside of its
storage, and nothing is made that is larger than the file.
"""

from __future__ import annotations

import math
import os
import pickle
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from milvise.embeddings.model_files.pickled import Maker, Makers, OrderedDictStandIn, read_pickle
from milvise.errors import WeightsError

Array = np.ndarray[Any, Any]

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PICKLE_BYTES = 2**28
_MOST_AXES, _MOST_EMPTY = 32, 2**40
_COPIES = 4
"""All tensors together may be so many times as large as the file: some networks use a tensor in several places."""


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    axes = [shape, strides] if type(shape) is type(strides) is tuple else []
    numbers = [offset, *(number for axis in axes for number in axis)]
    if not axes or len(shape) != len(strides) or len(shape) > _MOST_AXES or not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("it has a tensor of an impossible shape")
    if not all(type(number) is int and 0 <= number < 2**48 for number in numbers):
        raise pickle.UnpicklingError("it has a tensor of an impossible shape")
    return _Tensor(storage, offset, shape, strides)


def _refer(pid: Any) -> _Storage:
    if not isinstance(pid, tuple) or len(pid) < 3 or not isinstance(pid[1], np.dtype) or type(pid[2]) is not str:
        raise pickle.UnpicklingError("it refers to something that is no storage")
    return _Storage(pid[2], pid[1])


_KNOWN: Makers = {
    ("collections", "OrderedDict"): Maker(lambda: OrderedDictStandIn()),
    ("torch._utils", "_rebuild_tensor_v2"): Maker(_rebuild_tensor),
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


def read_state_dict(path: Path) -> dict[str, Array]:
    """Return the tensors of a state dict as numpy arrays, by name.

    Raises
    ------
    WeightsError
        If the file is not of this format, is cut short, or refers to anything but tensors.
    """
    if not path.is_file():
        raise WeightsError(f"cannot read the weights in {path}: there is no regular file")
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise WeightsError(f"cannot read the weights in {path}: {error.strerror}") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is not a PyTorch state dict of the format used before PyTorch 1.6.\nReceived: {error}"
        ) from error


def _read(file: IO[bytes]) -> dict[str, Array]:
    def unpickled() -> Any:
        return read_pickle(file, _KNOWN, refer=_refer, most=_PICKLE_BYTES)

    if unpickled() != _MAGIC_NUMBER:
        raise pickle.UnpicklingError("the magic number at its start is another one")
    for _ in ("protocol version", "system information"):
        unpickled()
    tensors, keys = unpickled(), unpickled()
    if not isinstance(tensors, dict) or not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise pickle.UnpicklingError("it holds other things than tensors")
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    if type(keys) is not list or not all(type(key) is str and key in dtypes for key in keys):
        raise pickle.UnpicklingError("its storages are not those of its tensors")
    storages = {key: _read_storage(file, dtypes[key]) for key in keys}
    left = _COPIES * os.fstat(file.fileno()).st_size
    views = {}
    for name, tensor in tensors.items():
        view = _view(storages, tensor, name)
        left -= view.nbytes
        if left < 0:
            raise pickle.UnpicklingError(f"its tensors together are more than {_COPIES} times as large as the file")
        views[name] = np.array(view)
    return views


def _read_storage(file: IO[bytes], dtype: np.dtype[Any]) -> Array:
    count = int.from_bytes(file.read(8), "little")
    size = count * dtype.itemsize
    if size > os.fstat(file.fileno()).st_size - file.tell():
        raise pickle.UnpicklingError("the file ends within a storage")
    return np.frombuffer(file.read(size), dtype, count)


def _view(storages: dict[str, Array], tensor: _Tensor, name: str) -> Array:
    storage = storages.get(tensor.storage.key)
    if storage is None:
        raise pickle.UnpicklingError(f"the storage of the tensor {name[:80]!a} is not in it")
    if storage.dtype != tensor.storage.dtype:
        raise pickle.UnpicklingError(f"the storage of the tensor {name[:80]!a} is of two types")
    size = math.prod(tensor.shape)
    if size == 0 and math.prod(max(1, n) for n in tensor.shape) > _MOST_EMPTY:
        raise pickle.UnpicklingError(f"the tensor {name[:80]!a} has an impossible shape")
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    if size > len(storage) or (size > 0 and last >= len(storage)):
        raise pickle.UnpicklingError(f"the tensor {name[:80]!a} reaches outside of its storage")
    if size == 0:
        return np.empty(tensor.shape, storage.dtype)
    strides = [stride * storage.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
