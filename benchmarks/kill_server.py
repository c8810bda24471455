"""Kill a Milvus server under every command that writes, let two writers work at once, and check what stands in the end.

    python benchmarks/kill_server.py [--rounds 10] [--kinds words,images,project,train,writers,lite] [--seed 0]

A server from the PyPI package ``milvus`` runs in a folder of the script's own. In each round of `words`, `images`,
`project` and `train` the command runs, the server is ended with SIGKILL at a random moment of the command's usual time, and is
started again two seconds later with the same data and ports. A command that ends with an error is run again, as it was, until it ends well.
Then the gallery must be whole (``milvise verify``) and the counts complete.

`writers`: two processes load the same folder, or two halves of it, into one gallery on the server at once. `lite`: the same into Milvus
Lite, where the second is refused by the lock and run again. All inputs are made by the script: words and pictures of noise, a small network.

The table says for each kind: how many rounds there were; how many commands survived the kill by their own patience; how often one was run
again; the longest time from the kill to a message (or to the end of a command that noticed nothing); and how many galleries were whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

import milvise

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from milvus_server import Server, restartable_server
from small_world import CLASSES, paint, save_net

WORDS, WIDTH, PICTURES = 20_000, 50, 600
DOWN_S = 2.0
"""From the kill to the start of the server."""

MOST_RUNS, RUN_TIMEOUT_S = 15, 600.0
KINDS = ("words", "images", "project", "train", "writers", "lite")


@dataclass(slots=True)
class Tally:
    """What happened in the rounds of one kind."""

    kind: str
    rounds: int = 0
    survived: int = 0
    again: int = 0
    silent_s: float = 0.0
    whole: int = 0
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return a row of the table."""
        return (
            f"{self.kind:<8} {self.rounds:>6} {self.survived:>9} {self.again:>10} {self.silent_s:>12.1f}"
            f" {f'{self.whole} of {self.rounds}':>10} {self.seconds / max(1, self.rounds):>10.0f}"
        )


