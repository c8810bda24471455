"""When a gallery is read as a whole: after some requests, by a thread, for which nobody waits.

A process that searches once is answered sooner by Milvus. One that goes on, such as a service, spares each search the rows of its candidates, and a
search of its own for each text, from its 20th on.
"""

from __future__ import annotations

import threading

from milvise.adapter import Collection
from milvise.errors import MilviseError
from milvise.queries.text.read import is_closed
from milvise.queries.whole.pictures import WholeGallery, read_whole

PATIENCE = 20
"""Searches before a gallery is read."""


class GalleryReader:
    """Reads one gallery as a whole; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[str, str] | None = None
        self._asked = 0
        self._whole: WholeGallery | None = None

    def known(self, visual: Collection, searches: int = 1) -> WholeGallery | None:
        """Return the gallery if it was read since its pictures changed, None before that; called once in each request.

        Parameters
        ----------
        searches : int
            How many searches the request is: a service makes those of several people at once.
        """
        of = visual.name, visual.manifest.stamp
        if not is_closed(of[1]):
            return None
        with self._lock:
            if of != self._of:
                self._of, self._asked, self._whole = of, 0, None
            before, self._asked = self._asked, self._asked + searches
            if before < PATIENCE <= self._asked:
                threading.Thread(target=self._read, args=(visual, of), name="milvise-whole", daemon=True).start()
            return self._whole

    def _read(self, visual: Collection, of: tuple[str, str]) -> None:
        try:
            whole = read_whole(visual)
        except MilviseError:
            # Whoever searches is told what is wrong with Milvus; it is tried again after as many requests.
            with self._lock:
                if of == self._of:
                    self._asked = 0
            return
        with self._lock:
            if of == self._of:
                self._whole = whole
