"""A service is searched while its gallery is replaced, and while Milvus is killed, hangs, and comes back.

    python benchmarks/hostile_milvus.py [--users 8] [--search-processes 2]

A server from the PyPI package ``milvus`` runs in a folder of the script's own, with a gallery of 2,000 random vectors. ``milvise serve`` runs as a process
of its own, and so many threads search it by words without a pause. Printed are for each phase the statuses, the longest wait for an answer, and
at the end the threads, sockets and memory of the service beside those at the beginning. The exit code is 1 if an answer was neither 200 nor
503 (or 502, while Milvus is away), a 503 came without ``Retry-After``, an answer named Milvus' address, or searches did not work again.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hostile_service import Target, connections_of, memory_of, served
from results import leave

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from milvus_server import Server, restartable_server
from reference_world import reference_gallery

import milvise

REPLACED, AWAY_S, BACK_S = 5, 10.0, 120.0
WORDS = ("cat", "dog", "king", "sofa", "cat+dog", "king+-man+woman")


@dataclass
class Phase:
    """What was answered while something happened."""

    statuses: Counter[int] = field(default_factory=Counter)
    worst_s: float = 0.0
    wrong: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--search-processes", type=int, default=0, help="as milvise serve")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, restartable_server(Path(folder, "milvus")) as server:
        db = milvise.connect(server.uri)
        next(reference_gallery(db.store))
        given = argparse.Namespace(uri=server.uri, gallery="r", search_processes=asked.search_processes)
        with served(given, Path(folder, "keys")) as target:
            is_well = told(target, server, asked.users, db)
    sys.exit(0 if is_well else 1)


def told(target: Target, server: Server, users: int, db: milvise.Database) -> bool:
    """Run the phases, print what was seen, and return whether all was as it should be."""
    phases: dict[str, Phase] = {}
    with searching(target, server.uri, users) as begin:
        phases["nothing happens"] = begin()
        time.sleep(5)
        before = state_of(target.pid)
        phases["gallery replaced"] = begin()
        for _ in range(REPLACED):
            next(reference_gallery(db.store))
        phases["nothing happens again"] = begin()
        time.sleep(5)
        phases["Milvus killed"] = begin()
        server.kill()
        time.sleep(AWAY_S)
        server.start_again()
        back_s = until_answered(target)
        phases["Milvus is back"] = begin()
        time.sleep(5)
        phases["Milvus hangs"] = begin()
        server.pause()
        time.sleep(AWAY_S)
        server.resume()
        until_answered(target)
        phases["Milvus goes on"] = begin()
        time.sleep(5)
    time.sleep(3)
    after = state_of(target.pid)
    for name, phase in phases.items():
        print(f"{name:<22} {dict(phase.statuses)} worst {phase.worst_s:.1f} s, wrong {phase.wrong}")
    print(f"answered again {back_s:.1f} s after the start of Milvus\nbefore {before}\nafter  {after}")
    leave("hostile_milvus", {name: {**phase.statuses, "worst_s": phase.worst_s} for name, phase in phases.items()})
    undisturbed = all(set(phases[name].statuses) <= {200} for name in phases if "nothing" in name)
    allowed = all(set(phase.statuses) <= {200, 502, 503} for phase in phases.values())
    whole = set(phases["gallery replaced"].statuses) <= {200, 503} and phases["Milvus goes on"].statuses[200] > 0
    return undisturbed and allowed and whole and not any(phase.wrong for phase in phases.values())


@contextmanager
def searching(target: Target, address: str, users: int) -> Iterator:  # type: ignore[type-arg]
    """Search without a pause; what is yielded begins a new phase, to which answers to requests belong that are made from then on."""
    done, now = threading.Event(), [Phase()]
    lock, at = threading.Lock(), address.partition("://")[2].encode()

    def search(number: int) -> None:
        asked = http.client.HTTPConnection("127.0.0.1", target.port, timeout=120)
        while not done.is_set():
            phase, started = now[0], time.perf_counter()
            number += 1
            try:
                path = f"{target.at}/search?words={WORDS[number % len(WORDS)]}&by=meaning&limit=10"
                asked.request("GET", path, headers={"Authorization": f"Bearer {target.key}"})
                given = asked.getresponse()
                status, body, after = given.status, given.read(), given.getheader("Retry-After")
            except (OSError, http.client.HTTPException):
                asked.close()
                status, body, after = 0, b"", None
            with lock:
                phase.statuses[status] += 1
                phase.worst_s = max(phase.worst_s, time.perf_counter() - started)
                phase.wrong += at in body or (status == 503 and after is None)

    def begin() -> Phase:
        now[0] = Phase()
        return now[0]

    threads = [threading.Thread(target=search, args=(number,)) for number in range(users)]
    for thread in threads:
        thread.start()
    try:
        yield begin
    finally:
        done.set()
        for thread in threads:
            thread.join()


def until_answered(target: Target) -> float:
    """Wait until a search is answered, and return how long that took."""
    started = time.monotonic()
    while time.monotonic() - started < BACK_S:
        if target.ask("GET", f"{target.at}/search?words=cat&by=meaning")[0] == 200:
            break
        time.sleep(0.5)
    return time.monotonic() - started


def state_of(pid: int) -> dict[str, float]:
    """Return the threads, the sockets and the memory of a process (Linux)."""
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return {"threads": threads, "sockets": connections_of(pid), "mib": round(memory_of(pid) / 2**20, 1)}


if __name__ == "__main__":
    main()
