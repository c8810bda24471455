"""A load that is asked for it writes a page of how busy each of its stages was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import milvise
from milvise.errors import InputError


@pytest.fixture
def words(db: milvise.Database) -> milvise.Database:
    db.ingest_words("words.txt", components=0, index="flat")
    return db


def test_the_page_tells_of_every_stage(words: milvise.Database, how: dict[str, Any]) -> None:
    assert words.ingest_images("pictures", **how, profile="load.html").embedded == 8
    page = Path("load.html").read_text("utf-8")
    for stage in ("look", "read", "embed", "write"):
        assert f">{stage}: " in page
    assert page.count("<td>8</td>") == 4
    assert "Gallery g: backbone " in page


def test_a_load_that_fails_leaves_its_page_too(words: milvise.Database, how: dict[str, Any]) -> None:
    Path("bad").mkdir()
    Path("bad/1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of the 1 pictures could be loaded"):
        words.ingest_images("bad", **how, profile="load.html")
    assert "<svg" in Path("load.html").read_text("utf-8")


def test_a_page_that_can_no_longer_be_written_at_the_end_is_said_and_the_pictures_are_there(
    words: milvise.Database, how: dict[str, Any]
) -> None:
    def away(step: object) -> None:
        page = Path("load.html")
        if page.is_file():
            page.unlink()
            page.mkdir()

    with pytest.raises(InputError, match=r"the profile load.html cannot be written: Is a directory. Pictures that are"):
        words.ingest_images("pictures", **how, profile="load.html", progress=away)
    assert words.gallery("g").browse(limit=20)[7].uri


def test_a_page_that_cannot_be_written_is_said_before_anything_is_made(
    words: milvise.Database, how: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=r"the profile nowhere/load.html cannot be written: No such file"):
        words.ingest_images("pictures", **how, profile="nowhere/load.html")
    assert [entry["alias"] for entry in words.status()] == ["words"]
