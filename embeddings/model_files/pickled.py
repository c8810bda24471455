"""Read a pickle as data: what stands in it is looked at, and nothing of it is run.

A pickle is a program for a small machine, and its instructions may import and call anything. This reader knows only the
instructions that plain data needs. Where the pickle names a class or function, the reader puts in a stand-in of ours for
the few names that a format needs, and refuses all others.

Python's own unpickler in C is not used even with such limits: one instruction of five bytes has it fill gigabytes. The one
written in Python keeps what it remembers in a dict. What the objects take in memory is counted as they are made.
"""

from __future__ import annotations

import os
import pickle
import pickletools
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

_SLOT, _MARK, _REMEMBERED, _ENTRY = 8, 96, 100, 100
"""Bytes for one place on the stack, for a mark, for a remembered object, and for an entry of a dict."""

_FREE_BYTES, _BYTES_PER_BYTE, _MOST_BYTES = 32 * 2**20, 24, 3 * 2**29
"""Objects may take 32 MiB and 24 bytes for each byte of the file, 1.5 GiB at most; words take up to 16 a byte."""

_MOST_FRAME, _MOST_LINE = 2**24, 2**10

Makers = Mapping[tuple[str, str], Any]
"""What a pickle may name, by module and name: a `Maker`, or a value that it hands to one."""


@dataclass(frozen=True, slots=True, eq=False)
class Maker:
    """A stand-in for a class or function that a pickle calls."""

    make: Callable[..., Any]


class StatefulStandIn:
    """An object that a `Maker` made and whose state the pickle gives afterwards."""

    __slots__ = ()

    def build(self, state: Any) -> None:
        """Take the state; a part that needs none of it leaves it."""


class Attributes(StatefulStandIn):
    """A stand-in for an object of which the attributes are wanted."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def build(self, state: Any) -> None:
        """Take the attributes."""
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("the attributes of an object are no dict")
        self.values = state


class OrderedDictStandIn(dict[str, Any], StatefulStandIn):
    """A stand-in for an ordered dict."""


def read_pickle(
    file: IO[bytes], known: Makers, *, refer: Callable[[Any], Any] | None = None, most: int = _MOST_BYTES
) -> Any:
    """Read the next pickle of a file; the file then stands behind it.

    Parameters
    ----------
    file : binary file
        It has a size: pipes and devices are not read.
    known : mapping
        What the pickle may name.
    refer : callable, optional
        Called with each persistent id; without it there may be none.
    most : int
        Bytes of memory that the objects may take.

    Raises
    ------
    pickle.UnpicklingError
        If it is no pickle, is cut short, is not plain data, or takes too much memory.
    """
    try:
        return _Reader(file, known, refer, most).load()
    except pickle.UnpicklingError:
        raise
    except EOFError as error:
        raise pickle.UnpicklingError("the file ends within a pickle") from error
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError, struct.error) as error:
        raise pickle.UnpicklingError(f"the file is no sound pickle ({type(error).__name__})") from error


class _Bounded:
    """A file as the unpickler reads it: no piece is asked for that is longer than what is left of the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.left = os.fstat(file.fileno()).st_size - file.tell()

    def read(self, size: int) -> bytes:
        if size > self.left:
            raise pickle.UnpicklingError("the file ends within a pickle")
        data = self._file.read(size)
        self.left -= len(data)
        return data

    def readline(self) -> bytes:
        data = self._file.readline(_MOST_LINE)
        self.left -= len(data)
        return data


