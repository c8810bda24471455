"""Followers are killed again and again while a storm of events runs; in the end the gallery is what a load of the folder gives.

    python benchmarks/follow_storm.py redis [--events 5000] [--kills 20]     # Debian's redis-server, two followers, a Milvus server
    python benchmarks/follow_storm.py kafka [--events 5000] [--kills 20]     # the mock cluster of Kafka's client, likewise
    python benchmarks/follow_storm.py lines [--events 5000] [--kills 20]     # standard input, one follower, Milvus Lite
    python benchmarks/follow_storm.py folder [--seconds 180]                 # a folder of 2,000 pictures, no events, Milvus Lite

Pictures of noise are created, changed and deleted; each change is an event, some are repeated, all change places with their neighbours, and
one in a hundred is broken. Every few seconds one of the followers, or Redis, is ended with SIGKILL and started again. When all events are
answered, ids, hashes and vectors (to 1e-6) are compared with those of a gallery that is loaded anew from the folder, and the dead letters
with the broken events. `folder` renames pictures and folders too, writes slowly, and takes the whole folder away twice, for five seconds. There 15 % of the pictures may
go within a minute: the storm deletes more than any person would.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from results import leave
from storms import Storm

import milvise

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from milvus_server import milvus_server
from redis_server import redis_server
from small_world import CLASSES, put_words, save_net

GALLERY, FRESH = "followed", "fresh"
ANSWERED_S = 300.0
SERVERS = 5
"""Each fifth kill is the server's, where there is one."""


class _Stream(Protocol):
    """Where events go, and what is left of them."""

    address: str

    def write(self, body: bytes) -> None: ...
    def kill(self) -> bool:
        """Kill the server and start it again; return false where there is none."""

    def is_answered(self) -> bool: ...
    def dead(self) -> list[bytes]: ...


