"""What earlier versions left in Milvus, asked by this one: databases that they made open, answer alike and go on being filled.

For each commit a wheel is built, which goes into a folder of its own. That version makes a Milvus Lite database of a small world and one
of real photos (`tests/compatibility`: words, pictures, a trained head, feedback). A copy is then given to the milvise of this checkout. Both
are asked the same, and then take more pictures, train, project, evaluate, verify and drop, each in its own copy. The documents
that all commands print with ``--json`` are compared: keys, order, texts, and numbers to 1e-6. The demo is compared twice: of the photos
that the earlier version loaded, to 1e-6; and of photos that each version loaded itself, to 1e-4, because probabilities are stored in steps. Left out
are times and speeds alone (`tests/compatibility/documents.py`). The earlier version is made to read rows in the order of their keys,
as this one does. Of a version that answers otherwise by design, only the exit codes are compared and that something is found.

    python scripts/compatibility.py                    # both worlds of all VERSIONS; a quarter of an hour
    python scripts/compatibility.py --commit aa33a03   # of this one
    python scripts/compatibility.py --commit aa33a03 --record    # write what the tests compare with

It exits with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheels import ROOT, build, call

TESTS = ROOT / "tests"
# In place of this file's folder, in which this script has the name of theirs.
sys.path[0] = str(TESTS)

from compatibility.commands import PHASES, PHOTOS, RATE, SMALL, command_lines, filled, from_rows  # noqa: E402
from compatibility.documents import LOADED_TOLERANCE, TOLERANCE, differences, hits_of, schema_of, settled, shortened  # noqa: E402
from compatibility.inputs import UNKNOWN_CLASSES, make_photos, make_small  # noqa: E402

VERSIONS = {"aa33a03": True, "0e175af": False}
"""Commits, and whether this version answers as they did: 0e175af did not yet rank words by what the network saw."""

RECORD = TESTS / "cli" / "json_before.json"
Answers = list[dict[str, Any]]


@dataclass(frozen=True)
class World:
    """What a database is made of: the files that commands read, and what is filled into these."""

    name: str
    make: Callable[[Path], Path]
    names: dict[str, str]


WORLDS = (World("small", make_small, SMALL), World("photos", make_photos, PHOTOS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", action="append", help="a version (default: all of VERSIONS); repeatable")
    parser.add_argument("--world", choices=[world.name for world in WORLDS], help="only this one")
    parser.add_argument("--record", action="store_true", help="write what the tests compare with, and check nothing")
    given = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="milvise-compatibility-") as temporary:
        for commit in given.commit or VERSIONS:
            folder = Path(temporary, commit)
            site = build(commit, folder / "wheel")
            if given.record:
                _record(commit, site, folder / "record")
                continue
            for world in WORLDS:
                if given.world in (None, world.name):
                    for check, problems in _checks(commit, world, site, folder / world.name):
                        failed |= bool(problems)
                        print(f"{commit}  {world.name:7} {check:60} {'FAILED' if problems else 'ok'}", flush=True)
                        print("".join(f"    {line}\n" for line in problems), end="")
    sys.exit(failed)


def _checks(commit: str, world: World, site: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each check and its problems."""
    exact = VERSIONS.get(commit, True)
    inputs = world.make(folder / "inputs")
    old, now = folder / "old", folder / "now"
    made = _answers(site, old, inputs, "make", world)
    yield f"it makes a database ({len(made)} commands)", _codes(made, world, "make")
    shutil.copytree(old, now)
    for phase, meaning in (("ask", "opened, asked"), ("grow", "filled, moved, evaluated, dropped"), ("demo", "demo")):
        answers = _answers(None, now, inputs, phase, world)
        yield f"{meaning}: answers ({len(answers)} commands)", _codes(answers, world, phase)
        if exact:
            before = _answers(site, old, inputs, phase, world)
            tolerance = LOADED_TOLERANCE if phase == "demo" else TOLERANCE
            problems = _unlike(_asked(phase, world), before, answers, tolerance)
            yield f"{meaning}: as it did itself ({len(answers)} commands)", problems
    if exact:
        shutil.copytree(old, folder / "demonstrated")
        # Its words and photos stand there by now.
        last = command_lines("demo", world.names)[-1:]
        answers = _run(None, folder / "demonstrated", inputs, last)
        yield "demo of the photos that it loaded: as it did itself", _unlike(last, before[-1:], answers)


def _answers(site: Path | None, folder: Path, inputs: Path, phase: str, world: World) -> Answers:
    """Run the commands of a phase with the milvise of a folder, or of this checkout, and return their settled answers."""
    return _run(site, folder, inputs, command_lines(phase, world.names))