class _Reader(pickle._Unpickler):  # the one written in Python; see the module's description
    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    _unframer: Any

    def __init__(self, file: IO[bytes], known: Makers, refer: Callable[[Any], Any] | None, most: int) -> None:
        bounded = _Bounded(file)
        super().__init__(bounded)
        self._known = known
        self._refer = refer
        self._left = min(most, _FREE_BYTES + _BYTES_PER_BYTE * bounded.left)

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module[:80]!a}.{name[:80]!a} has no place in it".replace("'", "")) from None

    def persistent_load(self, pid: Any) -> Any:
        if self._refer is None:
            raise pickle.UnpicklingError("it refers to something outside of the file")
        return self._refer(pid)

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise pickle.UnpicklingError("it unfolds to far more than the file's size; no sound file does")

    def load_frame(self) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        if size > _MOST_FRAME:
            raise pickle.UnpicklingError(f"it announces a frame of {size} bytes")
        self._unframer.load_frame(size)

    def load_reduce(self) -> None:
        self._call()

    def load_newobj(self) -> None:
        self._call()

    def _call(self) -> None:
        arguments, maker = self.stack.pop(), self.stack.pop()
        if not isinstance(maker, Maker) or type(arguments) is not tuple:
            raise pickle.UnpicklingError("it calls something that is not to be called")
        made = maker.make(*arguments)
        self.spend(sys.getsizeof(made) + _SLOT)
        self.append(made)

    def load_build(self) -> None:
        state, part = self.stack.pop(), self.stack[-1]
        if not isinstance(part, StatefulStandIn):
            raise pickle.UnpicklingError("it gives a state to something that has none")
        part.build(state)

    def load_append(self) -> None:
        value = self.stack.pop()
        self._extend([value])

    def load_appends(self) -> None:
        values = self.pop_mark()
        self._extend(values)

    def _extend(self, values: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise pickle.UnpicklingError("it appends to something that is no list")
        self.spend(2 * _SLOT * len(values))
        self.stack[-1].extend(values)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._update(items)

    def _update(self, items: list[Any]) -> None:
        keys, values = items[::2], items[1::2]
        # Keys of other kinds can be made to collide, or to nest so deep that Python's hash overflows its stack.
        if not isinstance(self.stack[-1], dict) or not all(type(key) is str for key in keys):
            raise pickle.UnpicklingError("it has a dict with keys that are no strings")
        self.spend(_ENTRY * len(keys))
        self.stack[-1].update(zip(keys, values, strict=True))

    def load_frozenset(self) -> None:
        items = self.pop_mark()  # which changes what append is
        self.append(tuple(items))


class _Instructions(dict[int, Callable[[Any], None]]):
    def __missing__(self, code: int) -> Callable[[Any], None]:
        name = next((known.name for known in pickletools.opcodes if known.code == chr(code)), None)
        raise pickle.UnpicklingError(
            f"the instruction {name} has no place in it" if name else f"it has the byte {code:#04x} as an instruction"
        )


def _costing(load: Callable[[Any], None], size: int) -> Callable[[Any], None]:
    def costing(reader: _Reader) -> None:
        reader.spend(size)
        load(reader)

    return costing


def _weighed(load: Callable[[Any], None]) -> Callable[[Any], None]:
    def weighed(reader: _Reader) -> None:
        load(reader)
        reader.spend(sys.getsizeof(reader.stack[-1]) + _SLOT)

    return weighed


_AS_THEY_ARE = ("proto", "stop", "pop", "pop_mark", "binpersid")
_PLACES = ("none", "true", "false", "binint1", "empty_tuple", "binget", "long_binget", "dup", "global", "stack_global")
_MEMORIES = ("binput", "long_binput", "memoize")
_OBJECTS = (
    "binint", "binint2", "long1", "long4", "binfloat", "binunicode", "short_binunicode", "binunicode8", "binbytes",
    "short_binbytes", "binbytes8", "tuple", "tuple1", "tuple2", "tuple3", "empty_list", "empty_dictionary", "frozenset",
)  # fmt: skip
_OURS = ("frame", "reduce", "newobj", "build", "append", "appends", "setitem", "setitems")


def _dispatch() -> _Instructions:
    def named(name: str) -> Callable[[Any], None]:
        load: Callable[[Any], None] = getattr(_Reader, f"load_{name}")
        return load

    loads = {name: named(name) for name in (*_AS_THEY_ARE, *_OURS)}
    loads |= {name: _costing(named(name), _SLOT) for name in _PLACES}
    loads["mark"] = _costing(named("mark"), _MARK)
    loads |= {name: _costing(named(name), _REMEMBERED) for name in _MEMORIES}
    loads |= {name: _weighed(named(name)) for name in _OBJECTS}
    codes = {load.__name__.removeprefix("load_"): code for code, load in pickle._Unpickler.dispatch.items()}
    return _Instructions({codes[name]: load for name, load in loads.items()})


_Reader.dispatch = _dispatch()
