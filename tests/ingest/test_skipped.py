"""What a run cannot see: it is counted, said, and never taken for gone."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from small_world import paint

from milvise.adapter import Store
from milvise.errors import InputError
from milvise.ingest.sources import Rejected, open_source, require_pictures
from milvise.ingest.sources.skipped import MOST_HIDDEN, Skipped, looks_like_a_picture
from milvise.ingest.sources.source import skipped_by
from milvise.ingest.summary import Summary

Load = Callable[..., Summary]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        paint(tmp_path / "pictures" / ("cat", "dog/small", "cattle")[number % 3] / f"{number}.png", number)
    return tmp_path / "pictures"


def stored(store: Store) -> set[str]:
    live = store.live("g_visual")
    assert live is not None
    return {row["uri"] for row in live.scan(["uri"])}


class Failing:
    """Entries of a folder that end with an error."""

    def __init__(self, entries: Any, after: int) -> None:
        self._entries, self._after = entries, after

    def __enter__(self) -> Iterator[Any]:
        entries = self._entries.__enter__()

        def some() -> Iterator[Any]:
            for number, entry in enumerate(entries):
                if number == self._after:
                    break
                yield entry
            raise OSError(errno.EIO, "Input/output error")

        return some()

    def __exit__(self, *error: object) -> None:
        self._entries.__exit__(*error)


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make folders unreadable, or readable up to some entries; as root they are readable whatever their permissions."""
    real = os.scandir

    def make(*paths: Path, error: int = errno.EACCES, after: int | None = None) -> None:
        def scandir(path: Any) -> Any:
            if isinstance(path, int) or Path(path) not in paths:
                return real(path)
            if after is None:
                raise OSError(error, os.strerror(error), str(path))
            return Failing(real(path), after)

        monkeypatch.setattr(os, "scandir", scandir)

    return make


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.ESTALE])
def test_pictures_of_a_folder_that_cannot_be_read_for_a_moment_are_kept(
    error: int, load: Load, own_store: Store, folder: Path, unreadable: Callable[..., None]
) -> None:
    load(folder)
    (folder / "cattle/2.png").unlink()
    unreadable(folder / "cat", error=error)
    summary = load(folder, prune=True)
    assert (summary.removed, summary.kept_unseen, summary.quarantined) == (1, 2, 1)
    assert stored(own_store) == {"cat/0.png", "cat/3.png", "dog/small/1.png", "dog/small/4.png", "cattle/5.png"}
    assert any("2 stored pictures" in note and "were kept" in note for note in summary.notes)


def test_a_folder_that_is_read_in_part_protects_all_of_it(
    load: Load, own_store: Store, folder: Path, unreadable: Callable[..., None]
) -> None:
    load(folder)
    unreadable(folder / "dog/small", after=1)
    summary = load(folder, prune=True)
    assert (summary.removed, summary.kept_unseen) == (0, 1)
    assert len(stored(own_store)) == 6


def test_a_source_that_is_read_in_part_prunes_nothing(
    load: Load, own_store: Store, folder: Path, unreadable: Callable[..., None]
) -> None:
    load(folder)
    (folder / "cat/0.png").unlink()
    paint(folder / "top.png", 9)
    unreadable(folder, after=2)
    summary = load(folder, prune=True)
    assert summary.removed == 0
    assert summary.kept_unseen >= 1


def test_a_source_that_cannot_be_read_at_all_is_an_error_and_nothing_is_pruned(
    load: Load, own_store: Store, folder: Path, tmp_path: Path, unreadable: Callable[..., None]
) -> None:
    load(folder)
    paint(tmp_path / "other/x.png", 99)
    unreadable(folder)
    for order in ((folder, tmp_path / "other"), (tmp_path / "other", folder)):
        with pytest.raises(InputError, match=r"pictures: the folder cannot be read: Permission denied"):
            load(*order, prune=True)
    assert len(stored(own_store)) == 6


