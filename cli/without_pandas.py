"""pymilvus without pandas, in a process that runs one command.

pymilvus imports pandas at its start, only to know a data frame when it is given one, and pandas imports pyarrow. That is half of the time
which a process takes to open a Milvus. Here pymilvus gets a stand-in: a value is a data frame if the real pandas was imported and says so,
and whatever else is asked for comes from the real pandas, which is imported then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

_PANDAS, _TYPES = "pandas", "pandas.api.types"


class _FrameType(type):
    def __instancecheck__(cls, value: object) -> bool:
        pandas = sys.modules.get(_PANDAS)
        return pandas is not None and not isinstance(pandas, _Pandas) and isinstance(value, pandas.DataFrame)


class _DataFrame(metaclass=_FrameType):
    """Stands for ``pandas.DataFrame`` in annotations and ``isinstance``."""


class _Pandas(ModuleType):
    DataFrame = _DataFrame

    def __getattr__(self, name: str) -> Any:
        _take_away()
        return getattr(import_module(_PANDAS), name)


class _Types(ModuleType):
    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments: getattr(import_module(_TYPES), name)(*arguments)


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


def _take_away() -> None:
    """Have the next import of pandas find the real one."""
    for name in (_PANDAS, _TYPES):
        if isinstance(sys.modules.get(name), _Pandas | _Types):
            del sys.modules[name]
