"""What strangers may do to a service: it refuses with the right status, leaks nothing, stays small, and answers others meanwhile.

    python benchmarks/hostile_service.py --uri URI --gallery NAME [--uploads 10000] [--only CASE] [--search-processes 2]

``milvise serve`` runs as a process of its own; after ``make demo``, --uri milvise-demo.db --gallery milvise_demo will do. While each case goes on,
another client searches by a word ten times a second. Printed are the statuses of the case, how long the other client waited and whether it
was ever refused, and the memory and open connections of the service afterwards. The exit code is 1 if a status was none of those expected, a
500 was answered, an answer held a line of a file of this machine, or the service was not well afterwards.

A case is ``ok`` only if the other client was answered 200 every time.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from results import leave

from milvise.service.guards.key_file import add_key

WORD = "dog"
SETTLED_S = 3
SECRETS = (b"root:x:", b"Traceback", b"site-packages", b".db'", str(Path.home()).encode() + b"/")


@dataclass
class Seen:
    """What came back in one case."""

    statuses: Counter[str] = field(default_factory=Counter)
    leaks: int = 0

    def note(self, status: int | str, body: bytes = b"") -> None:
        """Count a status, and look for what no answer may hold."""
        self.statuses[str(status)] += 1
        self.leaks += any(secret in body for secret in SECRETS)


@dataclass(frozen=True)
class Target:
    """The service and who may ask it."""

    port: int
    pid: int
    gallery: str
    key: str
    sender: str = "127.0.0.1"

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer; 0 if the connection was closed without one."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90, source_address=(self.sender, 0))
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            asked.request(method, path, body, {"Authorization": f"Bearer {self.key}", **named})
            given = asked.getresponse()
            return given.status, given.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            asked.close()

    @property
    def at(self) -> str:
        """Where the routes of the gallery begin."""
        return f"/api/v1/galleries/{self.gallery}"

    def connect(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--gallery", required=True)
    parser.add_argument("--uploads", type=int, default=10_000)
    parser.add_argument("--search-processes", type=int, default=0, help="as milvise serve")
    parser.add_argument("--only", choices=[case.__name__ for case, _ in CASES])
    given = parser.parse_args()
    figures: dict[str, object] = {}
    is_well = True
    with tempfile.TemporaryDirectory() as folder, served(given, Path(folder, "keys")) as target:
        # What is loaded by a first search and a first upload is no growth.
        for body in (None, picture(64, 64)):
            path = f"{target.at}/search?words={WORD}" if body is None else f"{target.at}/similar"
            print("first:", target.ask("POST" if body else "GET", path, body, Content_Type="image/png")[0])
        for case, expected in CASES:
            if given.only in (None, case.__name__):
                told = met(case, expected, target, given.uploads)
                figures[case.__name__] = told
                is_well &= bool(told["ok"])
    leave("hostile_service", figures)
    sys.exit(0 if is_well else 1)


def met(
    case: Callable[[Target, Seen, int], None], expected: set[int], target: Target, uploads: int
) -> dict[str, object]:
    """Let one case happen, and return its figures."""
    seen, before, started = Seen(), memory_of(target.pid), time.monotonic()
    # From another address: one address may hold half of all connections, and the strangers here have one.
    with searching(replace(target, sender="127.0.0.2")) as others:
        case(target, seen, uploads)
        seconds = time.monotonic() - started
    time.sleep(SETTLED_S)
    refused = len([status for status, _ in others if status != 200])
    ok = not refused and not seen.leaks and {int(status) for status in seen.statuses} <= expected
    ok &= target.ask("GET", "/healthz")[0] == 200
    waits = sorted(wait for _, wait in others)
    told = {
        "ok": ok, "statuses": dict(seen.statuses), "seconds": round(seconds, 1), "leaks": seen.leaks, "others": len(others),
        "others_refused": refused, "others_median_ms": round(1000 * statistics.median(waits), 1),
        "others_worst_ms": round(1000 * waits[-1], 1), "grown_mib": round((memory_of(target.pid) - before) / 2**20, 1),
        "connections": connections_of(target.pid),
    }  # fmt: skip
    print(f"{case.__name__}: {json.dumps(told)}", flush=True)
    return told


@contextmanager
def served(given: argparse.Namespace, keys: Path) -> Iterator[Target]:
    """Start the service with keys, and stop it."""
    key = add_key(keys, "measured", "write")
    command = [
        sys.executable, "-m", "milvise", "--uri", given.uri, "--json", "-q", "serve", "--port", "0", "--api-keys", str(keys),
        "--requests-per-minute", "10000000", "--search-processes", str(given.search_processes),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads("".join(process.stdout.readline() for _ in range(3)))["address"]
        try:
            yield Target(int(address.rpartition(":")[2]), process.pid, given.gallery, key)
        finally:
            process.terminate()
            print("exit code:", process.wait(30))


@contextmanager
def searching(target: Target) -> Iterator[list[tuple[int, float]]]:
    """Search by a word ten times a second, and note the status and the wait."""
    done, others = threading.Event(), list[tuple[int, float]]()

    def search() -> None:
        while not done.wait(0.1) or not others:
            started = time.perf_counter()
            status, _ = target.ask("GET", f"{target.at}/search?words={WORD}&limit=10")
            others.append((status, time.perf_counter() - started))

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield others
    finally:
        done.set()
        thread.join()


def paths_out(target: Target, seen: Seen, _: int) -> None:
    """Ask for files of this machine in 50 spellings, as ids, galleries and static files, through all routes that give out files."""
    steps = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%252f", "..\\", "..%5c", "%c0%ae%c0%ae/", "..;/", "....//"]
    depth = 8
    spellings = [step * depth + "etc/passwd" for step in steps]
    spellings += [
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "file:///etc/passwd",
        "file%3a%2f%2f%2fetc%2fpasswd",
    ]
    spellings += [one + end for one in spellings[:5] for end in ("%00", "%00.jpg", "?.jpg", "%23.jpg", "/.", "%20")]
    spellings += ["C:%5cwindows%5cwin.ini", "%5c%5chost%5cshare", "/proc/self/environ", "%ff%fe", "~root/.profile"]
    assert len(spellings) >= 50
    for one in spellings:
        for path in (
            f"{target.at}/pictures/{one}/original", f"{target.at}/pictures/{one}/thumbnail", f"{target.at}/pictures/{one}",
            f"/api/v1/galleries/{one}/search?words=a", f"/static/{one}", f"/{one}",
        ):  # fmt: skip
            seen.note(*raw(target, path))
        seen.note(
            *target.ask(
                "POST", f"{target.at}/similar", json.dumps({"id": one}).encode(), Content_Type="application/json"
            )
        )


def bombs(target: Target, seen: Seen, _: int) -> None:
    """Upload pictures that unfold to gigabytes, and bytes that are no picture."""
    huge = [png_of(30_000, 30_000), png_of(100_000, 1_000), png_of(2**31 - 1, 2**31 - 1), gif_of(65_535, 65_535)]
    damaged = [
        b"",
        b"GIF89a",
        b"\xff\xd8\xff" + b"\x00" * 10_000,
        os.urandom(2**20),
        b"<svg onload=alert(1)>",
        picture(64, 64)[:60],
    ]
    with ThreadPoolExecutor(8) as pool:
        for status, body in pool.map(lambda data: upload(target, data), (huge + damaged) * 4):
            seen.note(status, body)


def tiny_uploads(target: Target, seen: Seen, count: int) -> None:
    """Upload pictures of one pixel from 32 connections, as fast as they are answered."""
    data = [picture(1 + number % 3, 1) for number in range(6)]
    with ThreadPoolExecutor(32) as pool:
        for status, body in pool.map(lambda number: upload(target, data[number % 6]), range(count)):
            seen.note(status, body)


def large_uploads(target: Target, seen: Seen, _: int) -> None:
    """Upload 64 times 10 MiB at once, and what is larger, with and without its length."""
    most = 10 * 2**20
    with ThreadPoolExecutor(64) as pool:
        for status, body in pool.map(lambda _: upload(target, b"\xff\xd8\xff" + b"x" * (most - 3)), range(64)):
            seen.note(status, body)
    seen.note(*upload(target, (b"x" * 2**20 for _ in range(200))))
    seen.note(*upload(target, b"x" * 2**20, Content_Length="99999999999"))


def slow_headers(target: Target, seen: Seen, _: int) -> None:
    """Hold 500 connections by one header a second for each."""
    slow(target, seen, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-A: b\r\n", 500)


def slow_bodies(target: Target, seen: Seen, _: int) -> None:
    """Hold 200 connections by one byte of a body a second for each."""
    head = f"POST {target.at}/similar HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {target.key}\r\n"
    slow(target, seen, head.encode() + b"Content-Type: image/png\r\nContent-Length: 100000\r\n\r\n", b"x", 200)


def large_headers(target: Target, seen: Seen, _: int) -> None:
    """Send headers of a megabyte, 200 times."""
    for number in range(200):
        with target.connect() as asked:
            line = b"X: " + b"x" * 2**20 if number % 2 else b"X: y\r\n" * 170_000
            sent(asked, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + line + b"\r\n\r\n")
            seen.note(status_of(asked))


def wrong_keys(target: Target, seen: Seen, _: int) -> None:
    """Guess keys, and ask without one, 5,000 times from 16 connections."""

    def guess(number: int) -> tuple[int, bytes]:
        key = f"Bearer milvise_{number:043d}" if number % 2 else ""
        return target.ask("GET", f"{target.at}/search?words={WORD}", Authorization=key)

    with ThreadPoolExecutor(16) as pool:
        for status, body in pool.map(guess, range(5_000)):
            seen.note(status, body)


def texts(target: Target, seen: Seen, _: int) -> None:
    """Ask for what breaks parsers of words, filters and JSON, and hold that no answer is HTML."""
    for text in (
        "<script>alert(1)</script>", '"', "'", "\\", "a" * 900, "cat^" + "9" * 300, "- - -", "+" * 500, "(" * 500, "(" * 3_900, "\u202e", "\U0001f408",
        "cat\x00", "' or 1 == 1 --", "${7*7}", "{{7*7}}", "a\r\nX-Evil: 1",
    ):  # fmt: skip
        for name in ("words", "filter", "focus"):
            query = "&".join(f"{key}={quote(value)}" for key, value in {"words": WORD, name: text}.items())
            seen.note(*target.ask("GET", f"{target.at}/search?{query}"))
        seen.note(*target.ask("GET", f"{target.at}/suggestions?text={quote(text)}"))
    for body in (
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b"NaN",
        b'{"words": 1e999}',
        b'{"words": ' + b"9" * 10_000 + b"}",
    ):
        for route in ("rank", "mixed", "refine", "similar", "search-many"):
            seen.note(*target.ask("POST", f"{target.at}/{route}", body, Content_Type="application/json"))


CASES: list[tuple[Callable[[Target, Seen, int], None], set[int]]] = [
    (paths_out, {400, 404, 405, 414, 422}),
    (bombs, {422, 503}),
    (large_uploads, {0, 413, 422, 503}),
    (tiny_uploads, {200, 503}),
    (slow_headers, {0, 408, 503}),
    (slow_bodies, {0, 408, 503}),
    (large_headers, {0, 400, 431}),
    (wrong_keys, {401, 429}),
    (texts, {200, 400, 422}),
]
"""0 is a connection that was closed before its answer could be read."""


def slow(target: Target, seen: Seen, first: bytes, then: bytes, count: int) -> None:
    """Hold connections for as long as the service lets them be held, 70 seconds at most."""
    held = []
    for _ in range(count):
        try:
            held.append(target.connect())
            sent(held[-1], first)
        except OSError:
            seen.note(0)
    end = time.monotonic() + 70
    while held and time.monotonic() < end:
        time.sleep(1)
        for one in list(held):
            if not sent(one, then) or has_ended(one):
                held.remove(one)
                seen.note(status_of(one))
                one.close()
    for one in held:
        seen.note("999")
        one.close()


def sent(asked: socket.socket, data: bytes) -> bool:
    try:
        asked.sendall(data)
    except OSError:
        return False
    return True


def has_ended(asked: socket.socket) -> bool:
    """Return whether something was answered already."""
    asked.setblocking(False)
    try:
        return asked.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        asked.settimeout(90)


def status_of(asked: socket.socket) -> int:
    """Return the status of the answer on a connection, or 0."""
    try:
        line = asked.recv(65_536).split(b" ", 2)
    except OSError:
        return 0
    return int(line[1]) if len(line) > 2 and line[0].startswith(b"HTTP/") else 0


def raw(target: Target, path: str) -> tuple[int, bytes]:
    """Ask for a path just as it is written."""
    with target.connect() as asked:
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {target.key}\r\nConnection: close\r\n\r\n"
        )
        sent(asked, head.encode())
        received = b""
        try:
            while part := asked.recv(65_536):
                received += part
        except OSError:
            pass
    return (int(received.split(b" ", 2)[1]) if received else 0), received


def upload(target: Target, data: bytes | Iterable[bytes], **headers: str) -> tuple[int, bytes]:
    return target.ask("POST", f"{target.at}/similar", data, **{"Content_Type": "image/png", **headers})


def picture(width: int, height: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), (width * 40 % 256, 80, 120)).save(made, "PNG")
    return made.getvalue()


def png_of(width: int, height: int) -> bytes:
    """Return a PNG whose header says so, with a megabyte of packed zeros."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packed = zlib.compress(b"\x00" * 2**26, 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def gif_of(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HH", width, height)
        + b"\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00"
        + struct.pack("<HH", width, height)
        + b"\x00\x02\x02D\x01\x00;"
    )


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process (Linux)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1])


def connections_of(pid: int) -> int:
    """Return how many sockets a process has open (Linux)."""
    files = Path(f"/proc/{pid}/fd").iterdir()
    return sum(str(target).startswith("socket:") for target in map(_pointed, files))


def _pointed(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


if __name__ == "__main__":
    main()