def test_a_folder_that_became_a_link_is_not_followed_and_keeps_its_pictures(
    load: Load, own_store: Store, folder: Path, tmp_path: Path
) -> None:
    load(folder)
    (folder / "cat").rename(tmp_path / "elsewhere")
    (folder / "cat").symlink_to(tmp_path / "elsewhere")
    summary = load(folder, prune=True)
    assert (summary.removed, summary.kept_unseen, summary.links_passed_over) == (0, 2, 1)
    (tmp_path / "elsewhere").rename(tmp_path / "not mounted")
    assert load(folder, prune=True).kept_unseen == 2
    (folder / "cat").unlink()
    assert load(folder, prune=True).removed == 2
    assert len(stored(own_store)) == 4


@pytest.mark.parametrize("line", ["no json", "[1]", '{"label": "x"}', '{"uri": 5}', '{"uri": "' + "x" * 2**20 + '"}'])
def test_a_line_of_a_manifest_that_cannot_be_read_protects_everything(
    line: str, load: Load, own_store: Store, folder: Path
) -> None:
    load(folder)
    (folder / "m.jsonl").write_text('{"uri": "cat/0.png"}\n' + line + "\n")
    summary = load(folder / "m.jsonl", prune=True)
    assert (summary.removed, summary.kept_unseen, summary.quarantined) == (0, 5, 1)
    (folder / "m.jsonl").write_text('{"uri": "cat/0.png"}\n')
    assert load(folder / "m.jsonl", prune=True).removed == 5


def test_what_is_there_and_in_quarantine_stays(load: Load, own_store: Store, folder: Path) -> None:
    load(folder)
    (folder / "cat/0.png").write_bytes(b"broken now")
    (folder / "m.jsonl").write_text('{"uri": "cat/0.png"}\n{"uri": "cat/3.png"}\n')
    summary = load(folder / "m.jsonl", prune=True)
    assert (summary.removed, summary.quarantined) == (4, 1)
    assert stored(own_store) == {"cat/0.png", "cat/3.png"}


def test_another_backbone_does_not_lose_what_cannot_be_seen(
    load: Load, own_store: Store, folder: Path, unreadable: Callable[..., None]
) -> None:
    load(folder)
    unreadable(folder / "cat")
    with pytest.raises(InputError, match="Nothing was changed"):
        load(folder, net=1, prune=True)
    assert len(stored(own_store)) == 6


def test_a_dry_run_says_what_pruning_would_keep(load: Load, folder: Path, unreadable: Callable[..., None]) -> None:
    load(folder)
    (folder / "cattle/2.png").unlink()
    unreadable(folder / "cat")
    summary = load(folder, prune=True, dry_run=True)
    assert (summary.removed, summary.kept_unseen) == (1, 2)


def test_what_is_hidden_is_bounded() -> None:
    skipped = Skipped()
    for number in range(MOST_HIDDEN + 10):
        skipped.hide(f"{number}/")
    assert len(skipped.hidden) <= MOST_HIDDEN + 1
    assert skipped.hides("anything.jpg"), "too many to remember: nothing counts as gone"
    one = Skipped(hidden={"cat/"})
    assert [one.hides(uri) for uri in ("cat/a.jpg", "cat/b/c.jpg", "cats/a.jpg", "cat", "a.jpg")] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_unseen_files_are_counted_by_extension(load: Load, folder: Path) -> None:
    names = ("a.HEIC", "b.heic", "c.mov", "d.CR2", "e.svg", "f.txt", "g.json", ".hidden.heic", "mp4", "h.thm", "i.py")
    for name in names:
        (folder / "cat" / name).write_bytes(b"x")
    (folder / "link").symlink_to(folder / "cat")
    summary = load(folder)
    assert summary.passed_over == {".heic": 2, ".mov": 1, ".cr2": 1, ".svg": 1}
    assert (summary.links_passed_over, summary.seen, summary.rows) == (1, 6, 6)
    assert any("heif-convert" in note for note in summary.notes)
    assert json.loads(json.dumps(summary.to_json()))["passed_over"][".heic"] == 2


