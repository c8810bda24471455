"""Read tensors from a PyTorch file of the format used before PyTorch 1.6, without PyTorch.

Such a file holds three small pickles (a magic number, the protocol version, system information), then a pickled state
dict whose tensors refer to named storages, then the list of storage names, and then each storage as an 8-byte
little-endian element count followed by its raw elements.

The unpickler below resolves only the names that such a file needs; anything else in it is refused, because an
unrestricted pickle runs code.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from milvise.errors import WeightsError

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, *_ = pid
        return _Storage(str(key), dtype)


def read_state_dict(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the tensors of a state dict as numpy arrays, by name.

    Raises
    ------
    WeightsError
        If the file is not of this format, is cut short, or refers to anything but tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise WeightsError(f"cannot read the weights in {path}: {error.strerror}") from error
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} is not a PyTorch state dict of the format used before PyTorch 1.6.\nReceived: {error}"
        ) from error


def _read(file: Any) -> dict[str, np.ndarray[Any, Any]]:
    if _Unpickler(file).load() != _MAGIC_NUMBER:
        raise ValueError("the magic number at its start is another one")
    for _ in ("protocol version", "system information"):
        _Unpickler(file).load()
    tensors: dict[str, _Tensor] = _Unpickler(file).load()
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {key: _read_storage(file, dtypes[key]) for key in _Unpickler(file).load()}
    return {name: _view(storages[tensor.storage.key], tensor) for name, tensor in tensors.items()}


def _read_storage(file: io.BufferedReader, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(count * dtype.itemsize)
    return np.frombuffer(data, dtype, count)


def _view(storage: np.ndarray[Any, Any], tensor: _Tensor) -> np.ndarray[Any, Any]:
    start = storage[tensor.offset :]
    strides = [stride * storage.itemsize for stride in tensor.strides]
    return np.array(np.lib.stride_tricks.as_strided(start, tensor.shape, strides))
