"""Events from a file or a pipe: one document a line. What was read before is read again by whoever starts anew."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from typing import IO

from milvise.core.lines import bounded_lines
from milvise.ingest.follow.event import MOST_BYTES, EventError, PictureEvent
from milvise.ingest.follow.stream import Delivery, delivered
from milvise.ingest.follow.streams.dead_letters import DeadLetters

_AHEAD = 1_024


class LineStream:
    """Lines of an open file. Nothing is acknowledged to anybody: a follower that ends before its lines do is started with the same lines.

    Parameters
    ----------
    file : binary file
    dead_letters : DeadLetters
        Where lines go that cannot be followed.
    since : float
        Lines whose event happened before this time, in seconds since 1970, are passed over.
    """

    def __init__(self, file: IO[bytes], dead_letters: DeadLetters, *, since: float = 0.0, name: str = "-") -> None:
        self.name = name
        self.is_ended = False
        self.finds_what_is_gone = False
        self._since = since
        self._dead_letters = dead_letters
        self._lines: queue.Queue[bytes | EventError | None] = queue.Queue(_AHEAD)
        # A read of a pipe cannot be ended: nobody waits for this thread.
        threading.Thread(target=self._read, args=(file,), name="milvise-lines", daemon=True).start()

    def receive(self, most: int, wait_s: float) -> list[Delivery]:
        """Return lines as deliveries."""
        found: list[Delivery] = []
        until = time.monotonic() + wait_s
        while len(found) < most and not self.is_ended:
            try:
                left = until - time.monotonic()
                line = self._lines.get(timeout=left) if left > 0 and not found else self._lines.get_nowait()
            except queue.Empty:
                break
            if line is None:
                self.is_ended = True
            elif isinstance(line, EventError):
                found.append(Delivery(None, line))
            elif not self._is_old(delivery := delivered(None, line)):
                found.append(delivery)
        return found

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Nobody asks."""

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Write a dead letter."""
        self._dead_letters.add(delivery.body.rstrip(b"\r\n"), reason)

    def backlog(self) -> int | None:
        """Return how many lines were read and wait; what still stands in the file is not known."""
        return self._lines.qsize()

    def close(self) -> None:
        """Nothing to let go of."""

    def _is_old(self, delivery: Delivery) -> bool:
        return isinstance(delivery.event, PictureEvent) and 0 < delivery.event.time < self._since

    def _read(self, file: IO[bytes]) -> None:
        for line in bounded_lines(file, MOST_BYTES):
            if line is None:
                self._lines.put(EventError(f"a line is longer than {MOST_BYTES:,} bytes"))
            elif line.strip():
                self._lines.put(line)
        self._lines.put(None)
