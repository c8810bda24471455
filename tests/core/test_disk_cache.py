"""A cache on the disk that stays small, and that several processes share."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from milvise.core.disk_cache import DiskCache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path))
    return tmp_path / "things"


def held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_was_put_is_there_for_every_process(folder: Path) -> None:
    DiskCache("things", 1_000).put("abcd-1", b"data")
    cache = DiskCache("things", 1_000)
    assert (cache.get("abcd-1"), cache.get("abcd-2")) == (b"data", None)
    assert (cache.hits, cache.misses, cache.held_bytes) == (1, 1, 4)
    assert folder.stat().st_mode & 0o077 == 0


def test_it_stays_below_its_size_and_what_was_not_used_for_longest_goes(folder: Path) -> None:
    cache = DiskCache("things", 100_000)
    now = time.time()
    for number in range(150):
        key = f"{number % 7:02x}-{number:04}"
        cache.put(key, b"x" * 1_000)
        # Later files are older than the first, which was used a moment ago.
        path = folder / key[:2] / key
        if path.exists():
            os.utime(path, (now, now if number == 0 else now - 10_000 + number))
        assert number % 10 or held(folder) <= 106_000
    assert cache.get("00-0000") == b"x" * 1_000
    assert cache.get("01-0001") is None
    assert cache.get(f"{149 % 7:02x}-0149") is not None
    assert cache.held_bytes <= 106_000


def test_a_file_that_is_used_is_young_again(folder: Path) -> None:
    cache = DiskCache("things", 10_000)
    cache.put("abcd", b"data")
    path = folder / "ab" / "abcd"
    os.utime(path, (1_000.0, 1_000.0))
    cache.get("abcd")
    assert time.time() - path.stat().st_mtime < 60


def test_what_a_killed_writer_left_counts_and_goes(folder: Path) -> None:
    cache = DiskCache("things", 1_000)
    (folder / "ab").mkdir()
    left = folder / "ab" / "tmpleft"
    left.write_bytes(b"x" * 5_000)
    os.utime(left, (1_000.0, 1_000.0))
    cache.put("abcd", b"data")
    assert not left.exists()
    assert cache.get("abcd") == b"data"


def test_links_and_empty_files_are_nothing(folder: Path, tmp_path: Path) -> None:
    cache = DiskCache("things", 1_000)
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "ab").mkdir()
    (folder / "ab" / "abcd").symlink_to(tmp_path / "secret")
    (folder / "ab" / "abce").touch()
    assert (cache.get("abcd"), cache.get("abce")) == (None, None)
    cache.put("abcd", b"data")
    assert cache.get("abcd") == b"data"
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("key", ["", "../abcd", "ab/cd", "ABCD", "a", "ab.cd", "x" * 101, "abcd\n"])
def test_other_keys_are_refused(folder: Path, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        DiskCache("things", 1_000).get(key)


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "file"))
    cache = DiskCache("things", 1_000)
    cache.put("abcd", b"data")
    assert (cache.get("abcd"), cache.held_bytes) == (None, 0)


def test_threads_and_processes_write_beside_each_other(folder: Path) -> None:
    caches = [DiskCache("things", 20_000) for _ in range(2)]

    def work(number: int) -> None:
        key = f"{number % 5:02x}-key{number % 40}"
        found = caches[number % 2].get(key)
        assert found is None or found == b"y" * 1_000
        caches[number % 2].put(key, b"y" * 1_000)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(200)))
    assert held(folder) <= 23_000
    assert not list(folder.rglob("tmp*"))
