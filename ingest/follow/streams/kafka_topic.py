"""Events in a Kafka topic: followers of one group share its partitions. Dead letters go to the topic ``NAME.dead``.

A partition's offset is committed up to the first event that is not settled yet, so that a follower that ends loses none.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from milvise.errors import MissingExtraError, UnavailableError, UsageError
from milvise.ingest.follow.stream import Delivery, delivered

_FLUSH_S = 10.0
_CALL_S = 10.0
_LONGEST_REASON = 2_000

Token = tuple[int, int]
"""Partition and offset."""


class KafkaTopic:
    """A topic of ``kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/TOPIC[?property=value]``.

    Parameters
    ----------
    address : str
        Its query gives further properties of librdkafka, such as ``security.protocol=SASL_SSL``.
    group : str
        Followers of the same group share the partitions.
    since : float, optional
        Seconds since 1970: this follower begins with what was written from then on; 0 is the start. By default a group goes on where
        it was, and a new one begins at the start.

    Raises
    ------
    UsageError
        If the address names no topic, or a property is unknown.
    MissingExtraError
        If the client is not installed.
    """

    def __init__(self, address: str, *, group: str, since: float | None = None) -> None:
        try:
            import confluent_kafka
        except ImportError:
            raise MissingExtraError("following a Kafka topic", "kafka") from None
        self._kafka: Any = confluent_kafka
        parts = urlsplit(address)
        servers, self._topic = parts.netloc.rpartition("@")[2], unquote(parts.path.strip("/"))
        self.name = f"kafka://{servers}/{self._topic}"
        self._problem = ""
        self.is_ended = False
        self.finds_what_is_gone = False
        if not servers or not self._topic or "/" in self._topic:
            raise UsageError(f"this names no Kafka topic.\nExpected: kafka://HOST:PORT/TOPIC\nReceived: {self.name}")
        self._since = since
        self._placed: set[int] = set()
        self._offsets = _Offsets()
        settings = {
            "bootstrap.servers": servers,
            "log_level": 2,
            **_login(parts.username, parts.password),
            **dict(parse_qsl(parts.query)),
        }
        follow = {
            "error_cb": self._noted,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
        }
        try:
            self._producer: Any = confluent_kafka.Producer({**settings, "message.timeout.ms": int(1000 * _FLUSH_S)})
            self._consumer: Any = confluent_kafka.Consumer({**settings, **follow})
        except confluent_kafka.KafkaException as error:
            raise UsageError(f"{self.name} cannot be followed: {error.args[0].str()}") from error
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def receive(self, most: int, wait_s: float) -> list[Delivery]:
        """Return messages."""
        try:
            messages = self._consumer.consume(most, wait_s)
        except self._kafka.KafkaException as error:
            raise UnavailableError(f"{self.name} does not answer: {error.args[0].str()}.") from error
        if not messages and self._problem:
            problem, self._problem = self._problem, ""
            raise UnavailableError(f"{self.name} does not answer: {problem}.")
        found = []
        for message in messages:
            if (problem := message.error()) is not None:
                if problem.code() == self._kafka.KafkaError._PARTITION_EOF:
                    continue
                raise UnavailableError(f"{self.name} cannot be read: {problem.str()}.")
            token = message.partition(), message.offset()
            self._offsets.begin(token)
            found.append(delivered(token, message.value() or b""))
        return found

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Commit what is settled without a gap."""
        moved = self._offsets.finish([one.token for one in deliveries])
        if not moved:
            return
        places = [self._kafka.TopicPartition(self._topic, partition, offset) for partition, offset in moved.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except self._kafka.KafkaException as error:
            if error.args[0].code() in self._moved_on():
                # The partitions are another follower's now, which looks once more at what was not committed.
                return
            self._offsets.take_back(moved)
            raise UnavailableError(f"{self.name} does not answer: {error.args[0].str()}.") from error

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Write a dead letter, wait until Kafka has it, and acknowledge."""
        failed: list[Any] = []
        self._producer.produce(
            f"{self._topic}.dead", delivery.body, headers={"reason": reason[:_LONGEST_REASON].encode()},
            on_delivery=lambda error, _: failed.append(error) if error is not None else None,
        )  # fmt: skip
        if self._producer.flush(_FLUSH_S) or failed:
            why = failed[0].str() if failed else "no answer"
            raise UnavailableError(f"the dead letter could not be written to {self._topic}.dead: {why}.")
        self.acknowledge([delivery])

    def backlog(self) -> int | None:
        """Return how many messages of this follower's partitions were not read yet, as far as the last answers told."""
        waiting = 0
        for place in self._consumer.position(self._consumer.assignment()):
            low, high = self._consumer.get_watermark_offsets(place, cached=True)
            waiting += max(0, high - max(place.offset, low)) if high > 0 else 0
        return waiting

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _assigned(self, consumer: Any, places: list[Any]) -> None:
        """Begin in partitions that are new to this follower where it was asked to."""
        new = [place for place in places if place.partition not in self._placed]
        if self._since is None or not new:
            return
        self._placed.update(place.partition for place in new)
        for place in new:
            place.offset = int(1000 * self._since) if self._since else self._kafka.OFFSET_BEGINNING
        found = consumer.offsets_for_times(new, timeout=_CALL_S) if self._since else new
        offsets = {place.partition: place.offset for place in found}
        for place in new:
            place.offset = offsets[place.partition]
        consumer.assign(places)

    def _revoked(self, _consumer: Any, places: list[Any]) -> None:
        self._offsets.forget([place.partition for place in places])

    def _noted(self, error: Any) -> None:
        """Note that no broker can be reached; the client goes on trying by itself."""
        if error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN:
            self._problem = error.str()

    def _moved_on(self) -> tuple[int, ...]:
        known = self._kafka.KafkaError
        return known.ILLEGAL_GENERATION, known.UNKNOWN_MEMBER_ID, known.REBALANCE_IN_PROGRESS, known._NO_OFFSET


class _Offsets:
    """Which messages of each partition are under way. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[int, dict[int, None]] = {}
        """By partition: the offsets in their order."""
        self._next: dict[int, int] = {}
        self._committed: dict[int, int] = {}

    def begin(self, token: Token) -> None:
        partition, offset = token
        with self._lock:
            self._under_way.setdefault(partition, {})[offset] = None
            self._next[partition] = offset + 1

    def finish(self, tokens: Sequence[Token]) -> dict[int, int]:
        """Return the offsets to commit, by partition, where they moved."""
        with self._lock:
            for partition, offset in tokens:
                self._under_way.get(partition, {}).pop(offset, None)
            moved = {}
            for partition in {partition for partition, _ in tokens if partition in self._under_way}:
                first = next(iter(self._under_way[partition]), self._next[partition])
                if first > self._committed.get(partition, -1):
                    moved[partition] = self._committed[partition] = first
            return moved

    def take_back(self, moved: dict[int, int]) -> None:
        """Note that a commit failed: the next one tries the same again."""
        with self._lock:
            for partition in moved:
                self._committed.pop(partition, None)

    def forget(self, partitions: Sequence[int]) -> None:
        with self._lock:
            for partition in partitions:
                for known in (self._under_way, self._next, self._committed):
                    known.pop(partition, None)


def _login(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    login = {"sasl.username": unquote(user), "sasl.password": unquote(password or "")}
    return {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", **login}
