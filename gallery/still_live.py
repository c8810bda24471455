"""Whether a version that is written to is still the one that is searched."""

from __future__ import annotations

import time
from threading import Lock

from milvise.adapter import Manifest, Store
from milvise.adapter.store import LEASE_S
from milvise.errors import ReplacedError


class StillLive:
    """Asks Milvus, at most every half second, whether an alias points at the collection that a writer opened.

    Whoever lets another version go live waits for longer than that before what was written to this one is brought over.
    Threads share it.
    """

    def __init__(self, store: Store, visual: Manifest) -> None:
        self._store = store
        self._visual = visual
        self._lock = Lock()
        self._asked_at = 0.0
        self._replaced = False

    def is_replaced(self) -> bool:
        """Return whether another version went live, or the gallery was dropped."""
        with self._lock:
            if not self._replaced and time.monotonic() - self._asked_at > LEASE_S / 2:
                self._replaced = self._store.points_at(self._visual.alias) != self._visual.collection
                self._asked_at = time.monotonic()
            return self._replaced

    def require(self) -> None:
        """Check it before something is written.

        Raises
        ------
        ReplacedError
            If another version went live.
        """
        if self.is_replaced():
            raise ReplacedError(
                f"another version of {self._visual.alias} went live, or it was dropped, while it was written to. What was written before is"
                " brought over; run the same command again for the rest."
            )