class Command:
    """A milvise command as a process, with the moments at which it said something on standard error."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.started = time.monotonic()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MILVISE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "milvise", "-q", *arguments],
            cwd=folder,
            env=environment | {"MILVISE_CACHE": str(folder / "cache"), "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[tuple[float, str]] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append((time.monotonic(), line.rstrip()))

    def end(self) -> int:
        """Wait for its end and return its code."""
        code = self.process.wait(timeout=RUN_TIMEOUT_S)
        self.ended = time.monotonic()
        self._reader.join(timeout=5)
        if "Traceback (most recent call last):" in self.text:
            raise SystemExit(f"a traceback:\n{self.text}")
        return code

    def silence_after(self, moment: float) -> float:
        """Seconds from a moment to the next thing that it said, or to its end."""
        heard = [at for at, line in self.said if at >= moment and line.startswith(("Warning:", "Error:"))]
        return max(0.0, min([*heard, self.ended]) - moment)

    @property
    def text(self) -> str:
        """All that it said."""
        return "\n".join(line for _, line in self.said)


class World:
    """Inputs, and a Milvus to put them into."""

    def __init__(self, folder: Path, uri: str, server: Server | None) -> None:
        self.folder, self.uri, self.server = folder, uri, server
        self._made: set[str] = set()

    def command(self, *arguments: str) -> Command:
        """Start a command."""
        return Command(["--uri", self.uri, *arguments], self.folder)

    def run(self, *arguments: str) -> float:
        """Run a command that must end well; return its seconds."""
        command = self.command(*arguments)
        if command.end():
            raise SystemExit(f"{' '.join(arguments)} failed:\n{command.text}")
        return time.monotonic() - command.started

    def words(self, number: int) -> str:
        """Return a file of words; odd and even numbers differ, so that a load of one replaces the other."""
        path = self.folder / f"words{number % 2}.txt"
        if not path.exists():
            vectors = np.random.default_rng(number % 2).normal(size=(WORDS, WIDTH))
            names = [*dict.fromkeys(part for name in CLASSES for part in name.split())]
            names += [f"word{count}" for count in range(WORDS - len(names))]
            lines = (
                f"{name} {' '.join(f'{value:.4f}' for value in row)}" for name, row in zip(names, vectors, strict=True)
            )
            path.write_text("\n".join(lines))
        return str(path)

    def pictures(self) -> Path:
        """Return pictures in two halves, each with a folder for each class."""
        source = self.folder / "pictures"
        if not source.exists():
            for number in range(PICTURES):
                label = CLASSES[number % 3].replace(" ", "_")
                paint(source / f"half{number % 2}" / label / f"{number}.png", number)
        return source

    def load(self, gallery: str, source: Path) -> list[str]:
        """Return arguments that load pictures."""
        net, names = self.folder / "net.keras", self.folder / "classes.txt"
        if not net.exists():
            save_net(net, 0)
            names.write_text("\n".join(CLASSES))
        arguments = ["ingest", "images", str(source), "--gallery", gallery, "--backbone", str(net), "--engine", "keras"]
        return [*arguments, "--classes", str(names), "--index", "hnsw"]

    def gallery(self) -> None:
        """Make the gallery ``fixed``, and two heads for it."""
        if "fixed" not in self._made:
            self.run("ingest", "words", self.words(0))
            self.run(*self.load("fixed", self.pictures()))
            for seed in (0, 1):
                self.run(*self.training(seed, epochs=2))
            self._made.add("fixed")

    def training(self, seed: int, *, epochs: int = 20) -> list[str]:
        """Return arguments that train a head."""
        out = str(self.folder / f"head{seed}.keras")
        arguments = ["train", "--gallery", "fixed", "--head", "linear", "--seed", str(seed), "--out", out]
        return [*arguments, "--epochs", str(epochs)]

    def wait_until_it_answers(self) -> None:
        """Wait for a server that is still starting."""
        for _ in range(MOST_RUNS):
            if self.command("status").end() == 0:
                return
            time.sleep(3)
        raise SystemExit("the server does not come back")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    kinds = [kind for kind in KINDS if kind in arguments.kinds.split(",")]
    tallies = []
    print("kind     rounds  survived  run again  silent for s      whole   s a round", flush=True)
    for kind in kinds:
        with world(kind) as made:
            tally = Tally(kind)
            usual = warm_up(made, kind)
            for number in range(arguments.rounds):
                started = time.monotonic()
                chance = random.Random(f"{arguments.seed} {kind} {number}")
                if kind in ("writers", "lite"):
                    two_writers(made, tally, number)
                else:
                    kill_once(made, tally, number, chance.uniform(0.05, 1.0) * usual)
                tally.rounds += 1
                tally.seconds += time.monotonic() - started
            tallies.append(tally)
            print(tally.line(), flush=True)
    for tally in tallies:
        for remark in tally.remarks:
            print(f"{tally.kind}: {remark}")
    if any(tally.whole < tally.rounds for tally in tallies):
        sys.exit(1)


@contextmanager
def world(kind: str) -> Iterator[World]:
    """Yield a Milvus of its own for each kind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if kind == "lite":
            yield World(folder, str(folder / "k.db"), None)
            return
        (folder / "server").mkdir()
        with restartable_server(folder / "server") as server:
            yield World(folder, server.uri, server)


def warm_up(made: World, kind: str) -> float:
    """Make what the rounds of a kind need; return the seconds that its command takes where nobody is killed."""
    if kind == "words":
        return made.run(*arguments_of(made, kind, 1))
    if kind in ("writers", "lite"):
        made.run("ingest", "words", made.words(0))
        return 0.0
    made.gallery()
    return made.run(*arguments_of(made, kind, -1))


def arguments_of(made: World, kind: str, number: int) -> list[str]:
    """Return the command of one round."""
    if kind == "words":
        return ["ingest", "words", made.words(number)]
    if kind == "images":
        return made.load(f"g{number + 1}", made.pictures())
    if kind == "project":
        return ["project", "--gallery", "fixed", "--head", str(made.folder / f"head{number % 2}.keras")]
    return made.training(2)


