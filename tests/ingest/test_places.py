"""A place is a text that leads to the bytes of a picture from another process, and holds no credential."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.errors import ImageError, InputError
from milvise.ingest.sources import LocalFile
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.byte_range import ByteRange
from milvise.ingest.sources.parquet_row import ParquetRow
from milvise.ingest.sources.places import content_at, place_of
from milvise.ingest.sources.remote.remote_object import RemoteObject


def test_a_file_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b.png").write_bytes(b"12")
    monkeypatch.chdir(tmp_path)
    place = place_of(LocalFile(Path("a b.png")))
    monkeypatch.chdir("/")
    assert content_at(place) == LocalFile(tmp_path / "a b.png")
    assert content_at((tmp_path / "a b.png").as_uri()) == LocalFile(tmp_path / "a b.png")
    with content_at(place).opened() as (file, length):
        assert (file.read(), length) == (b"12", 2)


@pytest.mark.parametrize(
    "place",
    [
        "a.png", "", "../a.png", "zip:/a.zip!b", "ftp://host/a.png", "file://other/a.png", "file://a.png", "bytes:1+2:a.tar", "row:1:x:t.parquet",
        "bytes:1+2:ftp://host/a.tar", "https://user:secret@host/a.png", "https://host/a.png?token=secret", "s3://key:secret@bucket/a",
        "bytes:1+2:https://host/a.tar?sig=secret", "abfs://user:secret@account.dfs.core.windows.net/a.png", "s3://bucket/a\nb.png",
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused_without_its_secret(place: str) -> None:
    with pytest.raises(InputError) as error:
        content_at(place)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/a b#c?d.png",
        "gs://bucket/é.png",
        "abfs://box@account.dfs.core.windows.net/a.png",
        "https://host/a.png?w=2",
    ],
)
def test_urls_stay_letter_for_letter(url: str) -> None:
    assert (str(content_at(url)), place_of(RemoteObject(url))) == (url, url)


NAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20)
FILES = st.one_of(
    NAMES.map(lambda name: f"/{name}"),
    NAMES.filter(lambda name: name.isprintable()).map(lambda name: f"gs://bucket/{name}"),
)


@given(
    file=FILES,
    start=st.integers(0, 10**17),
    length=st.integers(0, 10**17),
    column=st.text(st.characters(blacklist_categories=("Cs",)), max_size=20),
)
def test_parts_of_files_come_back_as_they_were(file: str, start: int, length: int, column: str) -> None:
    whole = FileAnywhere(file)
    assert content_at(place_of(ByteRange(whole, start, length))) == ByteRange(whole, start, length)
    assert content_at(place_of(ParquetRow(whole, start, column))) == ParquetRow(whole, start, column)


def test_a_part_behind_the_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"123")
    for part in ("1+5", "9+1", "0+0"):
        with pytest.raises(ImageError), content_at(f"bytes:{part}:{tmp_path}/a.tar").opened():
            pass
