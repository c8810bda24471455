"""Answers that were asked for a moment ago, kept for who asks the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The last few answers, by what was asked and what they were made of; shared by threads.

    Parameters
    ----------
    most : int
        Those that were not asked for longest go first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._answers: OrderedDict[tuple[str, ...], T] = OrderedDict()

    def of(
        self, key: tuple[str, ...], make: Callable[[], T], *, worth_keeping: Callable[[T], bool] = lambda made: True
    ) -> T:
        """Return the answer that is kept under a key, made now where there is none, and kept if it is worth it."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        # Others need not wait: what two threads make at once is the same.
        made = make()
        if not worth_keeping(made):
            return made
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return made
