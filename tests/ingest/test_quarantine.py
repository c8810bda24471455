"""Broken files of many kinds: each is reported with a reason, and the good ones around them are loaded."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile.pictures import broken_files, encoded
from small_world import paint

from milvise.ingest.sources import LocalFile
from milvise.ingest.stages import read
from milvise.ingest.summary import Summary


def make_odd_entries(root: Path) -> dict[str, str]:
    """Make entries that are not even files; return what is expected to be said of each."""
    os.mkfifo(root / "pipe.jpg")
    (root / "nowhere.jpg").symlink_to(root / "gone.jpg")
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.jpg")).write_bytes(encoded("JPEG"))
    with socket.socket(socket.AF_UNIX) as opened:
        os.chdir(root)
        opened.bind("socket.jpg")
    (root / "long").mkdir()
    return {
        "pipe.jpg": "not a regular file",
        "nowhere.jpg": "is not there",
        "loop.jpg": "cannot be read",
        "caf\\xe9.jpg": "not valid UTF-8",
        "socket.jpg": "not a regular file",
    }


def test_sixty_kinds_of_broken_file_end_in_quarantine_with_a_reason_each(
    load: Callable[..., Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "pictures"
    for number in range(5):
        paint(root / f"good-{number}.png", number)
    files = broken_files()
    for name, content in files.items():
        (root / name).write_bytes(content)
    odd = make_odd_entries(root)
    assert len(files) + len(odd) >= 60
    summary = load(root, labels=False)
    report = [json.loads(line) for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
    reasons = {entry["uri"]: entry["reason"] for entry in report}
    assert set(reasons) == set(files) | set(odd), "loaded although broken, or not reported"
    assert all(reasons.values())
    for name, expected in odd.items():
        assert expected in reasons[name]
    assert reasons["empty-jpg.jpg"] == "the file is empty"
    assert "decompression bomb" in reasons["bomb.png"]
    assert reasons["text.jpg"] == "not a picture in a format that can be read"
    assert reasons["cut-png.png"].startswith("damaged")
    assert (summary.quarantined, summary.embedded, summary.rows) == (len(reasons), 5, 5)


def test_a_file_that_vanishes_between_listing_and_reading_is_reported(
    load: Callable[..., Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "pictures"
    for number in range(3):
        paint(root / f"{number}.png", number)
    decode_content = read.decode_content

    def vanish_first(content: LocalFile, **how: Any) -> Any:
        if content.path.name == "1.png":
            content.path.unlink()
        return decode_content(content, **how)

    monkeypatch.setattr(read, "decode_content", vanish_first)
    summary = load(root)
    assert (summary.embedded, summary.quarantined) == (2, 1)
    assert "not there (any more)" in (tmp_path / "quarantine.jsonl").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_reported(load: Callable[..., Summary], tmp_path: Path) -> None:
    path = paint(tmp_path / "pictures" / "locked.png", 0)
    path.chmod(0)
    assert load(path.parent).quarantined == 1
    assert "Permission denied" in (tmp_path / "quarantine.jsonl").read_text()
