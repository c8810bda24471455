"""Opening Milvus, and what is said when that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from milvus_server import free_port

from milvise.adapter import Store, connect
from milvise.adapter.store import check_name
from milvise.errors import LockedError, NotFoundError, UnavailableError, UsageError


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


def test_no_server_is_said_within_seconds() -> None:
    with pytest.raises(UnavailableError, match="Is the server running"):
        connect(f"http://127.0.0.1:{free_port()}")


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


@pytest.mark.parametrize("name", ["", "1st", "a-b", "a b", "ä", "a" * 201, 'x"'])
def test_a_gallery_name_that_milvus_cannot_take_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="starts with a letter"):
        check_name(name)
