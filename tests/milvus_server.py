"""A Milvus server from the PyPI package ``milvus``, without Docker, on free ports and in a folder of its own."""

from __future__ import annotations

import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 120


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def milvus_server(folder: Path) -> Iterator[str]:
    """Start a server and yield its address."""
    from milvus import MilvusServer, MilvusServerConfig

    client, peer = free_port(), free_port()
    etcd = folder / "etcd.yaml"
    etcd.write_text(
        f"listen-client-urls: http://127.0.0.1:{client}\nadvertise-client-urls: http://127.0.0.1:{client}\n"
        f"listen-peer-urls: http://127.0.0.1:{peer}\ninitial-advertise-peer-urls: http://127.0.0.1:{peer}\n"
        f"initial-cluster: default=http://127.0.0.1:{peer}\n"
    )
    os.environ["ETCD_CONFIG_PATH"] = str(etcd)
    server = MilvusServer(MilvusServerConfig(data_dir=str(folder / "data")), wait_for_started=False)
    # Left to itself it takes ports from fixed numbers on, and two that start at once take the same ones.
    ports = {name: free_port() for name in server.config.configurable_items if name.endswith("_port")}
    server.config.configs.update({**ports, "etcd_port": client})
    server.start()
    try:
        _wait(server, folder)
        yield f"http://127.0.0.1:{ports['proxy_port']}"
    finally:
        # SIGTERM may take a minute, and nothing of it is needed any more.
        server.server_proc.kill()
        server.server_proc.wait()


def _wait(server: Any, folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        code = server.server_proc.poll()
        if code is not None:
            raise RuntimeError(f"the Milvus server ended with {code}; its logs are in {folder}/data/logs")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.webservice_port}/healthz", timeout=2) as answer:
                if b"OK" in answer.read():
                    return
        except OSError:
            pass
        time.sleep(0.3)
    raise RuntimeError(
        f"the Milvus server was not healthy within {START_TIMEOUT_S} s; its logs are in {folder}/data/logs"
    )
