"""Exports of a whole gallery, line by line: killed anywhere and made again, they give what one run gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from milvise.adapter import IndexSpec, Manifest, Store, connect, pages
from milvise.core import resumable_lines
from milvise.core.records import record_id
from milvise.errors import InputError, NotFoundError, UsageError
from milvise.operations.database import Database
from milvise.operations.export_lines import ExportDuplicates
from milvise.operations.gallery import Gallery
from milvise.queries.requests import duplicates

DIM = 16
PICTURES = 360
GROUP = 3
"""Pictures that look the same."""


def fill(store: Store, name: str = "g") -> Gallery:
    """Return a gallery of pictures, of which every three look the same and every two of the first twenty are the same file."""
    centres = np.random.default_rng(0).normal(size=(PICTURES // GROUP, DIM))
    noise = np.random.default_rng(1).normal(scale=0.01, size=(PICTURES, DIM))
    made = store.build(Manifest(f"{name}_visual", "visual", DIM, {"backbone": "none"}))
    made.upsert(
        {
            "id": record_id(f"{number}.jpg"), "uri": f"{number}.jpg", "label": "cat" if number % 2 else "", "width": 1, "height": 1,
            "sha256": f"{number // 2 if number < 20 else number:064x}", "meta": {"owner": f"o{number % 4}"},
            "vector": centres[number // GROUP] + noise[number],
        }
        for number in range(PICTURES)
    )  # fmt: skip
    store.publish(store.finish(made, IndexSpec("flat")))
    return Database(store).gallery(name)


@pytest.fixture
def gallery(own_store: Store, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    monkeypatch.setattr(resumable_lines, "NOTED_S", 0.0)
    monkeypatch.setattr(pages, "_FIRST_ROWS", 40)
    monkeypatch.setattr(pages, "MOST_ROWS", 40)
    monkeypatch.setattr(duplicates, "_AT_ONCE", 25)
    return fill(own_store)


class KilledError(Exception):
    """The run ends here."""


def killing(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Have a run end after so many lines, with half a line more in the file."""
    write = resumable_lines.ResumableLines.write

    def some(self: resumable_lines.ResumableLines, record: Any) -> None:
        if self.lines - self.begun_with == after:
            self._file.write(b'{"half": ')
            raise KilledError
        write(self, record)

    monkeypatch.setattr(resumable_lines.ResumableLines, "write", some)


EXPORTS: dict[str, Callable[[Gallery, Path], Any]] = {
    "manifest": lambda gallery, out: gallery.export_manifest(out),
    "manifest of some": lambda gallery, out: gallery.export_manifest(out, filter='label == "cat"'),
    "visual duplicates": lambda gallery, out: gallery.export_duplicates(out, kind="visual", similarity=0.9),
    "exact duplicates": lambda gallery, out: gallery.export_duplicates(out),
}
GOES_ON = [name for name in EXPORTS if name != "exact duplicates"]


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("after", [0, 1, 7, 33])
def test_a_run_that_was_killed_and_made_again_gives_the_same_file(
    name: str, after: int, gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, whole, cut = EXPORTS[name], tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    lines = export(gallery, whole).lines
    with monkeypatch.context() as patch:
        killing(patch, after)
        for _ in range(2):
            if after < lines:
                with pytest.raises(KilledError):
                    export(gallery, cut)
                assert not cut.exists()
    done = export(gallery, cut)
    assert cut.read_text() == whole.read_text()
    assert done.lines == lines
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.jsonl", "whole.jsonl"]
    if name in GOES_ON and after > 25:
        assert done.begun_with > 0


def test_the_lines_are_what_the_gallery_holds(gallery: Gallery, tmp_path: Path) -> None:
    gallery.export_manifest(tmp_path / "m.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert {row["uri"] for row in rows} == {f"{number}.jpg" for number in range(PICTURES)}
    assert {tuple(row) for row in rows} == {("uri", "label", "owner"), ("uri", "owner")}
    gallery.export_duplicates(tmp_path / "v.jsonl", kind="visual")
    groups = [json.loads(line) for line in (tmp_path / "v.jsonl").read_text().splitlines()]
    found = {frozenset(picture["uri"] for picture in group["pictures"]) for group in groups}
    assert found == {
        frozenset(f"{GROUP * group + one}.jpg" for one in range(GROUP)) for group in range(PICTURES // GROUP)
    }
    assert len(groups) == len(found)
    gallery.export_duplicates(tmp_path / "e.jsonl")
    exact = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert [(group["exact"], len(group["pictures"])) for group in exact] == [(True, 2)] * 10


def test_what_another_request_began_is_not_gone_on_with(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"
    with monkeypatch.context() as patch:
        killing(patch, 50)
        with pytest.raises(KilledError):
            gallery.export_manifest(out)
    with pytest.raises(InputError, match="(?s)another request began.*remove the file, or write to another one"):
        gallery.export_manifest(out, filter='label == "cat"')
    assert gallery.export_manifest(out).begun_with > 0


def test_what_cannot_be_is_refused(gallery: Gallery, own_store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected: exact, visual"):
        ExportDuplicates(tmp_path / "x", kind="close")
    with pytest.raises(NotFoundError):
        Database(own_store).gallery("none").export_manifest(tmp_path / "x")
    (tmp_path / "folder.part").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        gallery.export_manifest(tmp_path / "folder")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_an_error_that_says_so(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="No space left.*the same command goes on"):
        gallery.export_manifest(tmp_path / "out.jsonl")


SCRIPT = """
import sys, time
from pathlib import Path
from milvise import connect
from milvise.core import resumable_lines

resumable_lines.NOTED_S = 0.0
write = resumable_lines.ResumableLines.write

def slowly(self, record):
    write(self, record)
    time.sleep(0.005)

resumable_lines.ResumableLines.write = slowly
with connect(sys.argv[1]) as db:
    print(db.gallery("g").export_manifest(Path(sys.argv[2])).begun_with)
"""


def test_a_process_that_is_killed_in_milvus_lite(tmp_path: Path) -> None:
    store = Store(connect(str(tmp_path / "g.db"), create=True))
    gallery = fill(store)
    gallery.export_manifest(tmp_path / "whole.jsonl")
    store.connection.close()
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "g.db"), str(tmp_path / "cut.jsonl")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    part = tmp_path / "cut.jsonl.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 2_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "cut.jsonl").exists()
    begun_with = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert int(begun_with) > 0
    assert (tmp_path / "cut.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()
