"""Rate limits: refilled evenly, of bounded memory, counted before the key is checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.guards import buckets, key_check
from milvise.service.guards.buckets import Buckets, sender_of
from milvise.service.guards.key_file import add_key
from milvise.service.settings import Settings

SEARCH = "/api/v1/galleries/r/search?words=cat"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_refills_evenly_and_never_holds_more_than_a_minute() -> None:
    clock = Clock()
    limits = Buckets(60, clock)
    assert [limits.take("a") for _ in range(60)] == [0.0] * 60
    assert limits.take("a") == pytest.approx(1.0)
    assert limits.take("b") == 0.0
    clock.now = 1.5
    assert limits.take("a") == 0.0
    assert limits.take("a") == pytest.approx(0.5)
    clock.now = 10_000
    assert sum(limits.take("a") == 0.0 for _ in range(100)) == 60


def test_what_is_owed_is_bounded() -> None:
    clock = Clock()
    limits = Buckets(60, clock)
    for _ in range(1_000):
        limits.charge("a", 20)
    assert limits.take("a") == pytest.approx(121)
    clock.now = 122
    assert limits.take("a") == 0.0


def test_senders_beyond_a_number_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MOST_SENDERS", 100)
    limits = Buckets(60)
    for number in range(10_000):
        limits.take(f"10.0.{number // 256}.{number % 256}")
    assert len(limits) == 100


def test_a_network_of_ipv6_is_one_sender() -> None:
    assert sender_of("2001:db8::1") == sender_of("2001:db8::ffff:1") != sender_of("2001:db8:0:1::1")
    assert sender_of("::ffff:10.0.0.1") == sender_of("10.0.0.1") != sender_of("10.0.0.2")
    assert sender_of("testclient") == "testclient"


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is refilled while a test runs, however slow the machine."""
    monkeypatch.setattr(key_check, "Buckets", lambda per_minute: Buckets(per_minute, Clock()))


@pytest.mark.usefixtures("no_time")
def test_guessing_keys_ends_soon_and_the_right_key_is_not_told_apart(db: Database, tmp_path: Path) -> None:
    right = add_key(tmp_path / "keys", "bob", "read")
    client = TestClient(make_app(db, Settings(api_keys=tmp_path / "keys", requests_per_minute=100)))
    seen = [client.get(SEARCH, headers={"Authorization": f"Bearer {number}"}) for number in range(30)]
    assert [answer.status_code for answer in seen] == [401] * 5 + [429] * 25
    assert int(seen[-1].headers["retry-after"]) >= 1
    assert (seen[-1].json()["code"], seen[-1].headers["x-frame-options"]) == ("too_many_requests", "DENY")
    assert client.get(SEARCH, headers={"Authorization": f"Bearer {right}"}).status_code == 429


@pytest.mark.usefixtures("no_time")
def test_a_forwarded_address_is_not_believed(db: Database, tmp_path: Path) -> None:
    add_key(tmp_path / "keys", "bob", "read")
    client = TestClient(make_app(db, Settings(api_keys=tmp_path / "keys", requests_per_minute=40)))
    codes = [
        client.get(SEARCH, headers={"Authorization": "Bearer x", "X-Forwarded-For": f"10.0.0.{number}"}).status_code
        for number in range(6)
    ]
    assert codes == [401, 401, 429, 429, 429, 429]


@pytest.mark.usefixtures("no_time")
def test_people_behind_one_address_do_not_share_a_limit(db: Database, tmp_path: Path) -> None:
    made = [add_key(tmp_path / "keys", name, "read") for name in ("a", "b")]
    client = TestClient(make_app(db, Settings(api_keys=tmp_path / "keys", requests_per_minute=5)))
    codes = [
        [client.get("/api/v1/none", headers={"Authorization": f"Bearer {key}"}).status_code for _ in range(6)]
        for key in made
    ]
    assert codes == [[404] * 5 + [429]] * 2


@pytest.mark.usefixtures("no_time")
def test_without_keys_nothing_is_counted_unless_asked(db: Database) -> None:
    assert Settings().most_requests is None
    client = TestClient(make_app(db, Settings(requests_per_minute=3)))
    assert [client.get("/healthz").status_code for _ in range(4)] == [200, 200, 200, 429]
