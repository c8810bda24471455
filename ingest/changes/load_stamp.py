"""The mark by which a run knows that nobody has loaded anything into a gallery since this machine did."""

from __future__ import annotations

import secrets
import time
from threading import Lock

from milvise.adapter import Collection, Store
from milvise.ingest.changes.loaded_files import LoadedFiles

_OPEN = "open:"


class LoadStamp:
    """A gallery's stamp, in the manifest of its visual collection.

    It is taken away before anything is written, and another one is left at the end: a run that was killed, or that
    another one ran into, leaves none that any machine remembers.

    Attributes
    ----------
    untouched : bool
        Whether the gallery is as the last complete run on this machine left it.
    """

    def __init__(self, store: Store, visual: Collection, joint: Collection | None, loaded: LoadedFiles) -> None:
        self._store = store
        self._visual = visual
        self._loaded = loaded
        self._lock = Lock()
        self._before = visual.manifest.stamp
        self._open = ""
        rows = visual.count()
        complete = joint is None or joint.count() == rows
        self.untouched = complete and loaded.has_stamp(self._before, rows)

    def take(self) -> None:
        """Take the stamp away; called before every write."""
        with self._lock:
            if not self._open:
                self._open = _OPEN + secrets.token_hex(8)
                self._record(self._open)

    def leave(self, rows: int) -> None:
        """Leave a stamp at the end of a complete run, after which the gallery has so many rows."""
        found = self._store.find(self._visual.manifest)
        now = "" if found is None else found.manifest.stamp
        if now != (self._open or self._before):
            # Another run loads into the same gallery.
            if self._open:
                self._record("")
        elif self._open or not now or now.startswith(_OPEN):
            new = secrets.token_hex(8)
            self._loaded.note_stamp(new, rows, only_this_run=not self.untouched)
            # Without a write the pictures are as old as they were.
            self._record(new, **({"loaded_at": round(time.time(), 3)} if self._open else {}))
        elif not self.untouched:
            self._loaded.note_stamp(now, rows, only_this_run=True)

    def _record(self, stamp: str, **more: float) -> None:
        # The catalog's entry, of which other values may have changed meanwhile.
        found = self._store.find(self._visual.manifest)
        if found is not None:
            # So that what is recorded of the collection later says so too.
            self._visual.manifest = self._store.record(found.manifest.changed(stamp=stamp, **more)).manifest