class _RedisEvents:
    """Redis, which writes every event to its log before it answers."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.address = f"{server.address}/pictures"

    def write(self, body: bytes) -> None:
        while True:
            try:
                self._server.client().xadd("pictures", {"event": body})
            except (
                Exception
            ):  # it is being started again: the publisher does not know whether the event is there, and repeats it
                time.sleep(0.1)
            else:
                return

    def kill(self) -> bool:
        self._server.kill()
        time.sleep(1.0)
        self._server.start()
        return True

    def is_answered(self) -> bool:
        client = self._server.client()
        (group,) = client.xinfo_groups("pictures")
        return not group["pending"] and group["lag"] == 0

    def dead(self) -> list[bytes]:
        return [values[b"event"] for _, values in self._server.client().xrange("pictures:dead")]


class _KafkaEvents:
    """The mock cluster, which lives in this process."""

    def __init__(self) -> None:
        import confluent_kafka

        self._kafka = confluent_kafka
        self._cluster = confluent_kafka.Producer(
            {"bootstrap.servers": "none", "test.mock.num.brokers": 3, "log_level": 0}
        )
        brokers = self._cluster.list_topics(timeout=10).brokers.values()
        self._servers = ",".join(f"{one.host}:{one.port}" for one in brokers)
        self.address = f"kafka://{self._servers}/pictures?session.timeout.ms=6000"
        self._producer = confluent_kafka.Producer({"bootstrap.servers": self._servers, "linger.ms": 0})

    def write(self, body: bytes) -> None:
        self._producer.produce("pictures", body)
        self._producer.flush(20)

    def kill(self) -> bool:
        return False

    def is_answered(self) -> bool:
        reader = self._reader(f"milvise-{GALLERY}")
        try:
            places = self._places(reader, "pictures")
            committed = reader.committed(places, timeout=10)
            ends = [reader.get_watermark_offsets(place, timeout=10)[1] for place in places]
            return all(max(0, one.offset) == end for one, end in zip(committed, ends, strict=True))
        finally:
            reader.close()

    def dead(self) -> list[bytes]:
        reader, found = self._reader("dead"), []
        places = self._places(reader, "pictures.dead")
        ends = sum(reader.get_watermark_offsets(place, timeout=10)[1] for place in places)
        reader.assign([self._kafka.TopicPartition(one.topic, one.partition, 0) for one in places])
        while len(found) < ends:
            found += [one.value() for one in reader.consume(100, 1) if one.error() is None]
        reader.close()
        return found

    def _reader(self, group: str) -> Any:
        return self._kafka.Consumer(
            {"bootstrap.servers": self._servers, "group.id": group, "enable.auto.commit": False}
        )

    def _places(self, reader: Any, topic: str) -> list[Any]:
        partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
        return [self._kafka.TopicPartition(topic, number) for number in partitions]


class _Lines:
    """A file that grows, which ``tail`` gives to a follower from its beginning."""

    address = "-"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.jsonl"
        self.path.touch()
        self.letters = folder / f"milvise-dead-letters-{GALLERY}.jsonl"

    def write(self, body: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(body + b"\n")

    def kill(self) -> bool:
        return False

    def is_answered(self) -> bool:
        return True

    def dead(self) -> list[bytes]:
        lines = self.letters.read_text().splitlines() if self.letters.exists() else []
        return [json.loads(line)["event"].encode() for line in lines]


class _World:
    """A Milvus with words, a small network, and a folder of pictures."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri, self.root = folder, uri, folder / "pictures"
        self.root.mkdir()
        self.net = save_net(folder / "net.keras", 1)
        self.classes = folder / "classes.txt"
        self.classes.write_text("".join(f"{name}\n" for name in CLASSES))
        with milvise.connect(uri, create=True) as db:
            put_words(db.store, folder)
            db.ingest_images(self._first(), gallery=GALLERY, **self._how())

    def _first(self) -> str:
        """Return a folder of one picture: every gallery begins with something."""
        first = Storm(self.root)
        first.create()
        return str(self.root)

    def _how(self) -> dict[str, Any]:
        return {
            "backbone": f"{self.net}:features",
            "classes": self.classes,
            "quarantine": self.folder / "q.jsonl",
        }

    def start(self, address: str, log: str, *options: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start a follower."""
        command = [
            sys.executable,
            "-m",
            "milvise",
            "--uri",
            self.uri,
            "follow",
            address,
            "--gallery",
            GALLERY,
        ]
        command += ["--classes", str(self.classes), *options]
        if address != str(self.root):
            command += ["--root", str(self.root)]
        with (self.folder / log).open("ab") as file:
            return subprocess.Popen(command, cwd=self.folder, stdout=file, stderr=file, **more)

    def differences(self) -> list[str]:
        """Return how the gallery differs from one that is loaded anew."""
        with milvise.connect(self.uri) as db:
            db.ingest_images(self.root, gallery=FRESH, **self._how())
            found = []
            for room in ("visual", "joint"):
                followed, fresh = (self._rows(db, f"{gallery}_{room}") for gallery in (GALLERY, FRESH))
                found += [f"{room}: {key} is missing" for key in fresh.keys() - followed.keys()]
                found += [f"{room}: {followed[key]['uri']} should be gone" for key in followed.keys() - fresh.keys()]
                for key in followed.keys() & fresh.keys():
                    ours, theirs = followed[key], fresh[key]
                    if any(ours[name] != theirs[name] for name in ("uri", "label", "sha256", "meta")):
                        found.append(f"{room}: {ours['uri']} is of other content")
                    elif np.abs(np.subtract(ours["vector"], theirs["vector"])).max() > 1e-6:
                        found.append(f"{room}: {ours['uri']} has another vector")
            self.rows = len(followed)
        return found

    @staticmethod
    def _rows(db: milvise.Database, alias: str) -> dict[str, dict[str, Any]]:
        collection = db.store.live(alias)
        assert collection is not None
        return {row["id"]: row for row in collection.scan(["id", "uri", "label", "sha256", "meta", "vector"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("redis", "kafka", "lines", "folder"))
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--every", type=float, default=6.0, help="seconds between two kills, about; a follower takes some to start"
    )
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-figures", action="store_true", help="leave no figures in benchmarks/results")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as held:
        folder = Path(name)
        on_server = given.kind in ("redis", "kafka")
        uri = held.enter_context(milvus_server(folder / "milvus")) if on_server else f"{name}/m.db"
        world = _World(folder, uri)
        if given.kind == "folder":
            figures = folder_storm(world, given)
        else:
            made: dict[str, Callable[[], _Stream]] = {
                "redis": lambda: _RedisEvents(held.enter_context(redis_server(folder))),
                "kafka": _KafkaEvents,
                "lines": lambda: _Lines(folder),
            }
            figures = event_storm(world, made[given.kind](), given)
        differences = world.differences()
        print(f"{world.rows:,} pictures in the end; {len(differences)} differ from those of a load of the folder")
        for one in differences[:20]:
            print(f"  {one}")
        if not given.no_figures:
            leave(f"follow_storm_{given.kind}", {**figures, "rows": world.rows, "differences": len(differences)})
        sys.exit(1 if differences or figures.get("wrong") else 0)


def event_storm(world: _World, stream: _Stream, given: argparse.Namespace) -> dict[str, Any]:
    """Publish events while followers and the server are killed, and wait until all is answered."""
    storm = Storm(world.root, seed=given.seed)
    storm._number = 1_000_000
    published = threading.Event()

    def publish() -> None:
        pace = given.kills * given.every / given.events
        for body in storm.events(given.events):
            stream.write(body)
            time.sleep(pace)
        published.set()

    started = time.monotonic()
    publisher = threading.Thread(target=publish)
    publisher.start()
    with followers(world, stream) as running:
        killed = kill_again_and_again(running, stream, given, storm)
        publisher.join()
        finish(running, stream, world)
    took = time.monotonic() - started
    dead = {re.search(rb'"id": "(e\d+)"', body)[1].decode() for body in stream.dead()}  # type: ignore[index]
    wrong = dead ^ storm.broken
    print(
        f"{given.events:,} events, {killed} in {took:.0f} s; {len(dead)} dead letters of {len(storm.broken)} broken events"
    )
    for one in sorted(wrong)[:20]:
        print(f"  {one}: {'is no broken event' if one in dead else 'is no dead letter'}")
    return {
        "events": given.events,
        "killed": killed,
        "seconds": took,
        "broken": len(storm.broken),
        "dead": len(dead),
        "wrong": len(wrong),
    }


class _Followers:
    """The followers that run. One that is killed is started again, and so is one that ended with an error, as its unit of systemd does.

    A follower that finds no Redis when it starts ends with an error; while it runs it waits for Redis.
    """

    def __init__(self, start: Callable[[int], list[subprocess.Popen[bytes]]], count: int) -> None:
        self._start = start
        self.restarts = 0
        self.running = [start(number) for number in range(count)]

    def kill(self, number: int) -> None:
        for process in self.running[number]:
            process.kill()
            process.wait()
        self.running[number] = self._start(number)

    def keep(self) -> None:
        for number, processes in enumerate(self.running):
            if processes[0].poll() is not None:
                self.restarts += 1
                self.kill(number)

    def end(self) -> list[int]:
        """Ask all to end, once they have come so far that they listen; return their codes."""
        codes = []
        for processes in self.running:
            while processes[0].poll() is None and not _listens(processes[0].pid):
                time.sleep(0.1)
            processes[0].send_signal(signal.SIGTERM)
            codes.append(processes[0].wait(120))
            for process in processes[1:]:
                process.kill()
                process.wait()
        return codes


def _listens(pid: int) -> bool:
    """Return whether a process has a handler for SIGTERM: before, while Python imports, it ends like any other."""
    caught = re.search(r"SigCgt:\s+([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    return bool(caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


@contextmanager
def followers(world: _World, stream: _Stream) -> Iterator[_Followers]:
    """Run two followers, or one of lines."""
    if isinstance(stream, _Lines):

        def start(_: int) -> list[subprocess.Popen[bytes]]:
            tail = subprocess.Popen(["tail", "-n", "+1", "-f", str(stream.path)], stdout=subprocess.PIPE)
            return [world.start("-", "follower.log", stdin=tail.stdout), tail]

        count = 1
    else:

        def start(number: int) -> list[subprocess.Popen[bytes]]:
            return [world.start(stream.address, f"follower{number}.log")]

        count = 2
    found = _Followers(start, count)
    try:
        yield found
    finally:
        for processes in found.running:
            for process in processes:
                process.kill()


def kill_again_and_again(running: _Followers, stream: _Stream, given: argparse.Namespace, storm: Storm) -> str:
    """Kill a follower or the server, so many times in all."""
    servers = 0
    for number in range(given.kills):
        time.sleep(given.every * storm.random.uniform(0.6, 1.4))
        if number % SERVERS == SERVERS - 1 and stream.kill():
            servers += 1
        else:
            running.kill(number % len(running.running))
        running.keep()
    return f"{given.kills - servers} followers and {servers} servers killed"


def finish(running: _Followers, stream: _Stream, world: _World) -> None:
    """Wait until every event is answered, and end the followers as their users do."""
    if isinstance(stream, _Lines):
        running.end()
        with stream.path.open("rb") as file:
            assert world.start("-", "follower.log", stdin=file).wait(ANSWERED_S) == 0
        return
    until = time.monotonic() + ANSWERED_S
    while not stream.is_answered():
        if time.monotonic() > until:
            print("not all events were answered in time")
            break
        running.keep()
        time.sleep(1.0)
    print(f"{running.restarts} followers ended with an error and were started again")
    codes = running.end()
    assert codes == [0, 0], (
        codes,
        [(world.folder / f"follower{number}.log").read_text()[-1_000:] for number in (0, 1)],
    )


def folder_storm(world: _World, given: argparse.Namespace) -> dict[str, Any]:
    """Change a folder of 2,000 pictures, take it away and bring it back, while it is followed."""
    storm = Storm(world.root, seed=given.seed)
    storm._number = 1_000_000
    for _ in range(2_000):
        storm.create()
    follower = world.start(str(world.root), "follower.log", "--max-delete", "15%")
    actions = (storm.create, storm.change, storm.delete, storm.rename, storm.write_slowly, storm.rename_folder)
    until, done = time.monotonic() + given.seconds, 0
    unmounts = [time.monotonic() + given.seconds * share for share in (0.4, 0.7)]
    try:
        while time.monotonic() < until:
            if unmounts and time.monotonic() > unmounts[0]:
                unmounts.pop(0)
                storm.unmount(world.folder / "away", 5.0)
            storm.random.choices(actions, (6, 6, 4, 3, 1, 0.2))[0]()
            done += 1
            time.sleep(storm.random.uniform(0, 0.15))
        # What was held back may go when a minute has passed.
        time.sleep(100)
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(120) == 0, (world.folder / "follower.log").read_text()[-2_000:]
    finally:
        follower.kill()
    told = (world.folder / "follower.log").read_text()
    for line in set(re.findall(r".* are gone from .*", told)):
        print(f"  {line[:80]}")
    removed = re.search(r"removed\s+(\d+)", told)
    print(
        f"{done:,} changes in {given.seconds:.0f} s, two unmounts; {removed[1] if removed else '?'} pictures removed by the follower"
    )
    return {"changes": done, "seconds": given.seconds}


if __name__ == "__main__":
    main()
