"""What every stream with a memory keeps to: Debian's Redis, and the mock cluster of Kafka's client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest
from follow_world import CREATED, event
from redis_server import redis_server

from milvise.errors import UnavailableError, UsageError
from milvise.ingest.follow.event import EventError, PictureEvent
from milvise.ingest.follow.stream import Delivery, EventStream, without_password
from milvise.ingest.follow.streams import redis_stream
from milvise.ingest.follow.streams.kafka_topic import KafkaTopic
from milvise.ingest.follow.streams.redis_stream import RedisStream


class Broker(Protocol):
    """One kind of stream, with a place that nobody else uses."""

    address: str

    def write(self, *bodies: bytes) -> None: ...
    def open(self, *, since: float | None = None) -> EventStream: ...
    def forsake(self, stream: EventStream) -> None:
        """Leave a stream as a process does that is killed."""

    def dead(self) -> list[tuple[bytes, str]]: ...


class RedisBroker:
    def __init__(self, server: Any) -> None:
        self._client = server.client()
        self._key = f"pictures-{uuid4().hex[:8]}"
        self.address = f"{server.address}/{self._key}"

    def write(self, *bodies: bytes) -> None:
        for body in bodies:
            self._client.xadd(self._key, {"event": body})

    def open(self, *, since: float | None = None) -> EventStream:
        return RedisStream(self.address, group="g", since=since)

    def forsake(self, stream: EventStream) -> None:
        stream._closed.set()  # type: ignore[attr-defined]

    def dead(self) -> list[tuple[bytes, str]]:
        return [(one[b"event"], one[b"reason"].decode()) for _, one in self._client.xrange(f"{self._key}:dead")]


class KafkaBroker:
    def __init__(self, servers: str) -> None:
        from confluent_kafka import Producer

        self._servers = servers
        self._topic = f"pictures-{uuid4().hex[:8]}"
        self.address = f"kafka://{servers}/{self._topic}"
        self._producer = Producer({"bootstrap.servers": servers})

    def write(self, *bodies: bytes) -> None:
        for body in bodies:
            self._producer.produce(self._topic, body, partition=0)
        self._producer.flush(20)

    def open(self, *, since: float | None = None) -> EventStream:
        return KafkaTopic(f"{self.address}?session.timeout.ms=6000", group="g", since=since)

    def forsake(self, stream: EventStream) -> None:
        stream.close()

    def dead(self) -> list[tuple[bytes, str]]:
        from confluent_kafka import Consumer, TopicPartition

        settings = {"bootstrap.servers": self._servers, "group.id": "x", "auto.offset.reset": "earliest"}
        with closing(Consumer(settings)) as reader:
            places = reader.list_topics(f"{self._topic}.dead", timeout=10).topics[f"{self._topic}.dead"].partitions
            reader.assign([TopicPartition(f"{self._topic}.dead", number, 0) for number in places])
            found = [one for one in reader.consume(10, 3) if one.error() is None]
        return [(one.value(), dict(one.headers())["reason"].decode()) for one in found]


@pytest.fixture(scope="module")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def _kafka() -> Iterator[str]:
    kafka = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed (the extra kafka)")
    # The cluster lives as long as who made it.
    producer = kafka.Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 2, "log_level": 0})
    yield ",".join(f"{one.host}:{one.port}" for one in producer.list_topics(timeout=10).brokers.values())
    producer.flush(1)


@pytest.fixture(params=["redis", "kafka"])
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setattr(redis_stream, "CLAIM_S", 0.3)
    monkeypatch.setattr(redis_stream, "_CLAIM_EVERY_S", 0.1)
    monkeypatch.setattr(redis_stream, "_HEARD_OF_EVERY_S", 0.1)
    made = request.getfixturevalue(f"_{request.param}")
    return RedisBroker(made) if request.param == "redis" else KafkaBroker(made)


def bodies(count: int) -> list[bytes]:
    return [event(CREATED, f"cat/{number}.png") for number in range(count)]


def received(stream: EventStream, count: int, seconds: float = 20.0) -> list[Delivery]:
    """Return so many deliveries, or those that came in this time."""
    found: list[Delivery] = []
    until = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < until:
        found += stream.receive(count - len(found), 0.2)
    return found


def subjects(deliveries: list[Delivery]) -> list[str]:
    return [one.event.uri for one in deliveries if isinstance(one.event, PictureEvent)]


def test_what_is_written_is_delivered_in_its_order_and_only_once_where_it_is_acknowledged(broker: Broker) -> None:
    broker.write(*bodies(5))
    with closing(broker.open()) as stream:
        found = received(stream, 5)
        assert subjects(found) == [f"cat/{number}.png" for number in range(5)]
        assert [one.crashes for one in found] == [0] * 5
        stream.acknowledge(found)
        assert stream.receive(5, 0.5) == []
    with closing(broker.open()) as stream:
        assert received(stream, 1, 1.5) == []


def test_what_was_not_acknowledged_is_delivered_to_the_next_follower(broker: Broker) -> None:
    broker.write(*bodies(6))
    stream = broker.open()
    found = received(stream, 6)
    # Not in their order: the third is done, the second is not.
    stream.acknowledge([found[0], found[2]])
    broker.forsake(stream)
    with closing(broker.open()) as after:
        again = received(after, 4, 10.0)
        left = {f"cat/{number}.png" for number in (1, 3, 4, 5)}
        assert left <= set(subjects(again + received(after, 1, 0.5)))
        after.acknowledge(again)


def test_a_dead_letter_holds_the_event_and_the_reason_and_is_not_delivered_again(broker: Broker) -> None:
    broker.write(b"no event", *bodies(1))
    with closing(broker.open()) as stream:
        bad, good = received(stream, 2)
        assert isinstance(bad.event, EventError)
        stream.reject(bad, "the event is not JSON")
        stream.acknowledge([good])
    assert broker.dead() == [(b"no event", "the event is not JSON")]
    with closing(broker.open()) as stream:
        assert received(stream, 1, 1.5) == []


def test_it_tells_how_many_events_wait(broker: Broker) -> None:
    broker.write(*bodies(7))
    with closing(broker.open()) as stream:
        found = received(stream, 3)
        assert stream.backlog() == 4
        stream.acknowledge(found + received(stream, 4))
        assert stream.backlog() == 0


def test_a_group_can_begin_anew_at_the_start_or_at_a_time(broker: Broker) -> None:
    broker.write(*bodies(2))
    time.sleep(0.05)
    between = time.time()
    time.sleep(0.05)
    broker.write(event(CREATED, "late.png"))
    with closing(broker.open()) as stream:
        stream.acknowledge(received(stream, 3))
    with closing(broker.open(since=0.0)) as stream:
        found = received(stream, 3)
        assert len(found) == 3
        stream.acknowledge(found)
    if isinstance(broker, KafkaBroker):
        pytest.skip("the mock cluster of Kafka's client knows no times; that of a topic's start was tested")
    with closing(broker.open(since=between)) as stream:
        assert subjects(received(stream, 1)) == ["late.png"]


def test_two_followers_share_the_work(broker: Broker) -> None:
    if isinstance(broker, KafkaBroker):
        pytest.skip(
            "a topic of one partition is one follower's; the long run of benchmarks/follow_storm.py shares several"
        )
    broker.write(*bodies(10))
    with closing(broker.open()) as one, closing(broker.open()) as other:
        mine, theirs = received(one, 5), received(other, 5)
        assert len({*subjects(mine), *subjects(theirs)}) == 10
        # Who is at work is not robbed of it.
        time.sleep(0.8)
        assert received(other, 1, 0.5) == []


@pytest.mark.parametrize("address", ["redis://localhost", "redis://localhost/a/b", "redis://localhost/1/2/3"])
def test_an_address_names_a_stream(address: str) -> None:
    pytest.importorskip("redis", reason="redis-py is not installed (the extra redis)")
    with pytest.raises(UsageError, match="this names no Redis stream"):
        RedisStream(address, group="g")


@pytest.mark.parametrize(
    "address",
    [
        "redis://ann:secret@host/pictures", "redis://:sec/ret@host/pictures", "redis://ann:sec@ret@host/pictures",
        "redis://host/pictures?password=secret",
    ],
)  # fmt: skip
def test_an_address_is_shown_without_what_is_secret(address: str) -> None:
    assert without_password(address) == "redis://host/pictures"


def test_a_password_is_told_to_nobody() -> None:
    pytest.importorskip("redis", reason="redis-py is not installed (the extra redis)")
    with pytest.raises(UnavailableError) as error:
        RedisStream("redis://ann:secret@127.0.0.1:9/pictures", group="g")
    assert "secret" not in str(error.value)
    assert "redis://127.0.0.1:9/pictures does not answer" in str(error.value)


def test_redis_counts_how_often_followers_ended_at_an_event(_redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_stream, "CLAIM_S", 0.1)
    monkeypatch.setattr(redis_stream, "_CLAIM_EVERY_S", 0.0)
    broker = RedisBroker(_redis)
    broker.write(*bodies(1))
    for ended in range(4):
        stream = broker.open()
        (found,) = received(stream, 1)
        assert found.crashes == ended
        broker.forsake(stream)
    # From then on only looks at it alone count.
    for expected, alone in ((3, False), (3, False), (3, True), (4, True), (5, False), (5, False)):
        stream = broker.open()
        (found,) = received(stream, 1)
        assert found.crashes == expected
        if alone:
            found.begin_alone()
        broker.forsake(stream)


def test_redis_that_is_away_or_lost_its_data_is_waited_for(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        broker = RedisBroker(server)
        broker.write(*bodies(2))
        stream = broker.open()
        found = received(stream, 2)
        server.kill()
        for call in (
            lambda: stream.receive(1, 0.1),
            lambda: stream.acknowledge(found),
            lambda: stream.reject(found[0], "x"),
        ):
            with pytest.raises(UnavailableError, match="does not answer"):
                call()
        server.start()
        stream.acknowledge(found)
        server.client().flushall()
        with pytest.raises(UnavailableError, match="lost the group"):
            received(stream, 1, 5)
        broker.write(*bodies(1))
        assert subjects(received(stream, 1)) == ["cat/0.png"]
        stream.close()


def test_kafka_that_is_away_says_so() -> None:
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed (the extra kafka)")
    with pytest.raises(UsageError, match="No such configuration property"):
        KafkaTopic("kafka://127.0.0.1:9/pictures?no.such=1", group="g")
    with pytest.raises(UsageError, match="this names no Kafka topic"):
        KafkaTopic("kafka://127.0.0.1:9", group="g")
