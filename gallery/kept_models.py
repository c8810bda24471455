"""Models that were loaded, kept for the next request: few, each loaded once, and closed when they go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

MOST_MODELS = 2
"""A network takes 20 MB to 600 MB of memory."""


M = TypeVar("M")


class KeptModels(Generic[M]):
    """At most `MOST_MODELS` models by what they were loaded from; the one that was not asked for longest goes first.

    A model that goes is closed by `close`. A request in another thread may still use it: a closed model builds again what it needs.
    """

    def __init__(self, close: Callable[[M], None] = lambda model: None) -> None:
        self._close = close
        self._lock = Lock()
        self._models: OrderedDict[Hashable, M] = OrderedDict()
        self._loading: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, load: Callable[[], M]) -> M:
        """Return the model of this key, loaded once: other threads that want the same one wait for it."""
        with self._lock:
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key]
            loading = self._loading.setdefault(key, Lock())
        with loading:
            try:
                with self._lock:
                    if key in self._models:
                        return self._models[key]
                model = load()
                with self._lock:
                    self._models[key] = model
                    gone = [self._models.popitem(last=False)[1] for _ in range(len(self._models) - MOST_MODELS)]
            finally:
                with self._lock:
                    self._loading.pop(key, None)
        for one in gone:
            self._close(one)
        return model

    def close(self) -> None:
        """Close all models and keep none."""
        with self._lock:
            gone = list(self._models.values())
            self._models.clear()
        for one in gone:
            self._close(one)

    def __len__(self) -> int:
        return len(self._models)