@pytest.mark.parametrize("name", ["heic", "jxl", "nef", "svg", "eps", "mp4", "mov", "webm", "psb", "xcf", "dng", "3gp"])
def test_these_look_like_pictures_or_films(name: str) -> None:
    assert looks_like_a_picture(f".{name}")


@pytest.mark.parametrize("name", ["txt", "json", "ts", "py", "zip", "pdf", "csv", "html", "mp3", ""])
def test_and_these_do_not(name: str) -> None:
    assert not looks_like_a_picture(f".{name}")


def test_avif_counts_as_readable_only_where_pillow_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.avif").write_bytes(b"x")
    monkeypatch.setattr("milvise.ingest.sources.folder.extensions", lambda: frozenset({".jpg"}))
    source = open_source(str(tmp_path))
    assert list(source) == []
    assert skipped_by([source]).passed_over == {".avif": 1}


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_source_without_pictures_is_an_error_that_says_what_is_there(
    dry_run: bool, load: Load, own_store: Store, folder: Path, tmp_path: Path
) -> None:
    only = tmp_path / "phone"
    only.mkdir()
    for number in range(12):
        (only / f"IMG_{number}.HEIC").write_bytes(b"x")
    for sources in ((only,), (folder, only), (only, folder)):
        with pytest.raises(InputError, match=r"phone.*\.heic 12.*convert HEIC"):
            load(*sources, dry_run=dry_run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="Is the disk mounted"):
        load(tmp_path / "empty", dry_run=dry_run)
    (tmp_path / "bad.jsonl").write_text("no json\n")
    with pytest.raises(InputError, match="line 1 of bad.jsonl is not JSON"):
        load(tmp_path / "bad.jsonl", dry_run=dry_run)
    assert own_store.live("g_visual") is None


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_new_gallery_of_broken_pictures_is_none(dry_run: bool, load: Load, own_store: Store, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    for number in range(3):
        (tmp_path / "broken" / f"{number}.jpg").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"none of the 3 pictures.*quarantine\.jsonl"):
        load(tmp_path / "broken", dry_run=dry_run)
    assert len((tmp_path / "quarantine.jsonl").read_text().splitlines()) == 3
    assert own_store.live("g_visual") is None
    assert own_store.live("g_joint") is None
    paint(tmp_path / "broken/good.png", 1)
    assert load(tmp_path / "broken").rows == 1
    (tmp_path / "broken/good.png").write_bytes(b"broken too")
    again = load(tmp_path / "broken")
    assert (again.rows, again.quarantined) == (1, 4), "a gallery that stands is not touched"
    with pytest.raises(InputError, match="none of the 4 pictures"):
        load(tmp_path / "broken", net=1, prune=True)
    assert stored(own_store) == {"good.png"}


def test_folders_may_lie_deeper_than_pythons_stack(tmp_path: Path) -> None:
    place = str(tmp_path)
    for _ in range(1_200):
        place += "/d"
        os.mkdir(place)  # noqa: PTH102 - pathlib's own calls nest
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (4, 4)).save(place + "/b.png")
    try:
        assert len(list(open_source(str(tmp_path)))) == 2
    finally:
        # shutil goes down by recursion, too, so that pytest could not tidy up.
        os.unlink(place + "/b.png")  # noqa: PTH108
        os.removedirs(place)


@pytest.mark.parametrize("name", ["\0", "x" * 5_000, "\udcff.csv", "\ud800"])
def test_names_that_no_file_can_have_are_an_error(name: str) -> None:
    with pytest.raises(InputError):
        open_source(name)


def test_a_manifest_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.csv")
    with pytest.raises(InputError, match="no regular file"):
        open_source(str(tmp_path / "m.csv"))


def test_entries_that_cannot_be_used_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("uri\nftp://example.org/a.jpg\n")
    source = open_source(str(tmp_path / "m.csv"))
    assert [type(entry) for entry in source] == [Rejected]
    with pytest.raises(InputError, match="URLs of these schemes are read: s3, gs"):
        require_pictures([source])
