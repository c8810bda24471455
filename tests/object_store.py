"""A server of S3 (moto's) on this machine, in a thread, which loses connections and refuses requests as it is told to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from threading import Lock, Thread
from typing import Any

import pytest

from milvise.ingest.sources.remote import stores, traffic

BUCKET = "photos"
ACCOUNT = "123456789012"


@dataclass
class Faults:
    """What goes wrong next.

    Attributes
    ----------
    plan : list of str
        One for each request that `hits` says yes to: a status such as ``"503"``, ``"cut"`` for a connection that is closed without
        an answer, ``"half"`` for one that is closed in the middle of the body, or ``"ok"``.
    hits : callable
        From method and path to whether the request takes part.
    asked : list of tuple
        Method, path and query of all requests.
    happened : list of str
        The faults that were.
    """

    plan: list[str] = field(default_factory=list)
    hits: Callable[[str, str], bool] = lambda method, path: True
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def next(self, method: str, path: str, query: str) -> str:
        with self.lock:
            self.asked.append((method, path, query))
            if not self.plan or not self.hits(method, path):
                return "ok"
            fault = self.plan.pop(0)
            if fault != "ok":
                self.happened.append(fault)
            return fault

    def count(self, method: str, inside: str = "") -> int:
        """Return how many requests had this method and this text in their path or query."""
        return sum(one == method and inside in f"{path}?{query}" for one, path, query in self.asked)


class ObjectStore:
    """The server.

    Attributes
    ----------
    faults : Faults
    pages : dict of str to bytes
        What a plain web server answers at a path, a file or an endless stream of zeros (``b""``).
    ranges : bool
        Whether it sends parts of these.
    address : str
        Its URL.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from moto.s3.models import s3_backends
        from werkzeug.serving import make_server

        self.faults = Faults()
        self.pages: dict[str, bytes] = {}
        self.ranges = True
        self._app = DomainDispatcherApplication(create_backend_app)
        self._backend = s3_backends[ACCOUNT]["aws"]
        self._backend.reset()
        self._backend.create_bucket(BUCKET, "us-east-1")
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_quiet(MotoRequestHandler)
        )
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def put(self, key: str, data: bytes) -> str:
        """Store an object, without a request; return its URL."""
        self._backend.put_object(BUCKET, key, data)
        return f"s3://{BUCKET}/{key}"

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._backend.delete_object(BUCKET, key)

    def clear(self) -> None:
        """Remove everything, and forget what went wrong."""
        for key in list(self._backend.buckets[BUCKET].keys):
            self._backend.delete_object(BUCKET, key)
        self.faults.__init__()  # type: ignore[misc]
        self.pages.clear()
        self.ranges = True

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        fault = self.faults.next(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
        if fault.isdigit():
            start(
                f"{fault} Fault",
                [("Content-Type", "application/xml"), ("Content-Length", "0"), ("Connection", "close")],
            )
            return [b""]
        if fault == "cut":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            start("200 OK", [("Content-Length", "1")])
            return [b"x"]
        if fault == "half":
            return self._half(environ, start)
        if environ["PATH_INFO"] in self.pages:
            return self._page(self.pages[environ["PATH_INFO"]], environ, start)
        return self._app(environ, start)

    def _page(self, data: bytes, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if not data:
            start("200 OK", [])
            return repeat(bytes(2**16))
        status, wanted = "200 OK", environ.get("HTTP_RANGE", "")
        if wanted and self.ranges:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            status, data = "206 Partial Content", data[int(begin) : int(end) + 1]
        start(status, [("Content-Length", str(len(data))), ("ETag", '"1"')])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else data]

    def _half(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        body = b"".join(self._app(environ, start))
        yield body[: len(body) // 2]
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def _quiet(handler: type) -> type:
    return type("Quiet", (handler,), {"log": lambda self, *args, **kwargs: None, "protocol_version": "HTTP/1.1"})


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Yield a server with one empty bucket, which is asked where s3:// is meant."""
    pytest.importorskip("moto")
    server = ObjectStore()
    given = {
        "AWS_ENDPOINT_URL": server.address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        patch.setattr(stores, "_opened", {})
        patch.setattr(traffic, "PAUSES_S", (0.01, 0.01, 0.02, 0.02, 0.03))
        yield server
    server.close()
