"""Kill the ingest of 1,000 pictures again and again, and check what stands in the end.

    python benchmarks/kill_resume.py --pictures FOLDER [--kills 20] [--uri URI]

The pictures are copied from FOLDER (the first 1,000 that are found). Each run of ``milvise ingest images`` is ended with
SIGKILL at a random moment, then one runs to its end, then one more must find nothing to do. The first seconds of a run
go into importing Keras and building the network; the moments move so that most of them fall into the work behind that.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import milvise
from milvise.core.records import record_id

PICTURES = 1_000
GALLERY = "kills"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--uri")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "pictures")
        uris = copy_pictures(arguments.pictures, source)
        uri = arguments.uri or f"{folder}/k.db"
        subprocess.run([*milvise_command(uri), "ingest", "words", "glove-6b-50d", "--limit", "20000"], check=True)
        command = [*milvise_command(uri), "--json", "ingest", "images", str(source), "--gallery", GALLERY]
        command += ["--index", "hnsw"]
        command += ["--quarantine", f"{folder}/quarantine.jsonl"]
        before, earliest = stored(uri), 4.0
        for number in range(arguments.kills):
            run_and_kill(command, earliest + random.Random(number).uniform(0, 1))
            now = stored(uri)
            lost = before - now
            print(f"kill {number + 1:>2}: {len(now):>5} of {len(uris)} stored, {len(lost)} lost")
            assert not lost, lost
            gained = len(now) - len(before)
            fair_share = (len(uris) - len(now)) / (arguments.kills - number)
            earliest += 0.5 if gained == 0 else -0.5 if gained > fair_share else 0.0
            before = now
        missing = len(uris) - len(before)
        last, again = run(command), run(command)
        print(f"last run: embedded {last['embedded']} (missing were {missing}), unchanged {last['unchanged']}")
        print(f"one more: embedded {again['embedded']}, unchanged {again['unchanged']}, rows {again['rows']}")
        check(uri, uris)
        assert last["embedded"] == missing
        assert (again["embedded"], again["unchanged"], again["rows"]) == (0, len(uris), len(uris))
        print("complete, no duplicates, nothing embedded twice in the last run")


def milvise_command(uri: str) -> list[str]:
    return [sys.executable, "-m", "milvise", "--uri", uri, "-q"]


def copy_pictures(root: Path, target: Path) -> set[str]:
    uris = set()
    found = (path for path in sorted(root.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg"))
    for path in islice(found, PICTURES):
        uri = path.relative_to(root).as_posix()
        (target / uri).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / uri)
        uris.add(uri)
    assert len(uris) == PICTURES, f"{len(uris)} pictures were found"
    return uris


def run(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def run_and_kill(command: list[str], after_s: float) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()


def stored(uri: str) -> set[str]:
    with milvise.connect(uri) as db:
        visual = db.store.live(f"{GALLERY}_visual")
        return set() if visual is None else {row["uri"] for row in visual.scan(["id", "uri"])}


def check(uri: str, uris: set[str]) -> None:
    with milvise.connect(uri) as db:
        for room in ("visual", "joint"):
            collection = db.store.live(f"{GALLERY}_{room}")
            assert collection is not None
            rows = Counter(row["id"] for row in collection.scan(["id"]))
            assert set(rows) == {record_id(uri) for uri in uris}, f"{room}: other rows than pictures"
            assert set(rows.values()) == {1}, f"{room}: duplicates"
            assert collection.count() == len(uris), f"{room}: {collection.count()} rows are counted"
        assert db.verify(GALLERY).problems == ()


if __name__ == "__main__":
    main()
