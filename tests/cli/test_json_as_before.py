"""Every command prints the keys, nesting and types that were recorded before commands were moved out of the command line.

``python scripts/compatibility.py --commit COMMIT --record`` makes the record with that commit's wheel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from compatibility.commands import RATE, command_lines, filled
from compatibility.inputs import make_small
from compatibility.running import run_all
from jsonschema import Draft202012Validator

from milvise.cli.main import app, main

RECORD: dict[str, Any] = json.loads((Path(__file__).parent / "json_before.json").read_text("utf-8"))


def compare(tmp_path: Path, *phases: str) -> None:
    """Run the commands of phases in a new folder."""
    inputs = make_small(tmp_path / "inputs")
    asked = [line for phase in phases for line in command_lines(phase)]
    answers = run_all(main, tmp_path / "here", filled(asked, str(inputs)))
    recorded = [one for one in RECORD["commands"] if one["phase"] in phases]
    assert [line for line in asked if line[0] != RATE] == [one["command"] for one in recorded]
    problems = []
    for expected, now in zip(recorded, answers, strict=True):
        command = " ".join(expected["command"])
        if now["code"] != expected["code"]:
            problems.append(f"{command}: exit code {now['code']}, not {expected['code']}: {now['errors']}")
        schema = Draft202012Validator(RECORD["schemas"][expected["schema"]])
        problems += [f"{command}: {error.json_path}: {error.message}" for error in schema.iter_errors(now["document"])]
    assert problems == []


NEW = {
    "serve",
    "keys add",
    "keys list",
    "keys remove",
    "follow",
    "rebuild",
    "rollback",
    "history",
    "plan",
    "embed",
    "load",
    "export manifest",
    "export duplicates",
}
"""Commands that came after the record was made; `test_serve`, `test_follow`, `test_rebuild`, `test_plan`, `test_shards` and `test_large_galleries` hold their documents."""


def test_documents_have_the_schema_of_before(tmp_path: Path) -> None:
    compare(tmp_path, "make", "ask", "grow")


def test_the_demo_has_the_schema_of_before(tmp_path: Path) -> None:
    compare(tmp_path, "demo")


def test_every_command_was_recorded() -> None:
    recorded = {" ".join(one["command"][:2]) for one in RECORD["commands"] if one["code"] == 0}
    assert {name for name in _names() if not any(line.startswith(name) for line in recorded)} == NEW


def _names() -> Iterator[str]:
    """Yield the name of every command, such as ``search images``."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        yield from (f"{name} {inner}" for inner in command.commands) if hasattr(command, "commands") else [name]
