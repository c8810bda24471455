"""pymilvus without pandas, in a process that runs one command.

pymilvus imports pandas at its start, only to know a data frame when it is given one, and pandas imports pyarrow. Both take a good part of the time
in which a process opens a Milvus. Here pymilvus gets a stand-in: a value is a data frame if the real pandas was imported and says so, and
the functions that it takes from pandas call the real ones. Any other name is that of the real pandas, which is imported then.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

_PANDAS, _TYPES = "pandas", "pandas.api.types"


class _FrameType(type):
    def __instancecheck__(cls, value: object) -> bool:
        # While another thread imports pandas, there is no data frame yet.
        frame = getattr(sys.modules.get(_PANDAS), "DataFrame", None)
        return frame is not None and frame is not cls and isinstance(value, frame)

    def __call__(cls, *arguments: Any, **more: Any) -> Any:
        return _real(_PANDAS).DataFrame(*arguments, **more)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            # Annotations are looked through for such names.
            raise AttributeError(name)
        return getattr(_real(_PANDAS).DataFrame, name)


class _DataFrame(metaclass=_FrameType):
    """Stands for ``pandas.DataFrame`` in annotations and ``isinstance``."""


class _Pandas(ModuleType):
    DataFrame = _DataFrame

    def __getattr__(self, name: str) -> Any:
        return getattr(_real(_PANDAS), name)


class _Types(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            # The import system asks whether it is a package.
            raise AttributeError(name)
        if not name.startswith(("is_", "infer_")):
            return getattr(_real(_TYPES), name)
        return lambda *arguments, **more: getattr(_real(_TYPES), name)(*arguments, **more)


@cache
def import_pymilvus() -> None:
    """Import pymilvus; pandas is imported with it only where it was before, or where another version of pymilvus needs more of it."""
    if _PANDAS in sys.modules:
        return
    sys.modules |= {_PANDAS: _Pandas(_PANDAS), _TYPES: _Types(_TYPES)}
    try:
        import pymilvus  # noqa: F401
    finally:
        _take_away()


def _real(name: str) -> Any:
    _take_away()
    return import_module(name)


def _take_away() -> None:
    """Have the next import of pandas find the real one."""
    for name in (_PANDAS, _TYPES):
        if isinstance(sys.modules.get(name), _Pandas | _Types):
            del sys.modules[name]
