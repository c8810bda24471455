"""A Milvus server from the PyPI package ``milvus``, without Docker, on free ports and in a folder of its own."""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT_S = 120
STARTS = 5
"""How often a server is started where another process takes one of its ports first."""

FIRST_PORT, BLOCK, BLOCKS = 10_000, 100, 220
"""Ports are taken from 220 blocks of 100, from port 10,000 on."""


def _ports() -> Iterator[int]:
    """Yield ports that this process alone hands out: processes started near each other have blocks apart.

    They lie below the ports that Linux gives to connections (32768 and up), which come and go while a server starts.
    """
    first = FIRST_PORT + os.getpid() % BLOCKS * BLOCK
    return itertools.cycle(range(first, first + BLOCK))


_own_ports = _ports()


def free_port() -> int:
    """Return a port of this process's block that nothing listens on, another one each time until all were given."""
    for port in itertools.islice(_own_ports, BLOCK):
        with socket.socket() as opened:
            try:
                opened.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise RuntimeError("all ports of this process's block are taken")


class PortTakenError(RuntimeError):
    """Another process listens on one of a server's ports."""


class Server:
    """A server that can be killed, stopped for a while, and started again with the same data and ports.

    Parameters
    ----------
    folder : Path
        It keeps its data and logs here.
    authorization : bool
        Whether it asks for a token.
    programs : Path, optional
        A folder for the unpacked programs, which servers share; without it they are unpacked for this one.

    Attributes
    ----------
    uri : str
        Its address.
    process : Popen
        The process that runs.
    """

    def __init__(self, folder: Path, *, authorization: bool = False, programs: Path | None = None) -> None:
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
        server.webservice_port = free_port()
        server.config.set("authorization_enabled", authorization)
        if programs is not None:
            link_programs(programs, folder / "data")
        try:
            server.start()
        except RuntimeError as error:
            if "bind failed" not in str(error):
                raise
            raise PortTakenError(str(error)) from error
        self._server = server
        self._etcd = etcd
        self._folder = folder
        self._health = f"http://127.0.0.1:{server.webservice_port}/healthz"
        self.process: subprocess.Popen[bytes] = server.server_proc
        self.uri = f"http://127.0.0.1:{ports['proxy_port']}"

    def wait(self) -> None:
        """Wait until it says that it is healthy; for some seconds after a restart it may still refuse calls.

        Raises
        ------
        PortTakenError
            Another process has one of its ports.
        RuntimeError
            It ended, or was not healthy in time.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            code = self.process.poll()
            if self._lost_a_port():
                raise PortTakenError(f"a port of the Milvus server is taken; its logs are in {self._folder}/data/logs")
            if code is not None:
                raise RuntimeError(f"the Milvus server ended with {code}; its logs are in {self._folder}/data/logs")
            try:
                with urllib.request.urlopen(self._health, timeout=2) as answer:
                    if b"OK" in answer.read():
                        return
            except OSError:
                pass
            time.sleep(0.3)
        raise RuntimeError(
            f"the Milvus server was not healthy within {START_TIMEOUT_S} s; its logs are in {self._folder}/data/logs"
        )

    def _lost_a_port(self) -> bool:
        """Whether its log says so. Some of its parts go on without their port, and it is never healthy."""
        logs = (self._folder / "data" / "logs").glob("milvus-*.log")
        return any(b"address already in use" in log.read_bytes() for log in logs)

    def kill(self) -> None:
        """End it with SIGKILL: SIGTERM may take a minute."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Stop it with SIGSTOP: connections are accepted, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def start_again(self) -> None:
        """Start it after `kill`, without waiting."""
        data = self._folder / "data"
        # The package would look for free ports first, and a killed server's are not free for a minute.
        environment = {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._server.webservice_port),
            "MILVUS_RUN_DIR": str(data / "run"),
            "LD_LIBRARY_PATH": str(data / "bin"),
            "ETCD_CONFIG_PATH": str(self._etcd),
        }
        with (data / "logs" / "milvus-again.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(data / "bin" / "milvus"), "run", "standalone"],
                cwd=data,
                env=os.environ | environment,
                stdout=log,
                stderr=log,
            )
        # The package's object kills its process when it goes.
        self._server.server_proc = self.process


def link_programs(programs: Path, data: Path) -> None:
    """Unpack the server's programs where no process did yet, which takes seconds, and link them from its folder."""
    import milvus

    programs.mkdir(parents=True, exist_ok=True)
    with (programs / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What stands there already is left alone.
        milvus._initialize_data_files(str(programs))
    data.mkdir(parents=True, exist_ok=True)
    (data / "bin").symlink_to(programs / "bin", target_is_directory=True)


def _healthy(server: Server) -> Server:
    """Wait for a server that was just started, and leave none behind that does not get healthy."""
    try:
        server.wait()
    except BaseException:
        server.kill()
        raise
    return server


def start_server(folder: Path, *, authorization: bool = False, programs: Path | None = None) -> Server:
    """Start a server and wait until it is healthy. Where another process takes one of its ports, others are chosen."""
    for number in range(STARTS):
        own = folder / f"start-{number}"
        own.mkdir(parents=True)
        try:
            return _healthy(Server(own, authorization=authorization, programs=programs))
        except PortTakenError as error:
            print(f"the Milvus server is started again: {error}", file=sys.stderr)
    raise RuntimeError(f"in each of {STARTS} starts of the Milvus server another process took one of its ports")


@contextmanager
def restartable_server(folder: Path, *, authorization: bool = False, programs: Path | None = None) -> Iterator[Server]:
    """Start a server and yield it."""
    server = start_server(folder, authorization=authorization, programs=programs)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def milvus_server(folder: Path, *, programs: Path | None = None) -> Iterator[str]:
    """Start a server and yield its address."""
    with restartable_server(folder, programs=programs) as server:
        yield server.uri
