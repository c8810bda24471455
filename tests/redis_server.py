"""Debian's Redis, in a folder of its own on a free port, which can be killed and started again."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from milvus_server import free_port


class RedisServer:
    """A server that writes everything to disk before it answers, as its clients are told in production (``appendonly yes``)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.start()

    @property
    def address(self) -> str:
        """Its address, without a stream."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, also after `kill`."""
        command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--appendonly", "yes",
            "--save", "", "--daemonize", "no",
        ]  # fmt: skip
        with (self._folder / "log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def client(self) -> Any:
        """Return a client."""
        import redis

        return redis.Redis(port=self.port, socket_timeout=5)

    def _wait(self) -> None:
        import redis

        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                self.client().ping()
            except redis.exceptions.RedisError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"Redis did not start; its log is in {self._folder}")


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Run a server; without Debian's package the test is skipped."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian's package redis-server)")
    pytest.importorskip("redis", reason="redis-py is not installed (the extra redis)")
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.kill()
