"""Streams and events for the tests of followers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from milvise.adapter import Store
from milvise.errors import UnavailableError
from milvise.ingest.follow.event import CREATED, DELETED, UPDATED
from milvise.ingest.follow.stream import Delivery, delivered

__all__ = ["CREATED", "DELETED", "UPDATED", "Given", "event", "rows", "until"]


def event(kind: str, subject: str, *, at: float = 0.0, number: int = 0, **more: Any) -> bytes:
    """Return a document as publishers write it."""
    document = {
        "specversion": "1.0",
        "id": f"{kind}-{subject}-{number}",
        "source": "/tests",
        "type": kind,
        "subject": subject,
    }
    if at:
        document["time"] = datetime.fromtimestamp(at, UTC).isoformat()
    return json.dumps({**document, **more}).encode()


class Given:
    """A stream that delivers what a test gives it, and ends when all of that is answered.

    Attributes
    ----------
    acknowledged : list of int
        Which deliveries are done, by their number.
    dead : dict of int to str
        Which are dead letters, with the reason.
    """

    name = "given"
    finds_what_is_gone = False

    def __init__(self, bodies: Iterable[bytes | Delivery], *, fails: int = 0) -> None:
        self._left = [one if isinstance(one, Delivery) else delivered(number, one) for number, one in enumerate(bodies)]
        self._unanswered = len(self._left)
        self._fails = fails
        self.acknowledged: list[int] = []
        self.dead: dict[int, str] = {}
        self.before_receive: Callable[[], None] = lambda: None

    @property
    def is_ended(self) -> bool:
        return not self._left

    def receive(self, most: int, wait_s: float) -> list[Delivery]:
        self.before_receive()
        some, self._left = self._left[:most], self._left[most:]
        return some

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        if self._fails:
            self._fails -= 1
            raise UnavailableError("the stream is away.")
        self.acknowledged += [one.token for one in deliveries]

    def reject(self, delivery: Delivery, reason: str) -> None:
        self.dead[delivery.token] = reason

    def backlog(self) -> int | None:
        return len(self._left)

    def close(self) -> None:
        pass


def rows(store: Store, gallery: str = "g", room: str = "visual") -> dict[str, dict[str, Any]]:
    """Return what a gallery has, by URI."""
    collection = store.live(f"{gallery}_{room}")
    assert collection is not None
    return {row["uri"]: row for row in collection.scan([*collection.room.fields, "vector"])}


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def stopped_when(holds: Callable[[], bool], seconds: float = 60.0) -> Callable[[], bool]:
    """Return what ends a follower once something holds, or after a while."""
    end = time.monotonic() + seconds
    return lambda: holds() or time.monotonic() > end


def changed(path: Path, data: bytes) -> None:
    """Write a file in place, as a camera or an editor does."""
    with path.open("wb") as file:
        file.write(data)
