"""Opening Milvus, and what is said when that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from milvise.adapter import Store, connect
from milvise.adapter.store import check_name
from milvise.errors import LockedError, NotFoundError, StoreError, UsageError


def test_a_database_is_not_made_by_a_typing_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no Milvus Lite database"):
        connect(str(tmp_path / "typo.db"))
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        connect(str(tmp_path / "nowhere" / "x.db"), create=True)


@pytest.mark.parametrize("uri", ["photos", "ftp://host", "localhost:19530", ""])
def test_an_address_of_another_form_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match=r"ends in \.db"):
        connect(uri)


def test_a_file_that_another_process_holds_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "held.db"
    code = (
        f"import milvise, sys; milvise.connect({str(path)!r}, create=True); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"open"
        with pytest.raises(LockedError, match="another process has .*held.db open"):
            connect(str(path))
        other.communicate(b"")
    connect(str(path)).close()


def test_a_file_that_was_closed_can_be_opened_again(tmp_path: Path) -> None:
    path = str(tmp_path / "again.db")
    for _ in range(2):
        connection = connect(path, create=True)
        assert Store(connection).manifests() == []
        connection.close()


def test_a_path_may_hold_spaces_and_any_letter(tmp_path: Path) -> None:
    folder = tmp_path / "my folder ü"
    folder.mkdir()
    for name in ("my photos.db", ".db", "\udcff.db"):
        connect(str(folder / name), create=True).close()
        connect(str(folder / name)).close()


def test_a_file_of_another_kind_is_not_taken_for_a_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello")
    os.mkfifo(tmp_path / "fifo.db")
    (tmp_path / "nowhere.db").symlink_to(tmp_path / "gone.db")
    (tmp_path / "loop.db").symlink_to(tmp_path / "loop.db")
    for name in ("text", "fifo"):
        with pytest.raises(StoreError, match=rf"{name}.db is no Milvus Lite database, which is a folder: it is a file"):
            connect(str(tmp_path / f"{name}.db"), create=True)
    for name in ("nowhere", "loop"):
        with pytest.raises(NotFoundError, match=rf"{name}.db is a link that leads nowhere"):
            connect(str(tmp_path / f"{name}.db"), create=True)


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "holiday.db"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(b"")
    with pytest.raises(StoreError, match="other files lie in it"):
        connect(str(folder), create=True)
    assert [path.name for path in folder.iterdir()] == ["1.jpg"]


def test_a_folder_in_which_nothing_can_be_made_is_named() -> None:
    with pytest.raises(StoreError, match=r"/sys/x\.db"):
        connect("/sys/x.db", create=True)


@pytest.mark.parametrize("path", ["x" * 300 + ".db", "/tmp/" + "d/" * 4_000 + "x.db", "a\0b.db"])
def test_a_path_that_no_system_takes_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="no path of a Milvus Lite database") as caught:
        connect(path, create=True)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["", "1st", "a-b", "a b", "ä", "a" * 201, 'x"'])
def test_a_gallery_name_that_milvus_cannot_take_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="starts with a letter"):
        check_name(name)
