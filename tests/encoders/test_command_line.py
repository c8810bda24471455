"""The same by the command line, in processes that find the package on Python's path."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import answer, milvise, milvise_anew

TINY = Path(__file__).parents[1] / "tiny_encoder"
PAGE = Path(__file__).parents[2] / "docs" / "add-an-encoder.md"

Run = Callable[..., Any]


@pytest.fixture
def run(folder: Path, installed: Path) -> Run:
    def run(*arguments: str, packages: bool = True, code: int = 0) -> Any:
        packages_at = [str(TINY), str(installed)] if packages else []
        others = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
        path = os.pathsep.join([*packages_at, *others])
        return answer(milvise(folder, "--uri", "tiny.db", "--json", *arguments, PYTHONPATH=path), code)

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
    shown = milvise_anew(folder, "--uri", "tiny.db", "status")
    assert shown.returncode == 0, shown.stderr
    assert "tiny_colours version=1" in shown.stdout


def test_the_page_shows_the_package_as_it_is_tested() -> None:
    blocks = re.findall(r"^```(?:python|toml)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert (TINY / "pyproject.toml").read_text() in blocks
    assert (TINY / "tiny_colours.py").read_text() in blocks
