"""Files that are as they were are not read again, and what is remembered never hides a change."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_world import paint

from milvise.adapter import Store
from milvise.adapter.collection import Collection
from milvise.ingest.changes import find_changes
from milvise.ingest.changes.loaded_files import LoadedFile, LoadedFiles
from milvise.ingest.sources import ContentState, LocalFile
from milvise.ingest.summary import Summary

Load = Callable[..., Summary]
PICTURES = 6


def age(*paths: Path, by: float = 60.0) -> None:
    """Have files look as if they were written some time ago: fresh ones are always read."""
    for path in paths:
        then = path.stat().st_mtime - by
        os.utime(path, (then, then))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = [paint(tmp_path / "pictures" / "cat" / f"{number}.png", number) for number in range(PICTURES)]
    age(*pictures)
    return tmp_path / "pictures"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read in order to compare them with what is stored."""
    names: list[str] = []
    real = find_changes.hash_content

    def noting(content: LocalFile) -> str:
        names.append(content.path.name)
        return real(content)

    monkeypatch.setattr(find_changes, "hash_content", noting)
    return names


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures Milvus is asked about, call by call."""
    counts: list[int] = []
    real = Collection.get

    def counting(self: Collection, keys: list[str], **more: object) -> dict:
        if self.room.name == "visual" and "sha256" in more["fields"]:
            counts.append(len(keys))
        return real(self, keys, **more)

    monkeypatch.setattr(Collection, "get", counting)
    return counts


def test_a_second_run_reads_no_file_and_asks_milvus_about_none(
    load: Load, folder: Path, hashed: list[str], lookups: list[int]
) -> None:
    load(folder)
    lookups.clear()
    again = load(folder)
    assert (again.unchanged, again.embedded, again.rows) == (PICTURES, 0, PICTURES)
    assert (hashed, lookups) == ([], [])


def test_a_gallery_is_as_old_as_its_last_change(load: Load, folder: Path, own_store: Store) -> None:
    def loaded_at() -> float:
        return next(one.loaded_at for one in own_store.manifests() if one.room == "visual")

    before = time.time()
    load(folder)
    first = loaded_at()
    assert before - 1 <= first <= time.time()
    load(folder)
    assert loaded_at() == first
    age(paint(folder / "cat/1.png", 99), by=30)
    load(folder)
    assert loaded_at() > first


def test_files_are_read_on_request(load: Load, folder: Path, hashed: list[str]) -> None:
    load(folder)
    assert load(folder, verify_content=True).unchanged == PICTURES
    assert len(hashed) == PICTURES


def test_content_that_changed_behind_an_old_time_is_found_on_request(load: Load, folder: Path) -> None:
    load(folder)
    path = folder / "cat/1.png"
    status, data = path.stat(), bytearray(path.read_bytes())
    # The last bytes are the check sum of an empty chunk, which Pillow passes over.
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load(folder).unchanged == PICTURES
    assert load(folder, verify_content=True).replaced == 1


def test_a_changed_file_is_found_by_its_time(load: Load, folder: Path, hashed: list[str]) -> None:
    load(folder)
    age(paint(folder / "cat/1.png", 99), by=30)
    assert load(folder).replaced == 1
    assert hashed == ["1.png"]
    # A new time alone changes nothing, and costs one look.
    age(folder / "cat/2.png", by=5)
    assert load(folder).unchanged == PICTURES
    assert hashed == ["1.png", "2.png"]
    assert load(folder).unchanged == PICTURES
    assert hashed == ["1.png", "2.png"]


def test_a_file_that_changed_a_moment_ago_is_read_however_often(load: Load, folder: Path, hashed: list[str]) -> None:
    now = time.time()
    os.utime(folder / "cat/1.png", (now, now))
    load(folder)
    os.utime(folder / "cat/1.png", (now + 60, now + 60))
    assert load(folder).unchanged == PICTURES
    assert hashed == ["1.png"]


def test_a_new_label_is_noticed_without_reading_the_file(load: Load, folder: Path, hashed: list[str]) -> None:
    load(folder)
    assert load(folder, labels=False).relabelled == PICTURES
    assert load(folder, labels=False).relabelled == 0
    assert hashed == []


def test_another_machine_that_loaded_meanwhile_is_noticed(
    load: Load, folder: Path, tmp_path: Path, lookups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MILVISE_CACHE", str(tmp_path / "another cache"))
        age(paint(folder / "cat/1.png", 99), by=30)
        assert load(folder).replaced == 1
        # The file is put back as it was here.
        age(paint(folder / "cat/1.png", 1), by=30)
    lookups.clear()
    assert load(folder).replaced == 1
    assert lookups == [PICTURES]
    lookups.clear()
    assert load(folder).unchanged == PICTURES
    assert lookups == []


def test_a_machine_that_comes_second_remembers_what_the_first_one_loaded(
    load: Load, folder: Path, tmp_path: Path, lookups: list[int], hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MILVISE_CACHE", str(tmp_path / "another cache"))
        assert load(folder).unchanged == PICTURES
        assert len(hashed) == PICTURES
        lookups.clear()
        assert load(folder).unchanged == PICTURES
        assert lookups == []
    # Nothing was written there, so that the first one still knows.
    assert load(folder).unchanged == PICTURES
    assert (lookups, len(hashed)) == ([], PICTURES)


def test_pictures_that_somebody_deleted_are_loaded_again(load: Load, own_store: Store, folder: Path) -> None:
    load(folder)
    visual = own_store.live("g_visual")
    assert visual is not None
    visual.delete([row["id"] for row in visual.scan(["id", "uri"]) if row["uri"] == "cat/1.png"])
    assert load(folder).embedded == 1


def test_a_run_that_failed_leaves_nothing_to_rely_on(
    load: Load, own_store: Store, folder: Path, lookups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    age(paint(folder / "cat/1.png", 99), by=30)

    def dying(*_: object, **__: object) -> int:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr("milvise.ingest.sinks.upsert.publish_pair", dying)
        load(folder)
    lookups.clear()
    assert load(folder).unchanged == PICTURES
    assert lookups == [PICTURES]


def test_pruned_pictures_are_forgotten(load: Load, folder: Path) -> None:
    load(folder)
    data = (folder / "cat/1.png").read_bytes()
    status = (folder / "cat/1.png").stat()
    (folder / "cat/1.png").unlink()
    assert load(folder, prune=True).removed == 1
    (folder / "cat/1.png").write_bytes(data)
    os.utime(folder / "cat/1.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load(folder).embedded == 1


def test_a_damaged_memory_is_done_without(load: Load, own_store: Store, folder: Path) -> None:
    load(folder)
    visual = own_store.live("g_visual")
    assert visual is not None
    known = LoadedFiles(own_store.connection.uri, visual.name)
    assert known.path is not None
    known.close()
    known.path.write_bytes(b"not a database at all, by any measure" * 100)
    assert load(folder).unchanged == PICTURES


def test_a_stored_file_that_cannot_be_read_any_more_is_reported(load: Load, folder: Path) -> None:
    load(folder)
    (folder / "cat/1.png").write_bytes(b"")
    summary = load(folder)
    assert (summary.quarantined, summary.unchanged) == (1, PICTURES - 1)


def test_a_path_that_is_not_utf_8_is_not_remembered_and_does_no_harm(own_store: Store) -> None:
    known = LoadedFiles(own_store.connection.uri, "any")
    known.remember([("id", LoadedFile(ContentState("/odd\udcff/1.png", 1, 1), "", ""))])
    assert known.find(["id"]) == {}
    known.close()
