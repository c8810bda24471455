"""The file of a stored picture is found below its source, and nothing else is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from milvise.errors import NoFileError
from milvise.gallery import files
from milvise.gallery.files import locate, open_below, stored_file

SECRET, PHOTO = b"secret", b"photo"


@pytest.fixture(params=["folder by folder", "resolved"])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source beside a secret, with links to it in many places; found in both ways, that of all systems and that of most."""
    monkeypatch.setattr(files, "_CAN_WALK", request.param != "resolved")
    root = tmp_path / "photos"
    (root / "in" / "deep").mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(SECRET)
    (tmp_path / "photos-too").mkdir()
    (tmp_path / "photos-too" / "a.jpg").write_bytes(SECRET)
    for name in ("a.jpg", "in/a.jpg", "in/deep/a.jpg", "a b%2e.jpg", "..a.jpg", "in/\\..\\a.jpg"):
        (root / name).write_bytes(PHOTO)
    for name, target in {
        "out.jpg": "../secret.jpg",
        "out-absolute.jpg": str(tmp_path / "secret.jpg"),
        "out": "..",
        "out-root": "/",
        "in/out.jpg": "../../secret.jpg",
        "twice.jpg": "out.jpg",
        "sibling": "../photos-too",
        "back": "../photos",
        "circle": "circle",
        "circle-too": "circle-too/x",
        "to-in": "in",
        "to-a.jpg": "in/deep/../a.jpg",
        "in/to-a.jpg": "../a.jpg",
        "absolute.jpg": str(root / "in" / "a.jpg"),
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "pipe.jpg")
    return root


OUTSIDE = [
    "../secret.jpg",
    "./../secret.jpg",
    ".//../secret.jpg",
    "../photos/../secret.jpg",
    "../photos-too/a.jpg",
    "in/../../secret.jpg",
    "in/../../photos-too/a.jpg",
    "in/deep/../../../secret.jpg",
    "in/./../../secret.jpg",
    "a.jpg/../../secret.jpg",
    "nowhere/../../secret.jpg",
    "..",
    ".",
    "/",
    "//",
    "../",
    "./.",
    "...",
    ".../a.jpg",
    "%2e%2e/secret.jpg",
    "..%2fsecret.jpg",
    "%2e%2e%2fsecret.jpg",
    "..%252fsecret.jpg",
    "..%c0%afsecret.jpg",
    "%2e%2e%5csecret.jpg",
    "..%5csecret.jpg",
    "..\\secret.jpg",
    "..\\..\\secret.jpg",
    ".\\..\\secret.jpg",
    "in\\..\\..\\secret.jpg",
    "..;/secret.jpg",
    "..;\\secret.jpg",
    "..∕secret.jpg",
    "．．/secret.jpg",
    "．．／secret.jpg",
    "․․/secret.jpg",
    "/etc/passwd",
    "//etc/passwd",
    "///etc/passwd",
    "/proc/self/environ",
    "/proc/self/root/etc/passwd",
    "file:///etc/passwd",
    "file:a.jpg",
    "C:\\Windows\\win.ini",
    "C:/Windows/win.ini",
    "\\\\host\\share\\a.jpg",
    "~/a.jpg",
    "~root/a.jpg",
    "out.jpg",
    "out-absolute.jpg",
    "out/secret.jpg",
    "out/photos-too/a.jpg",
    "out-root/etc/passwd",
    "in/out.jpg",
    "twice.jpg",
    "sibling/a.jpg",
    "back/../secret.jpg",
    "to-in/../../secret.jpg",
    "to-in/deep/../../../secret.jpg",
    "circle",
    "circle/a.jpg",
    "circle-too",
    "in/deep",
    "a.jpg/",
    "a.jpg/.",
    "a.jpg/a.jpg",
    "pipe.jpg",
    "A.JPG/x",
]
OUTSIDE += [
    "",
    " ../secret.jpg",
    "../secret.jpg\n",
    "a.jpg\0",
    "../secret.jpg\0.jpg",
    "..\0/secret.jpg",
    "x" * 300,
    "d/" * 3_000,
    "../" * 50,
]


