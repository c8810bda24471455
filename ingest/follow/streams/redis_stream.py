"""Events in a Redis stream, which several followers share by a consumer group.

An entry has a field ``event`` that holds the document. What was delivered to a follower that ended is claimed by another one. Dead
letters are entries of the stream ``NAME:dead``, written and acknowledged in one step.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from milvise.core.chunks import chunks
from milvise.errors import MissingExtraError, UnavailableError, UsageError
from milvise.ingest.follow.event import EventError
from milvise.ingest.follow.looks import TRIES
from milvise.ingest.follow.stream import Delivery, delivered, without_password

T = TypeVar("T")

FIELD = "event"
CLAIM_S = 10.0
"""What a follower has not been heard of for so long is claimed by another one. Looking twice does no harm."""

_CLAIM_EVERY_S = 2.0
_HEARD_OF_EVERY_S = 3.0
_FORGET_S = 24 * 3600
"""Followers without deliveries that were not seen for a day are taken off the group's list."""

_LONGEST_REASON = 2_000
_FOR_NOW = ("LOADING", "BUSY ", "TRYAGAIN", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "OOM", "MISCONF", "NOREPLICAS")
"""How errors begin that pass: Redis loads its data, changes its master, or has no room."""


class RedisStream:
    """A stream of ``redis://HOST[:PORT][/STREAM]``; the stream may also be given as ``redis://HOST/DATABASE/STREAM``.

    Parameters
    ----------
    address : str
    group : str
        Followers of the same group share the work.
    since : float, optional
        Seconds since 1970: the whole group begins anew with what was written from then on; 0 is the start. By default a group goes
        on where it was, and a new one begins at the start.

    Raises
    ------
    UsageError
        If the address names no stream.
    MissingExtraError
        If the client is not installed.
    UnavailableError
        If there is no Redis.
    """

    def __init__(self, address: str, *, group: str, since: float | None = None) -> None:
        try:
            import redis
        except ImportError:
            raise MissingExtraError("following a Redis stream", "redis") from None
        server, self._key = _split(address)
        self.name = without_password(address)
        self.is_ended = False
        self.finds_what_is_gone = False
        self._group = group
        self._me = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._errors = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
        self._refused = redis.exceptions.RedisError
        # Not longer than a blocking read takes, and no answer for half a minute is none.
        self._client: Any = redis.Redis.from_url(server, socket_timeout=30, socket_connect_timeout=5)
        self._cursor: Any = "0-0"
        self._claimed_at = 0.0
        self._held: set[bytes] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._join(since)
        self._thread = threading.Thread(target=self._stay_heard_of, name="milvise-redis", daemon=True)
        self._thread.start()

    def receive(self, most: int, wait_s: float) -> list[Delivery]:
        """Return entries: those that another follower left, and new ones."""
        if time.monotonic() - self._claimed_at > _CLAIM_EVERY_S:
            found = self._claimed(most)
            if found:
                return found
            self._claimed_at = time.monotonic()
        answer = self._call(
            self._client.xreadgroup,
            self._group,
            self._me,
            {self._key: ">"},
            count=most,
            block=max(1, int(1000 * wait_s)),
        )
        return self._taken([self._delivery(entry, 0) for _, entries in _listed(answer) for entry in entries])

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge entries."""
        self._call(self._client.xack, self._key, self._group, *[one.token for one in deliveries])
        self._let_go(deliveries)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Write a dead letter and acknowledge, both or none."""

        def put() -> None:
            with self._client.pipeline(transaction=True) as both:
                letter = {FIELD: delivery.body, "reason": reason[:_LONGEST_REASON], "id": delivery.token}
                both.xadd(f"{self._key}:dead", letter)
                both.xack(self._key, self._group, delivery.token)
                both.execute()

        self._call(put)
        self._let_go([delivery])

    def backlog(self) -> int | None:
        """Return how many entries no follower has read; None where Redis does not say (before 7.0, or after entries were deleted)."""
        groups = self._call(self._client.xinfo_groups, self._key)
        lags = [group.get("lag") for group in groups if _text(group["name"]) == self._group]
        return None if not lags or lags[0] is None else int(lags[0])

    def close(self) -> None:
        """Close the connections."""
        self._closed.set()
        self._thread.join()
        self._client.close()

    def _claimed(self, most: int) -> list[Delivery]:
        """Return entries that were delivered and not answered for a while."""
        answer = self._call(
            self._client.xautoclaim, self._key, self._group, self._me, int(1000 * CLAIM_S), self._cursor, count=most
        )
        self._cursor, entries = answer[0], [entry for entry in answer[1] if entry[1] is not None]
        if not entries:
            return []
        first, last = entries[0][0], entries[-1][0]
        pending = self._call(
            self._client.xpending_range,
            self._key,
            self._group,
            min=first,
            max=last,
            count=10 * len(entries),
            consumername=self._me,
        )
        times = {one["message_id"]: int(one["times_delivered"]) for one in pending}
        return self._taken([self._counted(self._delivery(entry, times.get(entry[0], 2) - 1)) for entry in entries])

    def _counted(self, delivery: Delivery) -> Delivery:
        """Return a delivery whose count grows from now on only by looks at it alone: one that waits for that may be claimed many times."""
        if delivery.crashes < TRIES:
            return delivery
        count = partial(
            self._call, self._client.xclaim, self._key, self._group, self._me, 0, [delivery.token], justid=True
        )
        count(retrycount=delivery.crashes)
        return replace(delivery, begin_alone=partial(count, retrycount=delivery.crashes + 1))

    def _taken(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Return deliveries, leaving out what this follower has in hand already."""
        with self._lock:
            new = [one for one in deliveries if one.token not in self._held]
            self._held.update(one.token for one in new)
        return new

    def _let_go(self, deliveries: Sequence[Delivery]) -> None:
        with self._lock:
            self._held.difference_update(one.token for one in deliveries)

    def _stay_heard_of(self) -> None:
        """Say of what is in hand that this follower is still at it, so that nobody claims it."""
        while not self._closed.wait(_HEARD_OF_EVERY_S):
            with self._lock:
                held = list(self._held)
            try:
                for some in chunks(held, 1_000):
                    # Only the ids: so it does not count as another delivery.
                    self._client.xclaim(self._key, self._group, self._me, 0, some, justid=True)
            except (*self._errors, self._refused):
                # The next call that needs an answer says what is wrong.
                continue

    def _delivery(self, entry: tuple[bytes, dict[bytes, bytes]], crashes: int) -> Delivery:
        key, values = entry
        body = values.get(FIELD.encode())
        if body is None:
            return Delivery(key, EventError(f"the entry has no field {FIELD!r}"), repr(values).encode(), crashes)
        return delivered(key, body, crashes)

    def _join(self, since: float | None) -> None:
        """Make the group where there is none, set it back where that is asked for, and forget followers that are long gone."""
        place = "0" if not since else f"{int(1000 * since)}-0"
        groups: list[Any] = []
        if self._call(self._client.exists, self._key):
            groups = self._call(self._client.xinfo_groups, self._key)
        if self._group not in {_text(group["name"]) for group in groups}:
            self._create(place)
        elif since is not None:
            self._call(self._client.xgroup_setid, self._key, self._group, place)
        for one in self._call(self._client.xinfo_consumers, self._key, self._group):
            if not one["pending"] and one["idle"] > 1000 * _FORGET_S:
                self._call(self._client.xgroup_delconsumer, self._key, self._group, one["name"])

    def _create(self, place: str) -> None:
        try:
            self._call(self._client.xgroup_create, self._key, self._group, id=place, mkstream=True)
        except UsageError as error:
            # Another follower made it a moment ago.
            if "BUSYGROUP" not in str(error):
                raise

    def _call(self, method: Callable[..., T], *values: Any, **named: Any) -> T:
        try:
            return method(*values, **named)
        except self._errors as error:
            raise UnavailableError(f"{self.name} does not answer: {str(error).rstrip('.')}.") from error
        except self._refused as error:
            if str(error).startswith("NOGROUP"):
                # Redis lost its data, or somebody removed the stream: the group begins anew with the next call.
                self._create("0")
                raise UnavailableError(
                    f"{self.name} has lost the group {self._group}, which was made again."
                ) from error
            if str(error).startswith(_FOR_NOW):
                raise UnavailableError(f"{self.name} is not ready: {error}.") from error
            raise UsageError(f"{self.name} cannot be followed: {error}") from error


def _split(address: str) -> tuple[str, str]:
    """Return the address of the server, and the name of the stream."""
    parts = urlsplit(address)
    names = [unquote(name) for name in parts.path.split("/") if name]
    if not names or len(names) > 2 or (len(names) == 2 and not names[0].isdigit()):
        raise UsageError(
            f"this names no Redis stream.\nExpected: redis://HOST[:PORT]/STREAM, or redis://HOST/DATABASE/STREAM\nReceived: {without_password(address)}"
        )
    database = f"/{names[0]}" if len(names) == 2 else ""
    return urlunsplit((parts.scheme, parts.netloc, database, parts.query, "")), names[-1]


def _listed(answer: Any) -> list[tuple[Any, list[Any]]]:
    """Return what a read gave: a list for RESP2, a mapping for RESP3, None where nothing came."""
    if isinstance(answer, dict):
        return [
            (key, [entry for entries in found for entry in (entries if isinstance(entries, list) else [entries])])
            for key, found in answer.items()
        ]
    return list(answer or ())


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
