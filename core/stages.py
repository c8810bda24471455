"""What a request does, told to who watches it: how long its stages take, how sure its best hit is, and how it ended.

A watcher is set for a block of code by `watched`, and sees what the block's own thread does, and what `carried` takes to other threads.
Where nobody watches, a stage costs a look at a context variable, less than half a microsecond.

    words       a text is read, and its words get their places among vectors and classes
    milvus      calls to Milvus, with the pauses between tries
    ranking     lists are put together, ordered and cut
    inference   a picture or a text goes through a network, with decoding and, the first time, loading

A stage inside another one is taken out of it, so that the stages of one thread add up to no more than the request took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from functools import wraps
from typing import Literal, ParamSpec, Protocol, TypeVar, get_args

P = ParamSpec("P")
T = TypeVar("T")

Stage = Literal["words", "milvus", "ranking", "inference"]

STAGES: tuple[Stage, ...] = get_args(Stage)


class Watcher(Protocol):
    """Who is told; several threads may call it at the same time."""

    def stage(self, name: Stage, seconds: float) -> None:
        """Take the time of one stage that ended, well or not, without the stages inside it."""

    def confidence(self, best: float) -> None:
        """Take the probability that the best picture of a search shows what the words say."""

    def request(self, kind: str, *, hits: int | None, error: str) -> None:
        """Take how a request ended.

        Parameters
        ----------
        kind : str
            The method that was called, such as ``search``.
        hits : int, optional
            How many results there are; None where the answer is no list.
        error : str
            The name of the error's class, empty without one.
        """


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_open: ContextVar[_Timed | None] = ContextVar("open_stage", default=None)
_UNWATCHED: AbstractContextManager[None] = nullcontext()


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher what the block does."""
    watching, opened = _watcher.set(watcher), _open.set(None)
    try:
        yield
    finally:
        _open.reset(opened)
        _watcher.reset(watching)


def watcher() -> Watcher | None:
    """Return who watches this code, if anybody does."""
    return _watcher.get()


def carried(function: Callable[[], T]) -> Callable[[], T]:
    """Return the function as another thread can call it: who watches here watches it there."""
    here = _watcher.get()
    if here is None:
        return function

    def call() -> T:
        with watched(here):
            return function()

    return call


def stage(name: Stage) -> AbstractContextManager[None]:
    """Return a context whose time is that of a stage."""
    here = _watcher.get()
    return _UNWATCHED if here is None else _Timed(name, here)


def waiting() -> AbstractContextManager[None]:
    """Return a context whose time belongs to no stage: another thread, which is watched too, does the work."""
    here = _watcher.get()
    return _UNWATCHED if here is None else _Timed(None, here)


def staged(name: Stage) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator: each call of the function is a stage."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            here = _watcher.get()
            if here is None:
                return function(*args, **kwargs)
            with _Timed(name, here):
                return function(*args, **kwargs)

        return call

    return decorate


class _Timed:
    """One stage that is under way, and how much of its time stages inside it took."""

    __slots__ = ("_inside", "_name", "_outer", "_started", "_token", "_watcher")

    def __init__(self, name: Stage | None, watcher: Watcher) -> None:
        self._name = name
        self._watcher = watcher
        self._inside = 0.0

    def __enter__(self) -> None:
        self._outer = _open.get()
        self._token: Token[_Timed | None] = _open.set(self)
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        took = time.perf_counter() - self._started
        _open.reset(self._token)
        if self._outer is not None:
            self._outer._inside += took
        if self._name is not None:
            self._watcher.stage(self._name, max(0.0, took - self._inside))
