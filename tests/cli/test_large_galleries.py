"""What large galleries need, as processes: partitions, exports that go on, and work that is shared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import answer, milvise

PICTURES = 6
FIELDS = {"out": str, "gallery": str, "lines": int, "begun_with": int, "seconds": float}
PART = {"gallery": str, "part": str, "collection": str, "looked_at": int, "projected": int, "seconds": float}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, photos: list[Path]) -> Path:
    """A folder with a gallery of real photos that is partitioned by their owner."""
    folder = tmp_path_factory.mktemp("world")
    chosen = [path for path in photos if path.name.startswith("imagenet_")][:PICTURES]
    rows = [f"{path},{'ann' if number % 2 else 'bob'}" for number, path in enumerate(chosen)]
    (folder / "photos.csv").write_text("\n".join(["uri,owner", *rows]))
    milvise(folder, "ingest", "words", "glove-6b-50d", "--limit", "5000", "--index", "flat")
    answer(milvise(folder, "--json", "ingest", "images", "photos.csv", "--gallery", "g", "--partition", "owner"))
    return folder


def test_status_shows_the_column_and_a_filter_on_it_finds_its_pictures(world: Path) -> None:
    shown = answer(milvise(world, "--json", "status"))["collections"]
    assert {entry["alias"]: entry.get("partition") for entry in shown if "partition" in entry} == {
        "g_visual": "owner", "g_joint": "owner",
    }  # fmt: skip
    assert milvise(world, "status", "--gallery", "g").stdout.count("partitioned by owner") == 2
    found = answer(
        milvise(world, "--json", "search", "images", "cat", "--gallery", "g", "--filter", 'meta["owner"] == "ann"')
    )
    assert [hit["meta"]["owner"] for hit in found["hits"]] == ["ann"] * (PICTURES // 2)


def test_another_column_is_refused_before_any_work(world: Path) -> None:
    again = milvise(world, "ingest", "images", "photos.csv", "--gallery", "g", "--partition", "camera")
    assert again.returncode == 2
    assert "Expected: --partition owner, or none" in again.stderr
    assert answer(milvise(world, "--json", "ingest", "images", "photos.csv", "--gallery", "g"))["unchanged"] == PICTURES


def test_a_manifest_is_written_and_can_be_loaded_again(world: Path) -> None:
    document = answer(milvise(world, "--json", "export", "manifest", "--out", "all.jsonl", "--gallery", "g"))
    assert {name: type(value) for name, value in document.items()} == FIELDS
    assert (document["lines"], document["begun_with"]) == (PICTURES, 0)
    lines = [json.loads(line) for line in (world / "all.jsonl").read_text().splitlines()]
    assert {line["owner"] for line in lines} == {"ann", "bob"}
    loaded = answer(milvise(world, "--json", "ingest", "images", "all.jsonl", "--gallery", "again", "--dry-run"))
    assert loaded["quarantined"] == 0
    assert loaded["seen"] == PICTURES


def test_duplicates_are_written(world: Path) -> None:
    asked = ["export", "duplicates", "--kind", "visual", "--similarity", "0.1", "--out", "same.jsonl", "--gallery", "g"]
    document = answer(milvise(world, "--json", *asked))
    assert {name: type(value) for name, value in document.items()} == FIELDS
    assert document["lines"] == len((world / "same.jsonl").read_text().splitlines()) > 0
    refused = milvise(world, "export", "duplicates", "--similarity", "0.5", "--out", "x.jsonl", "--gallery", "g")
    assert (refused.returncode, "add --kind visual" in refused.stderr) == (2, True)


def test_a_part_is_projected_and_the_command_without_one_ends_it(world: Path) -> None:
    project = ["project", "--gallery", "g", "--head", "conse"]
    document = answer(milvise(world, "--json", *project, "--part", "1/2"))
    assert {name: type(value) for name, value in document.items()} == PART
    assert answer(milvise(world, "--json", *project))["rows"] == PICTURES
    for wrong in (["--part", "3/2"], ["--part", "1/2", "--keep"]):
        assert milvise(world, *project, *wrong).returncode == 2
