"""A small world on disk: words, pictures, a backbone and its class names; and a Milvus Lite that Python opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_world import CLASSES, VOCABULARY, paint, save_net

import milvise

PICTURES = 8


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("net") / "net.keras", 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with words, eight pictures of two labels, and class names."""
    (tmp_path / "words.txt").write_text(VOCABULARY)
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    for number in range(PICTURES):
        paint(tmp_path / "pictures" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def db(folder: Path) -> Iterator[milvise.Database]:
    with milvise.connect("python.db", create=True) as db:
        yield db


@pytest.fixture
def how(net: Path) -> dict[str, Any]:
    """How pictures are loaded with the small backbone."""
    return {"gallery": "g", "backbone": str(net), "classes": "classes.txt", "engine": "keras", "index": "flat"}
