"""Stand-ins for what numpy writes into a pickle: arrays and numbers are rebuilt here, and not by numpy's own code."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np

from milvise.embeddings.model_files.pickled import Maker, Makers, StatefulStandIn

_CODES = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})
_ORDERS = frozenset({"<", ">", "=", "|"})
_MOST_AXES = 8


class DtypePart(StatefulStandIn):
    """A type of numbers: those of a fixed size alone, and never Python objects."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or code not in _CODES:
            shown = code[:20] if isinstance(code, str) else type(code).__name__
            raise pickle.UnpicklingError(f"it has an array of the type {shown!a}, which is none of numbers")
        self.code, self.order = code, "="

    def build(self, state: Any) -> None:
        """Take the order of bytes."""
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if not isinstance(order, str) or order not in _ORDERS:
            raise pickle.UnpicklingError("it has an array of an unknown order of bytes")
        self.order = order

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type as numpy knows it."""
        return np.dtype(self.order + self.code)


class ArrayPart(StatefulStandIn):
    """An array.

    Attributes
    ----------
    array : ndarray, optional
        None until the pickle has given its state.
    """

    __slots__ = ("array",)

    def __init__(self, *_: Any) -> None:
        self.array: np.ndarray[Any, Any] | None = None

    def build(self, state: Any) -> None:
        """Take shape, type and bytes, which must fit."""
        _, shape, dtype, by_columns, data = state
        if not isinstance(dtype, DtypePart) or not isinstance(data, bytes):
            raise pickle.UnpicklingError("it has an array of Python objects")
        if type(shape) is not tuple or len(shape) > _MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise pickle.UnpicklingError("it has an array of an impossible shape")
        if math.prod(shape) * dtype.dtype.itemsize != len(data):
            raise pickle.UnpicklingError(f"it has an array of {len(data)} bytes, which its shape does not fit")
        flat = np.frombuffer(data, dtype.dtype)
        self.array = flat.reshape(shape, order="F" if by_columns else "C")


def _scalar(dtype: Any, data: Any) -> Any:
    if not isinstance(dtype, DtypePart) or not isinstance(data, bytes) or len(data) != dtype.dtype.itemsize:
        raise pickle.UnpicklingError("it has a number whose bytes do not fit its type")
    return np.frombuffer(data, dtype.dtype)[0].item()


def _encode(text: Any, encoding: Any) -> bytes:
    """Return bytes that an old protocol wrote as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("it has bytes in an unknown encoding")
    return text.encode("latin1")


_NDARRAY = object()
"""What an array is told to become; it is never called."""

ARRAYS: Makers = {
    **{
        (f"numpy.{core}.multiarray", name): Maker(make)
        for core in ("core", "_core")
        for name, make in (("_reconstruct", ArrayPart), ("scalar", _scalar))
    },
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): Maker(DtypePart),
    ("_codecs", "encode"): Maker(_encode),
}
"""What a pickle with arrays of numbers in it names."""
