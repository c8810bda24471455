"""The same by the command line, in processes that find the package on Python's path."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TINY = Path(__file__).parents[1] / "tiny_encoder"
PAGE = Path(__file__).parents[2] / "docs" / "add-an-encoder.md"

Run = Callable[..., Any]


@pytest.fixture
def run(folder: Path, installed: Path) -> Run:
    def run(*arguments: str, packages: bool = True, code: int = 0) -> Any:
        path = [str(TINY), str(installed)] if packages else []
        others = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, *others])}
        command = [sys.executable, "-m", "milvise", "--uri", "tiny.db", "--json", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_gallery_is_made_searched_and_shown(run: Run) -> None:
    assert run("ingest", "images", "pictures", "--gallery", "g", "--encoder", "tiny_colours")["embedded"] == 18
    (visual,) = [one for one in run("status")["collections"] if one["alias"] == "g_visual"]
    assert (visual["fingerprint"]["encoder"], visual["fingerprint"]["version"]) == ("tiny_colours", 1)
    hits = run("search", "images", "blue", "--gallery", "g", "--limit", "6", "--by", "meaning")["hits"]
    assert [hit["label"] for hit in hits] == ["blue"] * 6
    alike = run("search", "similar", "pictures/red/0.png", "--gallery", "g", "--limit", "1")["hits"]
    assert alike[0]["label"] == "red"
    assert run("tag", "green/0.png", "--gallery", "g", "--limit", "1")["hits"][0]["word"] == "green"
    refused = run("search", "similar", "red/0.png", "--gallery", "g", "--focus", "warm", code=1)
    assert "the encoder 'tiny_colours' has no classes" in refused["error"]["message"]
    missing = run("search", "similar", "pictures/red/0.png", "--gallery", "g", packages=False, code=1)
    assert missing["error"]["type"] == "MissingEncoderError"
    stored = run("search", "similar", "red/0.png", "--gallery", "g", "--limit", "1", packages=False)["hits"]
    assert stored[0]["label"] == "red"


def test_status_shows_the_encoder_to_people(run: Run, folder: Path) -> None:
    run("ingest", "images", "pictures", "--gallery", "g", "--encoder", "tiny_colours")
    command = [sys.executable, "-m", "milvise", "--uri", "tiny.db", "status"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    assert "tiny_colours version=1" in shown


def test_the_page_shows_the_package_as_it_is_tested() -> None:
    blocks = re.findall(r"^```(?:python|toml)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert (TINY / "pyproject.toml").read_text() in blocks
    assert (TINY / "tiny_colours.py").read_text() in blocks