def _run(site: Path | None, folder: Path, inputs: Path, commands: list[list[str]]) -> Answers:
    job = folder.with_name(f"{folder.name}.json")
    job.parent.mkdir(parents=True, exist_ok=True)
    job.write_text(json.dumps({"folder": str(folder), "commands": filled(commands, str(inputs))}))
    # Each version has a cache of its own, as on a machine that meets the database for the first time.
    cache = str(folder.parent / f"cache-{folder.name}")
    call(
        sys.executable,
        "-X",
        "faulthandler",
        TESTS / "compatibility" / "running.py",
        site or ROOT,
        job,
        MILVISE_CACHE=cache,
    )
    folders = {str(inputs): "{inputs}", str(folder): "{here}"}
    answers = json.loads(Path(f"{job}.answers").read_text())
    return [{**answer, "document": settled(answer["document"], folders)} for answer in answers]


def _unlike(commands: list[list[str]], before: Answers, now: Answers, tolerance: float = TOLERANCE) -> list[str]:
    """Return where two versions' answers differ."""
    found = []
    for command, old, new in zip(commands, before, now, strict=True):
        problems = list(differences(old["document"], new["document"], tolerance))
        if old["code"] != new["code"]:
            problems.insert(0, f"exit code {old['code']} is {new['code']}: {new['errors'][-300:]}")
        found += [f"{' '.join(command)}\n        {problem}" for problem in problems[:5]]
    return found


def _codes(answers: Answers, world: World, phase: str) -> list[str]:
    """Return which commands end otherwise than was recorded, or find nothing where something was found."""
    recorded = [one for one in json.loads(RECORD.read_text())["commands"] if one["phase"] == phase]
    found = []
    for command, expected, answer in zip(_asked(phase, world), recorded, answers, strict=True):
        if answer["code"] != expected["code"]:
            found.append(
                f"{' '.join(command)}\n        exit code {answer['code']}, not {expected['code']}: {answer['errors'][-300:]}"
            )
        elif expected["example"].get("hits") and not answer["document"]["hits"]:
            found.append(f"{' '.join(command)}\n        found nothing")
    return found


def _asked(phase: str, world: World) -> list[list[str]]:
    return [command for command in command_lines(phase, world.names) if command[0] != RATE]


def _record(commit: str, site: Path, folder: Path) -> None:
    """Write the documents of every command, and a database with what is answered from it, as this version makes them."""
    if VERSIONS.get(commit, True):
        inputs = make_small(folder / "inputs")
        made = []
        for phase in PHASES:
            answers = _answers(site, folder / "here", inputs, phase, WORLDS[0])
            made += [_entry(phase, *pair) for pair in zip(_asked(phase, WORLDS[0]), answers, strict=True)]
        _write_record(commit, made)
    # A hierarchy is half a megabyte, so that this database has classes that WordNet does not know.
    inputs = make_small(folder / "made" / "inputs", UNKNOWN_CLASSES)
    _run(site, folder / "made" / "here", inputs, command_lines("make"))
    # Its manifests name a folder that is no longer there, as on another machine.
    moved = (folder / "made").rename(folder / "moved")
    shutil.copytree(moved / "here" / "milvise.db", moved / "milvise.db")
    answers = _run(site, moved / "here", moved / "inputs", from_rows())
    found = [
        {"command": one, "hits": list(hits_of(answer["document"]))}
        for one, answer in zip(from_rows(), answers, strict=True)
    ]
    (moved / "answers.json").write_text(json.dumps(found))
    with tarfile.open(TESTS / "compatibility" / f"made_by_{commit}.tar.xz", "w:xz") as archive:
        for name in ("inputs", "milvise.db", "answers.json"):
            archive.add(moved / name, name, filter=_of_nobody)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _write_record(commit: str, made: list[dict[str, Any]]) -> None:
    """Write one line for each command, and each schema once."""
    schemas: list[str] = []
    lines = []
    for one in made:
        schema = json.dumps(one["schema"], sort_keys=True)
        if schema not in schemas:
            schemas.append(schema)
        lines.append(json.dumps({**one, "schema": schemas.index(schema)}, ensure_ascii=False))
    parts = f'"made_by": "{commit}"', _listed("schemas", schemas), _listed("commands", lines)
    RECORD.write_text("{" + ",\n".join(parts) + "}\n", "utf-8")


def _listed(name: str, lines: list[str]) -> str:
    return f'"{name}": [\n' + ",\n".join(lines) + "\n]"


def _entry(phase: str, command: list[str], answer: dict[str, Any]) -> dict[str, Any]:
    document = answer["document"]
    return {
        "phase": phase,
        "command": command,
        "code": answer["code"],
        "schema": schema_of(document),
        "example": shortened(document),
    }


if __name__ == "__main__":
    main()
