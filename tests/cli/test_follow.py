"""The commands of a gallery that stays current: what they print, as text and as JSON, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from follow_world import CREATED, DELETED, event, until
from milvus_server import free_port
from processes import answer, milvise
from small_world import CLASSES, VOCABULARY, paint, save_net


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with words, pictures and two small networks, and a gallery ``g`` in Milvus Lite."""
    folder = tmp_path_factory.mktemp("follow")
    (folder / "words.txt").write_text(VOCABULARY)
    (folder / "classes.txt").write_text("\n".join(CLASSES))
    for seed, name in enumerate(("net", "other")):
        save_net(folder / f"{name}.keras", seed)
    for number in range(6):
        paint(folder / "pictures" / "cat" / f"{number}.png", number)
    answer(milvise(folder, "--json", "--uri", "m.db", "ingest", "words", "words.txt", "--remove-components", "0"))
    how = ("--backbone", "net.keras", "--classes", "classes.txt")
    answer(milvise(folder, "--json", "--uri", "m.db", "ingest", "images", "pictures", "--gallery", "g", *how))
    return folder


def follow(folder: Path, *arguments: str, lines: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "milvise", "--uri", "m.db", "follow", *arguments, "--gallery", "g"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MILVISE_") or name == "MILVISE_CACHE"
    }
    return subprocess.run(
        command, cwd=folder, env=environment, input=lines, capture_output=True, check=False, timeout=120
    )


def test_lines_are_followed_to_their_end(folder: Path) -> None:
    paint(folder / "pictures" / "cat" / "new.png", 50)
    (folder / "pictures" / "cat" / "0.png").unlink()
    lines = b"\n".join(
        [event(CREATED, "cat/new.png"), event(DELETED, "cat/0.png"), b"no event", event(CREATED, "cat/1.png")]
    )
    done = follow(folder, "-", "--json", "--max-delay", "100ms", lines=lines)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    counts = {
        name: document[name] for name in ("received", "settled", "rejected", "embedded", "unchanged", "removed", "rows")
    }
    assert counts == {
        "received": 4,
        "settled": 3,
        "rejected": 1,
        "embedded": 1,
        "unchanged": 1,
        "removed": 1,
        "rows": 6,
    }
    (letter,) = (folder / "milvise-dead-letters-g.jsonl").read_text().splitlines()
    assert json.loads(letter)["event"] == "no event"
    # The same lines again change nothing.
    again = json.loads(follow(folder, "-", "--json", "--engine", "keras", lines=lines).stdout)
    assert (again["embedded"], again["removed"], again["unchanged"], again["rows"]) == (0, 0, 2, 6)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(folder: Path, stop: signal.Signals) -> None:
    port = free_port()
    command = [sys.executable, "-m", "milvise", "--uri", "m.db", "follow", "pictures", "--gallery", "g"]
    command += ["--poll", "1s", "--metrics-port", str(port)]
    log = folder / f"log-{stop.name}"
    with log.open("wb") as file, subprocess.Popen(command, cwd=folder, stdout=file, stderr=file) as process:
        until(lambda: settled(port) > 0, 100)
        process.send_signal(stop)
        assert process.wait(60) == 0, log.read_text()
    assert "rows" in log.read_text()


def settled(port: int) -> float:
    """Return how many events a follower has settled, 0 before it answers."""
    try:
        told = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    except httpx.TransportError:
        return 0.0
    return float(told.split('milvise_follow_events_total{gallery="g",result="settled"} ')[1].split("\n")[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("follow", "ftp://host/x"), "this cannot be followed"),
        (("follow", "missing"), "there is no folder at missing"),
        (("follow", "pictures", "--since", "start"), "since is for streams of events"),
        (("follow", "-", "--poll", "1s"), "poll is for folders"),
        (("follow", "-", "--since", "2026-05-01T12:00:00"), "a time with its zone"),
        (("follow", "-", "--max-delay", "soon"), "max_delay is a duration"),
        (("follow", "redis://127.0.0.1:9/x", "--root", "pictures"), "does not answer"),
        (("rebuild",), "nothing to rebuild with"),
        (("rebuild", "--head", "conse", "--gate", "p@10"), "a gate is a figure's name and a limit"),
        (("rollback",), "no version to go back to"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = milvise(folder, "--uri", "m.db", *arguments, "--gallery", "g")
    assert done.returncode in (1, 2)
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_versions_are_built_listed_and_left(folder: Path) -> None:
    how = ("--backbone", "other.keras", "--classes", "classes.txt", "--engine", "keras", "--accept-worse")
    refused = answer(
        milvise(folder, "--json", "--uri", "m.db", "rebuild", "--gallery", "g", *how, "--gate", "no.such=1"), code=1
    )
    assert (refused["is_live"], refused["why_not"]) == (
        False,
        ["no.such is None, and must be at least 1: not measured"],
    )
    done = answer(milvise(folder, "--json", "--uri", "m.db", "rebuild", "--gallery", "g", *how))
    assert (done["is_live"], done["rows"]) == (True, 6)
    listed = answer(milvise(folder, "--json", "--uri", "m.db", "history", "--gallery", "g"))["versions"]
    assert [(one["name"], one["is_live"]) for one in listed] == [(done["version"], True), (done["before"], False)]
    shown = milvise(folder, "--uri", "m.db", "history", "--gallery", "g").stdout
    assert done["version"] in shown
    assert "other.keras" in shown
    back = answer(milvise(folder, "--json", "--uri", "m.db", "rollback", "--gallery", "g", "--engine", "keras"))
    assert (back["version"], back["before"], back["carried_over"]) == (done["before"], done["version"], 0)
