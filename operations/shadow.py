"""Shadow searches: a share of the searches in a gallery is also asked of the version that is to come, and the answers are compared.

Nobody waits for them and nobody sees them. The same words are always in the share, or never, so that the two versions are asked the same.
"""

from __future__ import annotations

import queue
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from milvise.errors import MilviseError
from milvise.gallery.names import coming, visual_alias
from milvise.queries.database import Database

_LOOKED_EVERY_S = 2.0
"""Whether there is a version to come."""

_WAITING = 64


@dataclass(frozen=True, slots=True)
class Compared:
    """One search that both versions answered.

    Attributes
    ----------
    overlap : float
        How many of the pictures that the live version found the other one found too, from 0 to 1; 1 where both found none.
    live_s, coming_s : float
        Seconds that each took.
    error : str
        The name of the error of the version to come, empty where it answered.
    """

    gallery: str
    overlap: float
    live_s: float
    coming_s: float
    error: str = ""


class Shadow:
    """Asks versions to come, in one thread, and tells what came of it.

    Parameters
    ----------
    share : float
        Of searches, from 0 to 1.
    tell : callable
        Given each comparison.
    dropped : callable
        Called for each search that was not compared because too many waited.
    """

    def __init__(
        self, db: Database, share: float, tell: Callable[[Compared], None], dropped: Callable[[], None] = lambda: None
    ) -> None:
        self._db = db
        self._share = share
        self._tell = tell
        self._dropped = dropped
        self._asked: queue.Queue[tuple[str, str, dict[str, Any], tuple[str, ...], float] | None] = queue.Queue(_WAITING)
        self._galleries: dict[str, Any] = {}
        self._coming: dict[str, tuple[float, bool]] = {}
        self._thread: threading.Thread | None = None

    def consider(self, gallery: str, words: str, options: dict[str, Any], ids: Sequence[str], took_s: float) -> None:
        """Compare a search that was answered, if it is in the share; returns at once.

        Parameters
        ----------
        options : dict
            As they were given to `Gallery.search`.
        ids : sequence of str
            What the live version found.
        """
        if zlib.crc32(words.encode("utf-8", "surrogatepass")) >= self._share * 2**32:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="milvise-shadow", daemon=True)
            self._thread.start()
        try:
            self._asked.put_nowait((gallery, words, options, tuple(ids), took_s))
        except queue.Full:
            self._dropped()

    def close(self) -> None:
        """End the thread; what waits is not compared."""
        if self._thread is not None:
            with suppress(queue.Empty):
                while True:
                    self._asked.get_nowait()
            self._asked.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            try:
                if self._is_coming(asked[0]):
                    self._tell(self._compared(*asked))
            except MilviseError:
                # Milvus is away, which everybody else is told.
                continue

    def _is_coming(self, gallery: str) -> bool:
        at, known = self._coming.get(gallery, (0.0, False))
        if time.monotonic() - at > _LOOKED_EVERY_S:
            known = self._db.store.points_at(visual_alias(coming(gallery))) is not None
            self._coming[gallery] = time.monotonic(), known
        return known

    def _compared(
        self, gallery: str, words: str, options: dict[str, Any], ids: tuple[str, ...], live_s: float
    ) -> Compared:
        other = self._galleries.setdefault(gallery, self._db.gallery(coming(gallery)))
        started, found, error = time.perf_counter(), [], ""
        try:
            found = [hit.id for hit in other.search(words, **options)]
        except MilviseError as raised:
            error = type(raised).__name__
        took = time.perf_counter() - started
        overlap = len({*ids} & {*found}) / len(ids) if ids else float(not found)
        return Compared(gallery, overlap, live_s, took, error)
