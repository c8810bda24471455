"""Databases that earlier versions made: they open, answer alike, take more pictures, project and evaluate.

``python scripts/compatibility.py --commit COMMIT --record`` makes them with that commit's wheel. They hold 25 small pictures of noise in two
galleries, one of which has a trained head, 80 words and feedback; the folder that they were made in is not there.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from compatibility.commands import SMALL, filled
from compatibility.documents import TOLERANCE, hits_of
from compatibility.running import run_all

from milvise.cli.main import main

FOLDER = Path(__file__).parent
VERSIONS = [path.name.removeprefix("made_by_").removesuffix(".tar.xz") for path in sorted(FOLDER.glob("made_by_*"))]
ANSWERS_OTHERWISE = {"0e175af"}
"""It did not rank words by what the network saw."""

AS_EVER = (["search", "words"], ["search", "similar"], ["search", "complete"], ["duplicates", "--gallery"])
"""What is asked without words, or of words alone, answers alike there, too."""

IMAGES = f"--gallery g {SMALL['net']}".split()


@pytest.fixture(params=VERSIONS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """The version, and a folder with its database, its inputs and its answers."""
    with tarfile.open(FOLDER / f"made_by_{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return request.param, tmp_path


def run(folder: Path, *commands: list[str]) -> list[dict[str, Any]]:
    return run_all(main, folder, filled(list(commands), str(folder / "inputs")))


def test_a_database_of_before_answers_alike(made: tuple[str, Path]) -> None:
    version, folder = made
    recorded = json.loads((folder / "answers.json").read_text())
    assert len(recorded) > 20
    for before, now in zip(recorded, run(folder, *(one["command"] for one in recorded)), strict=True):
        found = list(hits_of(now["document"]))
        assert found or not before["hits"], (before["command"], now["errors"])
        if version not in ANSWERS_OTHERWISE or (
            before["command"][:2] in AS_EVER and "--focus" not in before["command"]
        ):
            assert [name for name, _ in found] == [name for name, _ in before["hits"]], before["command"]
            similarities = [similarity for _, similarity in before["hits"]]
            assert [similarity for _, similarity in found] == pytest.approx(similarities, rel=0, abs=TOLERANCE)


def test_a_database_of_before_is_filled_projected_and_evaluated(made: tuple[str, Path]) -> None:
    _, folder = made
    cat = ["search", "images", "cat", "--gallery", "g"]
    same, more, ranked, moved, found, back, judged, *whole = run(
        folder,
        ["ingest", "images", "{inputs}/photos.csv", *IMAGES],
        ["ingest", "images", "{inputs}/more.csv", *IMAGES],
        cat,
        ["project", "--gallery", "g", "--head", "{inputs}/h.keras"],
        cat,
        ["project", "--gallery", "t", "--head", "conse"],
        ["evaluate", "accuracy", "--gallery", "g", "--head", "{inputs}/h.keras", "--out", "report"],
        ["verify", "--gallery", "g"],
        ["verify", "--gallery", "t"],
    )
    for answer in (same, more, ranked, moved, found, back, judged, *whole):
        assert answer["code"] == 0, answer["errors"]
    assert (same["document"]["rows"], more["document"]["embedded"], more["document"]["rows"]) == (25, 7, 32)
    assert ranked["document"]["hits"]
    assert found["document"]["hits"]
    assert (moved["document"]["head"]["kind"], moved["document"]["rows"]) == ("residual", 32)
    assert (back["document"]["head"]["kind"], back["document"]["rows"]) == ("conse", 25)
    assert judged["document"]["figures"]["all.p@10"]["value"] > 0
