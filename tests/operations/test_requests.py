"""Wrong arguments are refused before anything is made, and the refusal says what was expected."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

import milvise
import milvise.operations
from milvise.cli import app
from milvise.errors import UsageError

WRONG: list[tuple[Callable[[milvise.Database], Any], str]] = [
    (lambda db: db.ingest_words("words.txt", limit=0), "limit is a whole number.\nExpected: 1 or more\nReceived: 0"),
    (lambda db: db.ingest_words("words.txt", index="tree"), "unknown index kind"),
    (lambda db: db.ingest_words("words.txt", index=3), "an index is a text"),
    (lambda db: db.ingest_words(None), "source is a path"),
    (lambda db: db.ingest_images(), "there is no source of pictures"),
    (lambda db: db.ingest_images(["pictures"]), "this is no source of pictures"),
    (lambda db: db.ingest_images("pictures", labels="x"), "Expected: folder, none\nReceived: x"),
    (lambda db: db.ingest_images("pictures", batch_size=2_000), "Expected: 1 to 1,024\nReceived: 2000"),
    (lambda db: db.ingest_images("pictures", engine="x"), "Expected: auto, keras, openvino\nReceived: x"),
    (lambda db: db.ingest_images("pictures", gallery="no-name"), "starts with a letter"),
    (lambda db: db.ingest_images("pictures", weights=3), "weights is a path"),
    (lambda db: db.gallery("g").train("h.keras", held_back=0.95), "held_back is a share.\nExpected: 0 to 0.9"),
    (lambda db: db.gallery("g").train("h.keras", hold_out="dog"), "hold_out are several texts"),
    (lambda db: db.gallery("g").train("h.keras", head="tree"), "unknown head"),
    (lambda db: db.gallery("g").project("conse", index="tree"), "unknown index kind"),
    (lambda db: db.gallery("g").evaluate("out", accuracy=False, index=False, bias=False), "nothing to evaluate"),
    (lambda db: db.gallery("g").evaluate("out", bias="side"), r"Expected: True, False, or Bias\(…\)\nReceived: 'side'"),
    (lambda db: milvise.Bias("side"), "attributes are several texts"),
    (lambda db: milvise.IndexRecall(kinds=("tree",)), "unknown index kind"),
    (lambda db: db.gallery("g").tune(queries=3), "Expected: 10 or more\nReceived: 3"),
    (lambda db: db.gallery("g").export_projector("out", limit=20_000), "Expected: 1 to 16,384"),
    (lambda db: db.verify("g", pictures=-1), "Expected: 0 to 16,000\nReceived: -1"),
    (lambda db: milvise.train_backbone(out="own.keras"), "there is no source of pictures"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_wrong_arguments_are_refused_before_anything_is_made(
    db: milvise.Database, folder: Path, call: Callable[[milvise.Database], Any], message: str
) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(UsageError, match=message):
        call(db)
    assert db.status() == []
    assert sorted(folder.iterdir()) == before


def test_every_request_and_result_is_frozen() -> None:
    names = [module.name for module in pkgutil.iter_modules(milvise.operations.__path__, "milvise.operations.")]
    modules = [importlib.import_module(name) for name in names]
    kinds = {kind for module in modules for _, kind in inspect.getmembers(module, inspect.isclass)}
    found = {kind for kind in kinds if dataclasses.is_dataclass(kind)}
    assert len(found) > 30
    # What the rooms below count in while they work, and put a report together from.
    below = {"Tally", "Part"}
    assert {kind.__name__ for kind in found if not kind.__dataclass_params__.frozen} == below


DOORS = {
    "ingest words": milvise.Database.ingest_words, "ingest images": milvise.Database.ingest_images,
    "search words": milvise.Vocabulary.similar, "search images": milvise.Gallery.search,
    "search similar": milvise.Gallery.similar, "search mixed": milvise.Gallery.mixed,
    "search complete": milvise.Gallery.complete, "search rank": milvise.Gallery.rank,
    "search owners": milvise.Gallery.owners, "search refine": milvise.Gallery.refine, "tag": milvise.Gallery.tags,
    "explain": milvise.Gallery.explain, "duplicates": milvise.Gallery.duplicates,
    "train": (milvise.Gallery.train, milvise.Gallery.check_wiring, milvise.train_backbone),
    "project": milvise.Gallery.project, "tune": milvise.Gallery.tune, "status": milvise.Database.status,
    "evaluate accuracy": milvise.Gallery.evaluate, "evaluate index": milvise.Gallery.evaluate,
    "evaluate bias": milvise.Gallery.evaluate, "evaluate all": milvise.Gallery.evaluate,
    "evaluate ratings": milvise.read_ratings, "export model": milvise.Gallery.export_model,
    "export projector": milvise.Gallery.export_projector, "export pairs": milvise.Gallery.export_pairs,
    "verify": milvise.Database.verify, "drop": (milvise.Database.drop, milvise.Database.drop_words),
    "demo": milvise.Database.demo,
}  # fmt: skip


def test_python_reaches_what_every_command_does() -> None:
    group: Any = typer.main.get_command(app)
    commands = [
        f"{name} {inner}".strip()
        for name, command in group.commands.items()
        for inner in getattr(command, "commands", [""])
    ]
    assert sorted(commands) == sorted(DOORS)


def test_a_database_and_its_galleries_import_no_more_than_a_search_needs(folder: Path) -> None:
    code = (
        "import milvise, sys; milvise.connect('x.db', create=True).gallery('g');"
        " heavy = ('keras', 'tensorflow', 'openvino', 'milvise.ingest', 'milvise.training', 'milvise.evaluation');"
        " assert not [name for name in sys.modules if name.startswith(heavy)]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
