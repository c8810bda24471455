"""How many pictures may go within a minute without somebody saying so: a disk that is not mounted looks like a folder that was emptied."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from milvise.errors import UsageError

WINDOW_S = 60.0
LEAST = 10
"""So many may always go: a share of a small gallery would be less than one."""


@dataclass(frozen=True, slots=True)
class DeleteLimit:
    """A limit on deletions that nobody asked for in so many words.

    Parameters
    ----------
    text : str
        A share such as ``5%``, or a number of pictures.
    count : callable
        Returns how many pictures the gallery has.

    Raises
    ------
    UsageError
        If the text is neither.
    """

    text: str
    count: Callable[[], int]
    _gone: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{1,9}|(100|\d{1,2})(\.\d+)?%", self.text):
            raise UsageError(
                f"this limits no deletions.\nExpected: a share such as 5%, or a number of pictures\nReceived: {self.text!r}"
            )

    def allows(self, pictures: int) -> bool:
        """Return whether so many more may go now, and count them if they may."""
        now = time.monotonic()
        while self._gone and self._gone[0][0] < now - WINDOW_S:
            self._gone.popleft()
        before = sum(count for _, count in self._gone)
        if before + pictures > self._most(before):
            return False
        self._gone.append((now, pictures))
        return True

    def _most(self, before: int) -> float:
        if not self.text.endswith("%"):
            return int(self.text)
        return max(LEAST, float(self.text[:-1]) / 100 * (self.count() + before))
