"""A look at what stands in Milvus, taken in a thread of its own, so that nobody who asks waits for a Milvus that does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from milvise.operations.readiness import Readiness, no_answer


class Watch:
    """The last look, and the next one when that is too old; one look at a time, whoever asks.

    Parameters
    ----------
    look : callable
        Looks; it may take long, and raises nothing that is expected.
    """

    def __init__(self, look: Callable[[], Readiness]) -> None:
        self._look = look
        self._changed = threading.Condition()
        self._last: tuple[float, Readiness] | None = None
        self._is_looking = False

    def look(self, *, fresh_s: float, patience_s: float, stale_s: float) -> Readiness:
        """Return what stands in Milvus.

        Parameters
        ----------
        fresh_s : float
            A look that is no older is returned at once; else another one is taken.
        patience_s : float
            Nobody waits longer; the look goes on, for who asks next.
        stale_s : float
            Who waited in vain gets the last look if it is no older, and else that Milvus does not answer.
        """
        asked = time.monotonic()
        with self._changed:
            if self._is_fresh(asked - fresh_s):
                return self._found()
            if not self._is_looking:
                self._is_looking = True
                threading.Thread(target=self._take, name="milvise-watch", daemon=True).start()
            self._changed.wait_for(lambda: self._is_fresh(asked - fresh_s) or not self._is_looking, patience_s)
            if self._is_fresh(asked - max(fresh_s, stale_s)):
                return self._found()
            return no_answer(f"Milvus gave no answer in {patience_s:.0f} s.")

    def _is_fresh(self, since: float) -> bool:
        return self._last is not None and self._last[0] >= since

    def _found(self) -> Readiness:
        assert self._last is not None
        return self._last[1]

    def _take(self) -> None:
        started, found = time.monotonic(), no_answer("Milvus could not be looked at.")
        try:
            found = self._look()
        finally:
            with self._changed:
                self._last, self._is_looking = (started, found), False
                self._changed.notify_all()
