"""Meet every hostile file and folder of tests/hostile with the command line, and print what happens and the peak of memory.

    python benchmarks/hostile_files.py [--only words|models|pictures|folders] [--out table.md]

Each case is a process of its own on a copy of one sound Milvus Lite database, which must answer the same afterwards wherever the
case is refused. Memory is what the process takes at its peak beside what the same command takes for a sound input.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import milvise

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from hostile import folders, models, pictures, words  # noqa: E402 - found by the line above
from hostile.case import Case  # noqa: E402
from small_world import paint, save_net  # noqa: E402

MOST_MEGABYTES = 1_024
MOST_SECONDS = 120
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a process did."""

    code: int
    megabytes: float
    seconds: float
    out: str
    err: str


LAUNCHER = """
import os, sys, time
seconds, command = float(sys.argv[1]), sys.argv[2:]
process, started = os.posix_spawn(command[0], command, os.environ), time.monotonic()
while True:
    ended, status, usage = os.wait4(process, os.WNOHANG)
    if ended:
        break
    if time.monotonic() - started > seconds:
        os.kill(process, 9)
    time.sleep(0.02)
with open("measured", "w") as out:
    out.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""
"""A small process between this one and the command: the peak of a process begins with what its parent holds."""


def run(folder: Path, arguments: Iterable[str], canary: Path) -> Outcome:
    """Run the command line and wait for its end; a process that takes too long is ended."""
    started = time.monotonic()
    environment = {**os.environ, "MILVISE_CANARY": str(canary), "MILVISE_CACHE": str(folder.parent / "cache")}
    command = [sys.executable, "-m", "milvise", "--uri", str(folder / "milvise.db"), *arguments]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        launched = [sys.executable, "-S", "-c", LAUNCHER, str(MOST_SECONDS), *command]
        subprocess.run(
            launched, cwd=folder, env=environment, stdout=out, stderr=err, stdin=subprocess.DEVNULL, check=True
        )
    code, peak = map(int, (folder / "measured").read_text().split())
    texts = [(folder / name).read_text("utf-8", "replace") for name in ("out", "err")]
    return Outcome(code, peak / 1024, time.monotonic() - started, *texts)


def complaints(case: Case, done: Outcome, grown: float, canary: Path) -> list[str]:
    """Return what should not have happened."""
    expected = {"refused": (1, 2), "loaded": (0,)}[case.ends]
    found = [
        (done.code not in expected, f"exit code {done.code}, expected {expected}"),
        ("Traceback" in done.err, "traceback"),
        (bool(_CONTROL.search(done.out + done.err)), "control characters printed"),
        (case.ends == "refused" and "Error:" not in done.err, "no message"),
        (grown > MOST_MEGABYTES, f"{grown:.0f} MB"),
        (done.seconds > MOST_SECONDS, "too slow"),
        (canary.exists(), "CODE WAS RUN"),
    ]
    return [what for happened, what in found if happened]


def first_line(done: Outcome) -> str:
    """Return what the process said, in short."""
    if done.code == 0:
        counts = dict(line.split("\t", 1) for line in done.out.splitlines() if "\t" in line)
        names = ("words", "malformed", "duplicates", "embedded", "quarantined")
        return ", ".join(f"{counts[name]} {name}" for name in names if name in counts)
    line = next((line for line in done.err.splitlines() if line.startswith("Error:")), done.err.strip()[-80:])
    return re.sub(r"/\S+/", "", line.removeprefix("Error: "))[:90]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("words", "models", "pictures", "folders"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="milvise-hostile-") as name:
        print(table(Path(name), options.only, options.out))


def table(root: Path, only: str | None, out: Path | None) -> str:
    """Run all cases and return the table, which ends with how many complaints there are."""
    canary, sound = root / "canary", root / "sound"
    os.environ["MILVISE_CANARY"] = str(canary)
    net = str(save_net(root / "net.keras", 0))
    kinds: dict[str, Callable[[Path], list[Case]]] = {
        "words": words.make,
        "models": models.make,
        "pictures": lambda folder: pictures.make(folder, net),
        "folders": lambda folder: folders.make(folder, net),
    }
    usual = make_sound(sound, net, canary)
    before = asked(sound)
    rows, bad = (
        ["| kind | what is wrong | what happens | MB | MB beside | s |", "| --- | --- | --- | --- | --- | --- |"],
        0,
    )
    for kind, make in kinds.items():
        if only not in (None, kind):
            continue
        made = root / kind
        made.mkdir()
        for case in make(made):
            place = root / "place"
            shutil.copytree(sound, place)
            done = run(place, case.arguments, canary)
            grown = max(0.0, done.megabytes - usual[kind])
            found = complaints(case, done, grown, canary)
            if case.ends == "refused" and asked(place) != before:
                found.append("the database answers otherwise")
            bad += bool(found)
            said = "; ".join([f"**{', '.join(found)}**"] * bool(found) + [first_line(done)])
            rows.append(f"| {kind} | {case.name} | {said} | {done.megabytes:.0f} | {grown:.0f} | {done.seconds:.1f} |")
            print(rows[-1], file=sys.stderr, flush=True)
            canary.unlink(missing_ok=True)
            shutil.rmtree(place)
        folders.clean(made)
    rows += ["", f"{len(rows) - 2} cases, {bad} with a complaint."]
    text = "\n".join(rows)
    if out is not None:
        out.write_text(text + "\n", "utf-8")
    return text


def make_sound(folder: Path, net: str, canary: Path) -> dict[str, float]:
    """Load sound words and pictures; return the peak of memory in megabytes that each kind is compared with."""
    folder.mkdir()
    (folder / "words.txt").write_text(
        "".join(f"word{number} {number % 7 + 1}.5 -{number % 5}e-1 .25\n" for number in range(20))
    )
    for number in range(20):
        paint(folder / "pictures" / f"{number}.png", number, 224)
    images = ("ingest", "images", str(folder / "pictures"), "--backbone", net, "--head", "none", "--gallery")
    commands = {
        "words": ("ingest", "words", str(folder / "words.txt"), "--remove-components", "0"),
        # The first run exports the network, with TensorFlow; those behind it do without, as most commands of users.
        "models": (*images, "sound"),
        "pictures": (*images, "again"),
    }
    peaks = {}
    for name, arguments in commands.items():
        done = run(folder, arguments, canary)
        if done.code:
            raise SystemExit(done.err)
        peaks[name] = done.megabytes
    return peaks | {"folders": peaks["pictures"]}


def asked(folder: Path) -> object:
    """Return what the database answers."""
    with milvise.connect(str(folder / "milvise.db")) as db:
        words = [(hit.word, round(hit.similarity, 5)) for hit in db.words.similar("word3", limit=5)]
        hits = [(hit.uri, round(hit.similarity, 5)) for hit in db.gallery("sound").similar("3.png", limit=5)]
    return words, hits


if __name__ == "__main__":
    main()
