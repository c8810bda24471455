"""A wrong token, a wrong port and a server that is not there are told apart, each within 15 s."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from milvus_server import free_port

import milvise
from milvise.adapter.probe import looks_inside
from milvise.errors import DeniedError, MilviseError, UnavailableError


@contextmanager
def refused(kind: type[MilviseError], match: str) -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(kind, match=match) as caught:
        yield
    assert time.monotonic() - started < 15
    assert "wrong-password" not in str(caught.value)


@pytest.mark.parametrize(
    "token", ["root:wrong-password", "nobody:wrong-password", "an-api-key", "root:Milvüs", "root:Milvus "]
)
def test_a_wrong_token_is_refused_by_name(guarded_uri: str, token: str) -> None:
    with refused(DeniedError, r"Milvus at http://127\.0\.0\.1:\d+ refused the token that was given"):
        milvise.connect(guarded_uri, token=token)


def test_a_missing_token_is_asked_for(guarded_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILVISE_TOKEN", raising=False)
    with refused(DeniedError, "refused a call without a token(.|\n)*MILVISE_TOKEN"):
        milvise.connect(guarded_uri)


def test_the_right_token_opens(guarded_uri: str) -> None:
    milvise.connect(guarded_uri, token="root:Milvus").close()
    milvise.connect(guarded_uri.replace("//", "//root:Milvus@")).close()
    with refused(DeniedError, "refused the token"):
        milvise.connect(guarded_uri.replace("//", "//root:wrong-password@"))


def test_tls_where_there_is_none_is_said(guarded_uri: str) -> None:
    with refused(UnavailableError, "does not speak TLS. Try http://"):
        milvise.connect(guarded_uri.replace("http:", "https:"), token="root:Milvus")


def test_a_port_where_nothing_listens() -> None:
    port = free_port()
    with refused(UnavailableError, f"nothing listens at 127.0.0.1, port {port}. Is the server running"):
        milvise.connect(f"http://127.0.0.1:{port}")


def test_a_name_that_nobody_has() -> None:
    with refused(UnavailableError, "the host name no-such-host.invalid cannot be resolved"):
        milvise.connect("http://no-such-host.invalid:19530")


def test_a_port_where_a_web_server_listens() -> None:
    class Page(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with refused(UnavailableError, "something listens there that is not Milvus"):
            milvise.connect(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()


def test_a_port_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with refused(UnavailableError, "connections are accepted and nothing is answered"):
            milvise.connect(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("version", "is_lite", "expected"),
    [
        ("v2.3.5", False, False),
        ("2.3.22-dev", False, False),
        ("v2.4.0", False, True),
        ("2.10.1", False, True),
        ("3.0.1", False, True),
        ("Zilliz Cloud (compatible with Milvus 2.5)", False, True),
        ("unknown", False, False),
        ("milvus-lite-1.0", True, True),
    ],
)
def test_patterns_inside_a_text_are_known_since_2_4(version: str, is_lite: bool, expected: bool) -> None:
    assert looks_inside(version, is_lite=is_lite) is expected