def content(source: str | Path, uri: str) -> bytes:
    with stored_file([str(source)], uri, hashlib.sha256(PHOTO).hexdigest()) as (file, length):
        data = file.read()
    assert len(data) == length
    return data


def test_there_are_fifty_ways_out() -> None:
    assert len(set(OUTSIDE)) >= 50


@pytest.mark.parametrize("hashed", [SECRET, PHOTO])
def test_nothing_leads_out_of_a_source(source: Path, hashed: bytes) -> None:
    digest = hashlib.sha256(hashed).hexdigest()
    # What lies below the source is not outside, however it is spelt, unless these spellings say that it is a folder.
    inside = {"a.jpg/", "a.jpg/."}
    for uri in (
        *OUTSIDE,
        str(source.parent / "secret.jpg"),
        f"{source}/../secret.jpg",
        f"{source}-too/a.jpg",
        str(source),
    ):
        if uri in inside:
            continue
        with pytest.raises(NoFileError), stored_file([str(source)], uri, digest):
            pass
        assert locate([str(source)], uri) is None, uri


INSIDE = [
    "a.jpg",
    "./a.jpg",
    ".//a.jpg",
    "in/a.jpg",
    "in//a.jpg",
    "in/./deep/a.jpg",
    "in/../a.jpg",
    "in/deep/../../a.jpg",
    "..a.jpg",
    "to-in/a.jpg",
    "to-in/deep/a.jpg",
    "to-a.jpg",
    "in/to-a.jpg",
    "absolute.jpg",
    "in/\\..\\a.jpg",
]


def test_a_file_below_a_source_is_found_through_links_that_stay_below_it(source: Path) -> None:
    for uri in (*INSIDE, "a b%2e.jpg", str(source / "in" / "a.jpg"), f"{source}/in/../a.jpg"):
        assert content(source, uri) == PHOTO, uri
        found = locate([str(source)], uri)
        assert found is not None
        assert found.read_bytes() == PHOTO


def test_only_the_content_that_was_loaded_is_given_out(source: Path) -> None:
    for digest in (hashlib.sha256(SECRET).hexdigest(), "", "the same file", hashlib.sha256(PHOTO).hexdigest().upper()):
        with pytest.raises(NoFileError, match="changed"), stored_file([str(source)], "a.jpg", digest):
            pass


def test_the_first_source_with_the_content_is_taken(source: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(SECRET).hexdigest()
    sources = ["memory:album", str(tmp_path / "nowhere"), str(source), str(source.parent / "photos-too")]
    with stored_file(sources, "a.jpg", digest) as (file, _):
        assert file.read() == SECRET


def test_a_source_that_is_no_absolute_path_has_no_files(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source)
    for other in (".", "", "in/..", "s3://bucket/photos", "memory:album"):
        with pytest.raises(NoFileError), stored_file([other], "a.jpg", hashlib.sha256(PHOTO).hexdigest()):
            pass


def test_an_error_of_whoever_reads_is_theirs_and_the_file_is_closed(source: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        stored_file([str(source)], "a.jpg", hashlib.sha256(PHOTO).hexdigest()) as (file, _),
    ):
        raise ZeroDivisionError
    assert file.closed


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_no_file_stays_open(source: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for uri in (*OUTSIDE, *INSIDE):
        locate([str(source)], uri)
        with pytest.raises(NoFileError), stored_file([str(source)], uri, "0" * 64):
            pass
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_folder_that_becomes_a_link_on_the_way_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, aside = tmp_path / "photos", tmp_path / "aside"
    for folder, data in ((root / "in", PHOTO), (aside, SECRET)):
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(data)
    real = os.open
    swapped: list[str] = []

    def swapping(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        opened = real(path, flags, dir_fd=dir_fd)
        if path == "in" and not swapped:
            (root / "in").rename(root / "old")
            (root / "in").symlink_to(aside)
            swapped.append(path)
        return opened

    monkeypatch.setattr(os, "open", swapping)
    with open(open_below(str(root), "in/a.jpg", os.O_RDONLY), "rb") as file:  # noqa: PTH123
        assert file.read() == PHOTO
    assert swapped
    with pytest.raises(OSError, match="[Pp]ermission"):
        open_below(str(root), "in/a.jpg", os.O_RDONLY)
