"""A folder that is followed: what happens in it is found, and a disk that is not mounted deletes nothing."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from follow_world import rows, until
from small_world import paint

from milvise.adapter import Store
from milvise.errors import UsageError
from milvise.ingest.follow.delete_limit import DeleteLimit
from milvise.ingest.follow.folders import gone, watched_folder
from milvise.ingest.follow.folders.stored_pictures import StoredPictures
from milvise.ingest.follow.folders.watched_folder import WatchedFolder
from milvise.ingest.follow.root import Root
from milvise.ingest.follow.streams.dead_letters import DeadLetters
from milvise.ingest.follow.watch import Followed

pytest.importorskip("watchfiles", reason="watchfiles is not installed (the extra watch)")

Follow = Callable[..., Followed]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_folder, "QUIET_S", 0.15)
    monkeypatch.setattr(gone, "WAIT_S", 0.3)
    monkeypatch.setattr(gone, "_LONGEST_PAUSE_S", 0.3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(30):
        paint(tmp_path / "pictures" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    return tmp_path / "pictures"


class Watching:
    """A follower of a folder, in a thread, and what it told."""

    def __init__(self, store: Store, root: Path) -> None:
        self._store, self._root = store, root
        self.told: list[str] = []

    @property
    def uris(self) -> set[str]:
        return set(rows(self._store)) if self._store.points_at("g_visual") else set()

    def agrees(self) -> bool:
        """Whether the gallery has the pictures of the folder."""
        return self.uris == {path.relative_to(self._root).as_posix() for path in self._root.rglob("*.png")}


@pytest.fixture
def watching(follow: Follow, own_store: Store, root: Path, tmp_path: Path) -> Callable[..., Any]:
    @contextmanager
    def start(*, watch: bool = True, every_s: float = 3_600.0, **options: Any) -> Iterator[Watching]:
        found, stop = Watching(own_store, root), threading.Event()
        stored = StoredPictures(own_store, "g")
        limit = DeleteLimit(options.get("max_delete", "5%"), stored.count)
        stream = WatchedFolder(
            Root(str(root)), stored, DeadLetters(tmp_path / "dead.jsonl"), limit, every_s=every_s, watch=watch,
            tell=found.told.append,
        )  # fmt: skip

        def run() -> None:
            with closing(stream):
                follow(stream, root, is_over=stop.is_set, tell=found.told.append, **options)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            until(found.agrees)
            yield found
        finally:
            stop.set()
            thread.join()

    return start


@pytest.mark.parametrize("watch", [True, False])
def test_new_changed_renamed_and_deleted_pictures_are_found(
    watching: Callable[..., Any], own_store: Store, root: Path, watch: bool
) -> None:
    with watching(watch=watch, every_s=3_600.0 if watch else 0.2) as found:
        paint(root / "bird" / "new.png", 50)
        until(found.agrees)
        before = rows(own_store)["cat/1.png"]["sha256"]
        paint(root / "cat" / "1.png", 51)
        until(lambda: rows(own_store)["cat/1.png"]["sha256"] != before)
        (root / "cat" / "3.png").rename(root / "cat" / "three.png")
        (root / "cat" / "5.png").unlink()
        (root / "notes.txt").write_text("no picture")
        until(found.agrees)
        paint(root / ".cache" / "thumb.png", 52)
        paint(root / "cat" / "7.png", 53)
        until(lambda: rows(own_store)["cat/7.png"]["sha256"] != before)
        assert not any(uri.startswith(".") for uri in found.uris)


def test_a_renamed_folder_is_followed_picture_by_picture(
    watching: Callable[..., Any], own_store: Store, root: Path
) -> None:
    # Not one picture is lost.
    with watching(max_delete="0") as found:
        (root / "cat").rename(root / "tiger")
        until(found.agrees)
        assert rows(own_store)["tiger/1.png"]["label"] == "tiger"
        (root / "tiger").rename(root / "dog" / "tiger")
        until(found.agrees)


def test_a_new_folder_in_the_place_of_a_renamed_one_does_not_hide_what_is_gone(
    watching: Callable[..., Any], root: Path
) -> None:
    with watching(max_delete="0") as found:
        (root / "cat").rename(root / "tiger")
        paint(root / "cat" / "new.png", 50)
        until(found.agrees)


def test_what_happened_while_nobody_watched_is_found_at_the_start(watching: Callable[..., Any], root: Path) -> None:
    with watching():
        pass
    paint(root / "bird" / "new.png", 50)
    (root / "cat" / "1.png").unlink()
    with watching() as found:
        assert "bird/new.png" in found.uris


@pytest.mark.parametrize("leaves", ["nothing", "an empty folder", "another disk"])
def test_a_disk_that_is_not_mounted_deletes_nothing(
    watching: Callable[..., Any], root: Path, tmp_path: Path, leaves: str
) -> None:
    with watching(every_s=0.2) as found:
        before = found.uris
        away = root.rename(tmp_path / "away")
        if leaves != "nothing":
            root.mkdir()
        if leaves == "another disk":
            paint(root / "lost+found" / "only.png", 60)
            until(lambda: any("are gone from" in text for text in found.told))
        else:
            until(lambda: any("Is the disk mounted?" in text for text in found.told))
        assert before <= found.uris
        shutil.rmtree(root, ignore_errors=True)
        away.rename(root)
        paint(root / "bird" / "new.png", 50)
        until(found.agrees)


def test_too_many_deletions_wait_until_somebody_allows_them(watching: Callable[..., Any], root: Path) -> None:
    with watching(max_delete="3") as found:
        shutil.rmtree(root / "cat")
        until(lambda: any("15 pictures are gone from" in text for text in found.told))
        assert len(found.uris) == 30
        paint(root / "dog" / "new.png", 50)
        until(lambda: "dog/new.png" in found.uris)
    with watching(max_delete="50%") as found:
        assert len(found.uris) == 16


def test_a_slow_write_is_one_picture(watching: Callable[..., Any], own_store: Store, root: Path) -> None:
    data = (root / "cat" / "1.png").read_bytes()
    with watching() as found, (root / "cat" / "slow.png").open("wb") as file:
        for start in range(0, len(data), 100):
            file.write(data[start : start + 100])
            file.flush()
            threading.Event().wait(0.03)
        file.close()
        until(found.agrees)
        until(lambda: rows(own_store)["cat/slow.png"]["sha256"] == rows(own_store)["cat/1.png"]["sha256"])


def test_a_picture_that_cannot_be_read_is_reported_once_for_each_content(
    watching: Callable[..., Any], root: Path, tmp_path: Path, quick: None
) -> None:
    report = tmp_path / "dead.jsonl"
    with watching(every_s=0.1) as found:
        broken = root / "cat" / "broken.png"
        broken.write_bytes(b"broken")
        until(report.exists)
        threading.Event().wait(1.0)
        assert len(report.read_text().splitlines()) == 1
        broken.write_bytes(b"broken again")
        until(lambda: len(report.read_text().splitlines()) == 2)
        paint(broken, 5)
        until(found.agrees)


def test_without_notices_everything_is_compared(
    watching: Callable[..., Any], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*values: object, **named: object) -> Iterator[object]:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", full)
    with watching(every_s=0.2) as found:
        paint(root / "bird" / "new.png", 50)
        until(found.agrees)
        assert any("OS file watch limit reached" in text for text in found.told)


@pytest.mark.parametrize("text", ["5 %", "101%", "-1", "many", ""])
def test_a_limit_is_a_share_or_a_number(text: str) -> None:
    with pytest.raises(UsageError, match="this limits no deletions"):
        DeleteLimit(text, lambda: 100)


def test_a_limit_counts_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("milvise.ingest.follow.delete_limit.time.monotonic", lambda: now[0])
    limit = DeleteLimit("5%", lambda: 1_000)
    assert [limit.allows(30), limit.allows(30), limit.allows(20)] == [True, False, True]
    now[0] = 61.0
    assert limit.allows(50)
    assert DeleteLimit("5%", lambda: 20).allows(10)