def kill_once(made: World, tally: Tally, number: int, after_s: float) -> None:
    """Run a command, kill the server under it, and run the command again until it ends well."""
    arguments = arguments_of(made, tally.kind, number)
    server = made.server
    assert server is not None
    command = made.command(*arguments)
    time.sleep(after_s)
    running = command.process.poll() is None
    server.kill()
    killed = time.monotonic()
    time.sleep(DOWN_S)
    server.start_again()
    code = command.end()
    tally.silent_s = max(tally.silent_s, command.silence_after(killed))
    tally.survived += code == 0 and running
    if not running:
        tally.remarks.append(f"round {number + 1}: the command had ended before the kill")
    runs = 0
    while code != 0:
        tally.remarks.append(f"round {number + 1}, {after_s:.1f} s: {command.text[-300:]!r}")
        if runs == MOST_RUNS:
            raise SystemExit(f"{' '.join(arguments)} never ends well:\n{command.text}")
        runs += 1
        time.sleep(3)
        command = made.command(*arguments)
        code = command.end()
    tally.again += runs
    made.wait_until_it_answers()
    expected = {
        "words": {"words": WORDS},
        "images": {f"g{number + 1}_visual": PICTURES, f"g{number + 1}_joint": PICTURES},
        "project": {"fixed_visual": PICTURES, "fixed_joint": PICTURES},
        "train": {"fixed_visual": PICTURES, "fixed_joint": PICTURES},
    }[tally.kind]
    found = problems(made, expected)
    if tally.kind == "train" and not (made.folder / "head2.keras").stat().st_size:
        found.append("the head is empty")
    tally.whole += not found
    tally.remarks += [f"round {number + 1}: {problem}" for problem in found]
    if tally.kind == "images":
        made.run("drop", "--gallery", f"g{number + 1}", "--yes")


def two_writers(made: World, tally: Tally, number: int) -> None:
    """Load into one gallery with two processes at once: the same folder in even rounds, two halves of it in odd ones."""
    gallery, halves = f"g{number}", number % 2 == 1
    sources = [made.pictures() / f"half{side}" if halves else made.pictures() for side in (0, 1)]
    first = made.command(*made.load(gallery, sources[0]))
    # Where a lock keeps the second out, the first is to be the one that holds it.
    time.sleep(0.0 if made.server else 4.0)
    second = made.command(*made.load(gallery, sources[1]))
    writers = [(first, sources[0]), (second, sources[1])]
    codes = [command.end() for command, _ in writers]
    tally.survived += codes == [0, 0]
    for code, (command, source) in zip(codes, writers, strict=True):
        runs = 0
        while code != 0:
            tally.remarks.append(f"round {number + 1}: {command.text[-300:]!r}")
            if runs == MOST_RUNS:
                raise SystemExit(f"a writer never ends well:\n{command.text}")
            runs += 1
            command = made.command(*made.load(gallery, source))
            code = command.end()
        tally.again += runs
    found = problems(made, {f"{gallery}_visual": PICTURES, f"{gallery}_joint": PICTURES})
    tally.whole += not found
    tally.remarks += [f"round {number + 1}: {problem}" for problem in found]
    made.run("drop", "--gallery", gallery, "--yes")


def problems(made: World, expected: dict[str, int]) -> list[str]:
    """Return what is wrong: rows that are missing, or there twice, and what ``milvise verify`` finds."""
    found = []
    with milvise.connect(made.uri) as db:
        for alias, rows in expected.items():
            live = db.store.live(alias)
            if live is None:
                found.append(f"{alias} is not there")
                continue
            keys = [row[live.room.key] for row in live.scan([live.room.key])]
            if (len(keys), len(set(keys)), live.count()) != (rows, rows, rows):
                found.append(
                    f"{alias}: {len(keys)} rows, {len(set(keys))} different, {live.count()} counted, not {rows}"
                )
    for gallery in {alias.removesuffix("_visual") for alias in expected if alias.endswith("_visual")}:
        done = subprocess.run(
            [sys.executable, "-m", "milvise", "--uri", made.uri, "--json", "verify", "--gallery", gallery],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            answer: dict[str, Any] = json.loads(done.stdout or "{}")
            found.append(f"verify: {answer.get('problems', done.stderr)}")
    return found


if __name__ == "__main__":
    main()
