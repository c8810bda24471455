"""What a search does with the pictures it found: a page, paths, copies. Nothing that is there is overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from picture_world import GALLERY, load, picture_gallery, pictures, row
from typer.testing import CliRunner, Result

from milvise.adapter import Store
from milvise.cli.main import app
from milvise.cli.state import State, state
from milvise.errors import UsageError
from milvise.operations.database import Database

Asked = Callable[..., Result]


@pytest.fixture(scope="module")
def photos_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def found_in(store: Store, photos_folder: Path) -> Iterator[Database]:
    yield from picture_gallery(store, photos_folder)


@pytest.fixture
def ask(found_in: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Run a command on the gallery, in this process and in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return asking(found_in, monkeypatch)


def asking(db: Database, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(State, "connect", lambda *_, **__: Kept(db.store))

    def run(*arguments: str) -> Result:
        state.reset()
        return CliRunner().invoke(app, [*arguments, "--gallery", GALLERY])

    return run


class Kept(Database):
    """A database that stays open."""

    def close(self) -> None:
        return


SIMILAR = ("search", "similar", "clear.png")
OTHERS = {"beach/turned.jpg", "scan.tiff", "thin.webp"}


@pytest.mark.parametrize(
    "command",
    [
        SIMILAR,
        ("search", "mixed", "clear.png"),
        ("search", "complete", "clear.png"),
        ("search", "rank", "--picture", "clear.png", "beach/turned.jpg", "scan.tiff", "thin.webp"),
        ("search", "refine", "--like", "clear.png", "--picture", "clear.png"),
    ],
)
def test_each_search_prints_paths(ask: Asked, photos_folder: Path, command: tuple[str, ...]) -> None:
    result = ask(*command, "--paths")
    assert result.exit_code == 0, result.output
    assert set(result.stdout.splitlines()) == {str(photos_folder / uri) for uri in OTHERS}


def test_a_page_holds_the_pictures(ask: Asked, tmp_path: Path) -> None:
    result = ask(*SIMILAR, "--sheet", "found.html", "--limit", "2")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "found.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert "milvise: clear.png" in page
    assert len(result.stdout.splitlines()) == 2
    assert "Wrote found.html" in result.stderr


def test_a_page_of_duplicates_shows_each_group(
    own_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "photos"
    pictures(source)
    data = (source / "clear.png").read_bytes()
    (source / "copy.png").write_bytes(data)
    db = load(own_store, (str(source),), [row("clear.png", data), row("copy.png", data)])
    result = asking(db, monkeypatch)("duplicates", "--sheet", str(tmp_path / "found.html"))
    assert result.exit_code == 0, result.output
    page = (tmp_path / "found.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert "the same file" in page
    assert len(result.stdout.splitlines()) == 2


def test_a_page_leaves_out_what_is_too_much(ask: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milvise.cli.results.MOST_ON_A_SHEET", 2)
    result = ask(*SIMILAR, "--sheet", "found.html")
    assert "without the last 1 pictures" in result.stderr
    assert (tmp_path / "found.html").read_text("utf-8").count("data:image/jpeg;base64,") == 2


def test_pictures_are_copied_best_first(ask: Asked, tmp_path: Path, photos_folder: Path) -> None:
    order = [hit["uri"] for hit in json.loads(ask("--json", *SIMILAR).stdout)["hits"]]
    result = ask(*SIMILAR, "--copy-to", "chosen/best")
    assert result.exit_code == 0, result.output
    copies = sorted((tmp_path / "chosen" / "best").iterdir())
    assert [path.name for path in copies] == [f"{place} {uri.rpartition('/')[2]}" for place, uri in enumerate(order, 1)]
    assert [path.read_bytes() for path in copies] == [(photos_folder / uri).read_bytes() for uri in order]
    assert "Copied 3 pictures into chosen/best" in result.stderr


def test_nothing_is_overwritten(ask: Asked, tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("mine")
    (tmp_path / "dangling.html").symlink_to("nowhere.html")
    for name in ("mine.html", "dangling.html", "."):
        result = ask(*SIMILAR, "--sheet", name)
        assert isinstance(result.exception, UsageError)
        assert "nothing is overwritten" in str(result.exception)
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert not (tmp_path / "nowhere.html").exists()
    assert ask(*SIMILAR, "--copy-to", "folder").exit_code == 0
    (first, *others) = sorted((tmp_path / "folder").iterdir())
    for path in others:
        path.unlink()
    first.write_text("mine")
    assert isinstance(ask(*SIMILAR, "--copy-to", "folder").exception, UsageError)
    assert [path.read_text() for path in (tmp_path / "folder").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--sheet", "no/such/folder/found.html"), "the page cannot be written"),
        (("--copy-to", "a-file"), "the pictures cannot be copied"),
        (("--copy-to", "a-file/folder"), "the pictures cannot be copied"),
        (("--paths", "--json"), "leave one of them out"),
    ],
)
def test_what_cannot_be_written_is_told(ask: Asked, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    (tmp_path / "a-file").touch()
    error = ask(*SIMILAR, *options).exception
    assert isinstance(error, UsageError)
    assert told in str(error)


def test_open_shows_a_page_that_is_kept(ask: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: shown.append(address) or len(shown) == 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ask(*SIMILAR, "--open", "--sheet", "found.html").exit_code == 0
    result = ask(*SIMILAR, "--open")
    assert shown[0] == (tmp_path / "found.html").as_uri()
    assert Path(shown[1].removeprefix("file://")).is_file()
    assert "No browser could be opened" in result.stderr


def test_the_document_stays_as_it_is(ask: Asked) -> None:
    plain, with_page = (json.loads(ask("--json", *SIMILAR, *more).stdout) for more in ((), ("--sheet", "a.html")))
    for document in (plain, with_page):
        document.pop("took_ms")
    assert plain == with_page


def test_files_that_are_gone_changed_or_outside_are_counted(
    own_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "photos"
    rows = [row(uri, (source / uri).read_bytes()) for uri in pictures(source)]
    (tmp_path / "secret").write_bytes(b"secret")
    rows.append({**row("../secret", b"secret"), "vector": np.ones(4, np.float32)})
    (source / "scan.tiff").unlink()
    (source / "thin.webp").write_bytes(b"changed")
    ask = asking(load(own_store, (str(source),), rows), monkeypatch)
    paths = ask(*SIMILAR, "--paths")
    assert paths.exit_code == 0, (paths.output, paths.exception)
    assert set(paths.stdout.splitlines()) == {str(source / "beach" / "turned.jpg"), str(source / "thin.webp")}
    assert "2 of 4 pictures have no file on this machine" in paths.stderr
    copied = ask(*SIMILAR, "--copy-to", str(tmp_path / "copies"))
    assert [path.name[2:] for path in (tmp_path / "copies").iterdir()] == ["turned.jpg"]
    assert "3 of 4 pictures have no file on this machine as it was loaded" in copied.stderr
    assert ask(*SIMILAR, "--sheet", str(tmp_path / "found.html")).exit_code == 0
    assert (tmp_path / "found.html").read_text().count("data:image/jpeg") == 1
