"""A second package with encoders: `tests/tiny_encoder`, on Python's path with the metadata that an installation would write."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import milvise

TINY = Path(__file__).parents[1] / "tiny_encoder"
COLOURS = {"red": (250, 5, 5), "green": (5, 250, 5), "blue": (5, 5, 250)}
EACH = 6


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the metadata of the package, as an installation makes it of its pyproject.toml."""
    project = tomllib.loads((TINY / "pyproject.toml").read_text())["project"]
    folder = tmp_path_factory.mktemp("installed")
    made = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [line for group, points in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))]
    (made / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def tiny(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package, installed for one test; the folder that holds its metadata."""
    monkeypatch.syspath_prepend(str(TINY))
    monkeypatch.syspath_prepend(str(installed))
    yield installed
    sys.modules.pop("tiny_colours", None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with pictures of three colours, each with a stripe of its own width in the next colour."""
    names = list(COLOURS)
    for place, (name, colour) in enumerate(COLOURS.items()):
        other = COLOURS[names[(place + 1) % len(names)]]
        for number in range(EACH):
            picture = Image.new("RGB", (32, 32), colour)
            picture.paste(other, (0, 0, 2 * number, 32))
            path = tmp_path / "pictures" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def db(folder: Path, tiny: Path) -> Iterator[milvise.Database]:
    """A Milvus Lite of the test's own, without words."""
    with milvise.connect("tiny.db", create=True) as db:
        yield db
