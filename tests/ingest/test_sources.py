"""Folders and manifests as streams."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from milvise.errors import InputError
from milvise.ingest.sources import Item, Rejected, open_source


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def items(source: str | Path, **options: bool) -> list[Item]:
    found = list(open_source(str(source), **options))
    assert all(isinstance(entry, Item) for entry in found), found
    return sorted(found, key=lambda item: item.uri)


def test_a_folder_gives_its_pictures_with_their_folders_as_labels(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "a.jpg",
        "cat/b.PNG",
        "animals/dining_table/c.jpeg",
        "notes.txt",
        ".hidden.jpg",
        ".git/d.jpg",
        "no-suffix",
    )
    found = items(tmp_path)
    assert [(item.uri, item.label) for item in found] == [
        ("a.jpg", ""),
        ("animals/dining_table/c.jpeg", "dining_table"),
        ("cat/b.PNG", "cat"),
    ]
    assert found[2].content.path == tmp_path / "cat" / "b.PNG"
    assert [item.label for item in items(tmp_path, labels=False)] == ["", "", ""]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [item.uri for item in items(tmp_path)] == ["real/a.jpg"]


def test_a_folder_is_read_lazily_and_can_be_read_twice(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}.jpg" for number in range(50)))
    source = open_source(str(tmp_path))
    assert next(iter(source))
    assert sum(1 for _ in source) == sum(1 for _ in source) == 50


def write_manifest(folder: Path, kind: str) -> Path:
    rows = [
        {"uri": "x/1.jpg", "label": "007", "year": 2019, "who": 'a "b", c'},
        {"uri": "2.jpg", "label": None, "year": 2020, "who": "é"},
    ]
    path = folder / f"manifest.{kind}"
    if kind == "csv":
        path.write_text('uri,label,year,who\nx/1.jpg,007,2019,"a ""b"", c"\n2.jpg,,2020,é\n')
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_manifest_gives_uri_label_and_the_rest_as_metadata(kind: str, tmp_path: Path) -> None:
    second, first = items(write_manifest(tmp_path, kind))
    assert (first.uri, first.label, dict(first.meta)) == ("x/1.jpg", "007", {"year": 2019, "who": 'a "b", c'})
    assert (second.uri, second.label, dict(second.meta)) == ("2.jpg", "", {"year": 2020, "who": "é"})
    assert first.content.path == tmp_path / "x" / "1.jpg"


def test_bad_entries_of_a_manifest_are_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("uri,label\na.jpg,x\nb.jpg,x,too,many\n,x\nftp://example.org/c.jpg,x\nd.jpg,x\n")
    entries = list(open_source(str(tmp_path / "m.csv")))
    assert {entry.uri for entry in entries if isinstance(entry, Item)} == {"a.jpg", "d.jpg"}
    reasons = " | ".join(entry.reason for entry in entries if isinstance(entry, Rejected))
    assert "4 columns, not 2" in reasons
    assert "has no uri" in reasons
    assert "URLs of these schemes are read" in reasons
    (tmp_path / "m.jsonl").write_text('{"uri": "a.jpg"}\nno json\n[1]\n\n{"label": "x"}\n')
    entries = list(open_source(str(tmp_path / "m.jsonl")))
    assert [type(entry).__name__ for entry in entries] == ["Item", "Rejected", "Rejected", "Rejected"]


@pytest.mark.parametrize(("name", "content"), [("m.csv", "a,b\n1,2\n"), ("m.parquet", "no parquet"), ("m.csv", "")])
def test_a_manifest_that_cannot_be_read_is_an_error(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name):
        list(open_source(str(tmp_path / name)))


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "x.txt")
    with pytest.raises(InputError, match="ends in .csv"):
        open_source(str(tmp_path / "x.txt"))
    with pytest.raises(InputError, match="no folder or manifest"):
        open_source(str(tmp_path / "nowhere"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "locked/b.jpg")
    (tmp_path / "locked").chmod(0)
    entries = list(open_source(str(tmp_path)))
    (tmp_path / "locked").chmod(0o700)
    assert [type(entry).__name__ for entry in entries] == ["Item", "Rejected"]
