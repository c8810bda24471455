"""A service with an open port meets clients that are slow, loud, many or rude, and answers others meanwhile."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import Request
from fastapi.responses import StreamingResponse

from milvise.errors import UsageError
from milvise.operations.database import Database
from milvise.service import serve
from milvise.service.guards.connections import Connection
from milvise.service.guards.request_size import RequestSize
from milvise.service.serve import Service
from milvise.service.settings import Settings

LIMIT_S = 0.3
"""Of headers, silence and reading, in these tests."""
STREAM = 200_000_000
"""More bytes than the buffers between two sockets hold."""


class Running:
    """A service in a thread, with routes for tests."""

    def __init__(self, db: Database) -> None:
        self.service = Service(db, Settings(port=0))
        self.port = int(self.service.address.rpartition(":")[2])
        self.go = threading.Event()
        self.service.app.post("/api/test/similar")(self._count)
        self.service.app.get("/api/test/stream")(self._stream)
        self.service.app.get("/api/test/wait")(self._wait)
        ready = threading.Event()
        self.thread = threading.Thread(target=self.service.run, args=(ready.set,))
        self.thread.start()
        assert ready.wait(5)

    @staticmethod
    async def _count(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    def _stream(self) -> StreamingResponse:
        return StreamingResponse(b"x" * 100_000 for _ in range(STREAM // 100_000))

    def _wait(self) -> dict[str, bool]:
        return {"waited": self.go.wait(5)}

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def is_well(self) -> bool:
        with self.connect() as asked:
            asked.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return all_of(asked).startswith(b"HTTP/1.1 200")


@pytest.fixture(scope="module")
def running(db: Database) -> Iterator[Running]:
    patched = pytest.MonkeyPatch()
    patched.setattr(Connection, "head_s", LIMIT_S)
    patched.setattr(Connection, "reading_s", LIMIT_S)
    patched.setattr(RequestSize, "silence_s", LIMIT_S)
    patched.setattr(RequestSize, "body_s", 3 * LIMIT_S)
    made = Running(db)
    yield made
    made.service.stop()
    made.thread.join(5)
    assert not made.thread.is_alive()
    patched.undo()


def all_of(asked: socket.socket) -> bytes:
    received = b""
    try:
        while part := asked.recv(65_536):
            received += part
    except ConnectionResetError:
        pass
    return received


def code_of(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)["code"]


@contextmanager
def trickled(running: Running, first: bytes, then: bytes, every_s: float) -> Iterator[socket.socket]:
    """Send `first`, then a part of `then` again and again, for as long as the service listens."""
    with running.connect() as asked:
        asked.sendall(first)

        def send() -> None:
            try:
                while True:
                    time.sleep(every_s)
                    asked.sendall(then)
            except OSError:
                return

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        yield asked
    thread.join(2)


def test_headers_that_never_end_are_given_up(running: Running) -> None:
    started = time.monotonic()
    with trickled(running, b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n", 0.03) as asked:
        assert running.is_well()
        assert code_of(all_of(asked)) == (408, "too_slow")
    assert LIMIT_S * 0.8 < time.monotonic() - started < 9


def test_a_connection_without_a_byte_is_given_up(running: Running) -> None:
    with running.connect() as asked:
        assert code_of(all_of(asked)) == (408, "too_slow")


def test_a_second_request_may_not_be_slow_either(running: Running) -> None:
    first = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HT"
    with trickled(running, first, b"T", 0.03) as asked:
        answer = all_of(asked)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answer


POST = b"POST /api/test/similar HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"


@pytest.mark.parametrize("every_s", [0.05, 10.0])
@pytest.mark.parametrize(
    "length", [b"Content-Length: 100000\r\n\r\nx", b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"]
)
def test_a_body_that_never_ends_is_given_up(running: Running, length: bytes, every_s: float) -> None:
    started = time.monotonic()
    with running.connect() as asked:
        asked.sendall(POST + length)
        asked.settimeout(every_s)
        answer = b""
        while not answer:
            try:
                answer = all_of(asked)
            except TimeoutError:
                asked.sendall(b"x" if b"Length" in length else b"1\r\nx\r\n")
    assert code_of(answer) == (408, "too_slow")
    assert LIMIT_S * 0.8 < time.monotonic() - started < 9


def test_a_body_that_nobody_reads_is_given_up(running: Running) -> None:
    first = b"POST /none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    with trickled(running, first, b"x", 0.03) as asked:
        answer = all_of(asked)
    assert answer.startswith(b"HTTP/1.1 404")


def test_a_body_that_is_announced_as_too_large_is_not_asked_for(running: Running) -> None:
    with running.connect() as asked:
        asked.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n")
        assert code_of(all_of(asked)) == (413, "too_large")


def test_an_upload_that_breaks_off_is_no_error(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        with running.connect() as asked:
            asked.sendall(POST + b"Content-Length: 100000\r\n\r\nxxx")
    assert running.is_well()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 2**20,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: b\r\n" * 130_000 + b"\r\n",
        b"GET /" + b"x" * 2**20 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 2**20 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 50_000 + b"\r\n\r\n",
    ],
)
def test_headers_of_a_megabyte_are_refused(running: Running, sent: bytes) -> None:
    with running.connect() as asked:
        try:
            asked.sendall(sent)
            answer = all_of(asked)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    # What was not read before the connection was closed may reset it before the answer is read.
    assert answer == b"" or code_of(answer) in ((400, "bad_http"), (431, "headers_too_large"))
    assert running.is_well()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\x00c\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxx",
        POST + b"Content-Length: -5\r\n\r\nxxxxx",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(running: Running, sent: bytes) -> None:
    with running.connect() as asked:
        asked.sendall(sent)
        assert code_of(all_of(asked))[0] in (400, 501)
    assert running.is_well()


def test_two_lengths_hide_no_second_request(running: Running) -> None:
    hidden = b"GET /api/test/hidden HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with running.connect() as asked:
        asked.sendall(
            POST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % len(hidden) + hidden
        )
        assert code_of(all_of(asked)) == (400, "bad_http")
    assert running.is_well()


def test_who_stops_reading_is_let_go(running: Running) -> None:
    with running.connect() as asked:
        asked.sendall(b"GET /api/test/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        asked.recv(1_000)
        time.sleep(3 * LIMIT_S)
        assert len(all_of(asked)) < STREAM // 2
    assert running.is_well()


def test_beyond_a_number_connections_are_refused(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_s", 5.0)
    monkeypatch.setattr(Connection, "most_of_one", 8)
    held = [running.connect() for _ in range(8)]
    time.sleep(0.1)
    with running.connect() as asked:
        answer = all_of(asked)
    assert code_of(answer) == (503, "busy") and b"Retry-After: " in answer
    for one in held:
        one.close()
    time.sleep(0.1)
    assert running.is_well()


def test_what_runs_is_answered_before_a_service_stops(db: Database) -> None:
    running = Running(db)
    with running.connect() as asked:
        asked.sendall(b"GET /api/test/wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(0.2)
        running.service.stop()
        time.sleep(0.2)
        running.go.set()
        assert all_of(asked).endswith(b'{"waited":true}')
    running.thread.join(5)
    assert not running.thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        running.connect()


def test_what_does_not_end_is_refused_when_a_service_stops(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "STOP_S", 0)
    running = Running(db)
    with running.connect() as asked:
        asked.sendall(b"GET /api/test/wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(0.2)
        running.service.stop()
        assert code_of(all_of(asked)) == (503, "busy")
    running.go.set()
    running.thread.join(5)
    assert not running.thread.is_alive()


def test_a_port_that_is_taken_is_told(db: Database, running: Running) -> None:
    with pytest.raises(UsageError, match=f"in use.*\n.*\n.*--port {running.port}"):
        Service(db, Settings(port=running.port))
    with pytest.raises(UsageError, match="cannot listen there"):
        Service(
            db, Settings(host="192.0.2.1", api_keys=None) if False else Settings(host="127.0.0.1", port=running.port)
        )
