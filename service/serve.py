"""Run the service until it is told to stop."""

from __future__ import annotations

import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from milvise.errors import UsageError
from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.guards.connections import Connection
from milvise.service.guards.inference import Gate
from milvise.service.search_batch import BatchSearcher
from milvise.service.settings import Settings

STOP_S = 10
"""Requests that run when the service is told to stop have so many seconds."""


class Service:
    """A service with an open port.

    Parameters
    ----------
    db : Database
    settings : Settings
    searcher : BatchSearcher, optional
        What makes searches by words; by default threads of this process. Who made it closes it.

    Attributes
    ----------
    app : FastAPI
    address : str
        Where people reach it, such as ``http://127.0.0.1:8000``.

    Raises
    ------
    UsageError
        If the port is taken, or the address is not of this machine.
    """

    def __init__(self, db: Database, settings: Settings, searcher: BatchSearcher | None = None) -> None:
        self.app: FastAPI = make_app(db, settings, searcher)
        self._socket = _listening(settings.host, settings.port)
        port = self._socket.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.address = f"http://{host}:{port}"
        config = uvicorn.Config(
            self.app, http=Connection, ws="none", log_config=None, log_level="error", access_log=False, server_header=False,
            proxy_headers=False, timeout_graceful_shutdown=STOP_S, timeout_keep_alive=30, h11_max_incomplete_event_size=16_384,
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Answer until `stop`, Ctrl-C or SIGTERM; `started` is called first, when connections are already taken.

        A signal ends it after the requests that run, and is not passed on: who called goes on, and closes what is open.
        """
        _collect_less_often()
        try:
            with _signals_end_here():
                started()
                self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            gates: tuple[Gate, ...] = (self.app.state.gate, self.app.state.whole_gallery_gate)
            for gate in gates:
                gate.close()
            if (shadow := self.app.state.context.shadow) is not None:
                shadow.close()

    def stop(self) -> None:
        """End after the requests that run."""
        self._server.should_exit = True


def _collect_less_often() -> None:
    """Spare the garbage collector what was loaded at the start, and most of its looks at what a request makes: they took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def _signals_end_here() -> Iterator[None]:
    """Take the signals that uvicorn sends once more after it has stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _nothing) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: uvicorn's own handler has stopped the server."""


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(2048)
    except OSError as error:
        opened.close()
        raise UsageError(
            f"cannot listen there: {error.strerror}.\nExpected: an address of this machine and a free port\nReceived: --host {host} --port"
            f" {port}"
        ) from error
    return opened
