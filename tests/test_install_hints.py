"""Hints to install something hold: they name packages that exist, and never milvise by a name that somebody else could register."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from milvise.errors import MissingExtraError, install_command

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".md", ".html", ".toml", ".yml", ".yaml", ".txt", ".cfg", ".sh", ""}
BY_NAME = re.compile(r"pip3?[ \t]+install[^\n]*[ \t'\"]milvise(?![\w/.-])")


def texts() -> list[Path]:
    def hidden(name: str) -> bool:
        return (name[0] == "." and name != ".ci") or name.endswith((".egg-info", "__pycache__"))

    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not hidden(name)]
        found += [Path(folder, name) for name in files if Path(name).suffix in SUFFIXES and not hidden(name)]
    assert {ROOT / "README.md", ROOT / "milvise" / "errors.py"} <= set(found)
    return [path for path in found if path != Path(__file__)]


def test_no_text_tells_to_install_milvise_by_its_name() -> None:
    found = [
        f"{path}: {match.group()}" for path in texts() for match in BY_NAME.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize("hint", ["pip install milvise", "pip install 'milvise[ingest]'", 'pip install -U "milvise"'])
def test_such_a_hint_would_be_found(hint: str) -> None:
    assert BY_NAME.search(f"Install it: {hint}\n")


@pytest.mark.parametrize("hint", ["pip install '.[ingest]'", "pip install .", "cd milvise && pip install ."])
def test_a_hint_that_holds_is_not(hint: str) -> None:
    assert not BY_NAME.search(f"Install it: {hint}\n")


@pytest.mark.parametrize(("extra", "package"), [("ingest", "keras"), ("openvino", "openvino"), ("evaluate", "jinja2")])
def test_a_missing_extra_is_named_by_its_own_packages(extra: str, package: str) -> None:
    message = str(MissingExtraError("computing", extra))
    command = message.partition("Install them: ")[2]
    assert command.startswith(f"{sys.executable} -m pip install ")
    named = [Requirement(text.strip("'")) for text in command.split(" pip install ")[1].split(" ")]
    assert package in {requirement.name for requirement in named}
    assert all(requirement.specifier and not requirement.marker for requirement in named)
    assert "milvise" not in {requirement.name for requirement in named}


def test_an_extra_without_packages_names_the_source_folder() -> None:
    assert "'.[nothing]'" in str(MissingExtraError("computing", "nothing"))


def test_a_command_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/a b/python")
    assert install_command("keras>=3.14") == "'/a b/python' -m pip install 'keras>=3.14'"
