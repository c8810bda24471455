"""Python and the command line are doors to the same operations: what one makes and says, the other does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schemas
from evaluation_world import GALLERY, TESTS, put_evaluation_world
from jsonschema import validate
from trained_world import put_trained_world

import milvise
from milvise.cli.main import main

TIMES = ("seconds", "images_per_second", "made")
Run = Callable[..., Any]


@pytest.fixture
def milvise_json(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process and return its JSON document."""

    def run(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--json", "-q", *arguments])
        assert (ended.value.code or 0) == code
        return json.loads(capsys.readouterr().out)

    return run


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in TIMES}


def stored(db: milvise.Database, alias: str) -> dict[str, np.ndarray]:
    collection = db.store.live(alias)
    assert collection is not None
    return {row["uri"]: np.asarray(row["vector"]) for row in collection.scan(["uri", "vector"])}


def seen_by_the_network(db: milvise.Database, alias: str) -> dict[str, tuple[str, str]]:
    collection = db.store.live(alias)
    assert collection is not None
    fields = ["uri", "top_classes", "sketch"]
    return {row["uri"]: (row["top_classes"], row["sketch"]) for row in collection.scan(fields)}


def test_python_loads_the_gallery_that_the_command_line_loads(
    db: milvise.Database, folder: Path, how: dict[str, Any], milvise_json: Run
) -> None:
    (folder / "pictures/bad.jpg").write_text("no picture")
    words = db.ingest_words("words.txt", components=0, index="flat")
    pictures = db.ingest_images("pictures", **how)
    words_by_command = milvise_json(
        "--uri", "cli.db", "ingest", "words", "words.txt", "--remove-components", "0", "--index", "flat"
    )
    options = [text for name, value in how.items() for text in (f"--{name}", value)]
    pictures_by_command = milvise_json("--uri", "cli.db", "ingest", "images", "pictures", *options)
    validate(pictures.to_json(), schemas.INGEST_IMAGES)
    assert without_times(words.to_json()) == without_times(words_by_command)
    assert without_times(pictures.to_json()) == without_times(pictures_by_command)
    assert (pictures.rows, pictures.quarantined, pictures.quarantine) == (8, 1, "milvise-quarantine-g.jsonl")
    with milvise.connect("cli.db") as other:
        assert db.status() == other.status()
        for alias in ("g_visual", "g_joint"):
            here, there = stored(db, alias), stored(other, alias)
            assert here.keys() == there.keys()
            np.testing.assert_array_equal(np.stack(list(here.values())), np.stack([there[uri] for uri in here]))
        seen = seen_by_the_network(db, "g_visual")
        assert all(classes and sketch for classes, sketch in seen.values())
        assert seen == seen_by_the_network(other, "g_visual")
        assert db.gallery("g").search("cat", limit=8) == other.gallery("g").search("cat", limit=8)


def test_python_trains_projects_and_checks_as_the_command_line(
    db: milvise.Database, folder: Path, milvise_json: Run
) -> None:
    put_trained_world(db.store, each=6)
    with milvise.connect("cli.db", create=True) as other:
        put_trained_world(other.store, each=6)
    gallery = db.gallery("t")
    report = gallery.train("python.keras", head="linear", epochs=2, hold_out=["sofa"])
    projection = gallery.project("python.keras")
    wiring = gallery.check_wiring(head="linear")
    command = ["--uri", "cli.db", "train", "--gallery", "t", "--head", "linear"]
    trained = milvise_json(*command, "--epochs", "2", "--hold-out", "sofa", "--out", "cli.keras")
    projected = milvise_json("--uri", "cli.db", "project", "--gallery", "t", "--head", "cli.keras")
    assert without_times(report.to_json()) == without_times(trained) | {"out": "python.keras"}
    assert without_times(projection.to_json()) == without_times(projected)
    assert wiring.to_json() == milvise_json(*command, "--one")


def test_python_evaluates_and_tunes_as_the_command_line(db: milvise.Database, folder: Path, milvise_json: Run) -> None:
    put_evaluation_world(db.store, folder / "judged")
    (folder / "own.toml").write_text(TESTS)
    gallery = db.gallery(GALLERY)
    limits = milvise.Limits(over={"bias.max_skew": 0.1})
    bias = milvise.Bias(("side",), Path("own.toml"))
    found = gallery.evaluate("python", accuracy=False, index=False, bias=bias, limits=limits)
    tuning = gallery.tune(recall=0.9, queries=20, dry_run=True)
    db.close()
    asked = ["--gallery", GALLERY, "--out", "cli", "--attribute", "side", "--tests", "own.toml"]
    limit = ["--fail-over", "bias.max_skew=0.1"]
    document = milvise_json("--uri", "python.db", "evaluate", "bias", *asked, *limit, code=1)
    same = without_times(document) | {"page": "python/report.html", "report": "python/report.json"}
    assert {name: found.to_json()[name] for name in same} == same
    assert not found.kept
    assert found.page.is_file()
    tuned = ["tune", "--gallery", GALLERY, "--recall", "0.9", "--queries", "20", "--dry-run"]
    assert tuning.to_json() == milvise_json("--uri", "python.db", *tuned)


def test_python_exports_and_removes_as_the_command_line(db: milvise.Database, milvise_json: Run) -> None:
    put_trained_world(db.store, each=2)
    exported = db.gallery("t").export_projector("look", limit=5)
    verified = db.verify("t")
    with milvise.connect("cli.db", create=True) as other:
        put_trained_world(other.store, each=2)
    command = ["--uri", "cli.db", "export", "projector", "--gallery", "t", "--out", "look", "--limit", "5"]
    assert exported.to_json() == milvise_json(*command)
    assert verified.to_json() == milvise_json("--uri", "cli.db", "verify", "--gallery", "t", code=not verified.whole)
    dropped = db.drop("t")
    assert dropped.to_json() == milvise_json("--uri", "cli.db", "drop", "--gallery", "t", "--yes")
    assert "t_visual" not in {entry["alias"] for entry in db.status()}


def test_a_backbone_of_ones_own_is_made_and_loaded_without_a_command(
    db: milvise.Database, net: Path, how: dict[str, Any]
) -> None:
    made = milvise.train_backbone("pictures", out="own.keras", backbone=net, epochs=1)
    assert set(made.record["classes"]) == {"cat", "dog"}
    db.ingest_words("words.txt", components=0)
    assert db.ingest_images("pictures", gallery="own", backbone=Path("own.keras"), engine="keras").embedded == 8
