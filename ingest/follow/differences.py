"""What one version of a gallery has and another one has not, as deliveries: a follower of the other one settles them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice

from milvise.adapter import Collection
from milvise.core.chunks import chunks
from milvise.core.disk_keys import DiskKeys
from milvise.core.records import Row
from milvise.ingest.follow.event import DELETED, UPDATED, PictureEvent
from milvise.ingest.follow.stream import Delivery

FIELDS = ("id", "uri", "sha256", "label", "meta")
_ROWS = 1_000

Snapshot = DiskKeys
"""By primary key: what says whether a row is as it was."""


class _Given:
    """Deliveries of an iterator, which ends."""

    name = "the gallery"
    finds_what_is_gone = False

    def __init__(self, deliveries: Iterator[Delivery]) -> None:
        self._left = deliveries
        self.is_ended = False
        self.failed: dict[str, str] = {}
        """By URI: why a picture cannot be loaded."""
        self.count = 0

    def receive(self, most: int, wait_s: float) -> list[Delivery]:  # noqa: ARG002 - nothing is waited for
        """Return so many."""
        found = list(islice(self._left, most))
        self.is_ended = not found
        self.count += len(found)
        return found

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Nobody asks."""

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Note a picture that cannot be loaded."""
        self.failed[delivery.token] = reason

    def backlog(self) -> int | None:
        """Nobody knows."""
        return None

    def close(self) -> None:
        """Nothing is open."""


class Differences(_Given):
    """Where a version differs from the one that is live.

    Attributes
    ----------
    snapshot : DiskKeys
        What the live one had while it was read.
    failed : dict of str to str
        By URI: why a picture cannot be loaded.
    """

    def __init__(self, live: Collection, other: Collection) -> None:
        super().__init__(self._all(live, other))
        self.snapshot: Snapshot = DiskKeys()

    def _all(self, live: Collection, other: Collection) -> Iterator[Delivery]:
        for rows in chunks(live.scan(FIELDS), _ROWS):
            stored = other.get([row["id"] for row in rows], fields=FIELDS, own_writes=True)
            self.snapshot.add((row["id"], digest(row)) for row in rows)
            for row in rows:
                if row["id"] not in stored or digest(stored[row["id"]]) != digest(row):
                    yield _changed(row)
        for rows in chunks(other.scan(["id", "uri"]), _ROWS):
            known = self.snapshot.among([row["id"] for row in rows])
            yield from (_gone(row) for row in rows if row["id"] not in known)


class ChangedSince(_Given):
    """What changed in a version after a snapshot was taken of it: writers that did not know yet that another one went live.

    A picture that was written to the other one meanwhile keeps the label and metadata that it has there.
    """

    def __init__(self, before: Collection, snapshot: Snapshot, now: Collection) -> None:
        super().__init__(self._all(before, snapshot, now))

    @staticmethod
    def _all(before: Collection, snapshot: Snapshot, now: Collection) -> Iterator[Delivery]:
        for rows in chunks(before.scan(FIELDS), _ROWS):
            was = snapshot.among([row["id"] for row in rows])
            changed = [row for row in rows if digest(row) != was.get(row["id"])]
            stored = now.get([row["id"] for row in changed], fields=FIELDS, own_writes=True) if changed else {}
            for row in changed:
                written = row["id"] in stored and digest(stored[row["id"]]) != was.get(row["id"])
                yield Delivery(row["uri"], PictureEvent(UPDATED, row["uri"])) if written else _changed(row)
        for keys in chunks(snapshot, _ROWS):
            standing = before.get(keys, fields=["id"])
            gone = [key for key in keys if key not in standing]
            yield from (_gone(row) for row in now.get(gone, fields=["uri"], own_writes=True).values())


def digest(row: Row) -> bytes:
    """Return what differs where content, label or metadata do."""
    text = json.dumps([row["sha256"], row["label"], row["meta"]], sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _changed(row: Row) -> Delivery:
    return Delivery(row["uri"], PictureEvent(UPDATED, row["uri"], said=(row["label"], dict(row["meta"]))))


def _gone(row: Row) -> Delivery:
    return Delivery(row["uri"], PictureEvent(DELETED, row["uri"]))
