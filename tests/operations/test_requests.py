"""Wrong arguments are refused before anything is made, and the refusal says what was expected."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from trained_world import put_trained_world

import milvise
import milvise.operations
from milvise.cli.main import app
from milvise.errors import InputError, UsageError
from milvise.operations.evaluate import Bias, Evaluate, IndexRecall
from milvise.operations.images import IngestImages
from milvise.operations.progress import silent
from milvise.operations.train import TrainHead

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
    (lambda db: db.ingest_images("pictures", precision="x"), "Expected: auto, single, half\nReceived: x"),
    (lambda db: db.ingest_images("pictures", profile="p.html", dry_run=True), "Expected: profile or dry_run"),
    (lambda db: db.ingest_images("pictures", gallery="no-name"), "starts with a letter"),
    (lambda db: db.ingest_images("pictures", weights=3), "weights is a path"),
    (lambda db: db.gallery("g").train("h.keras", held_back=0.95), "held_back is a share.\nExpected: 0 to 0.9"),
    (lambda db: db.gallery("g").train("h.keras", hold_out="dog"), "hold_out are several texts"),
    (lambda db: db.gallery("g").train("h.keras", head="tree"), "unknown head"),
    (lambda db: db.gallery("g").check_wiring(loss="tree"), "unknown loss"),
    (lambda db: db.gallery("g").project("conse", index="tree"), "unknown index kind"),
    (lambda db: db.gallery("g").evaluate("out", accuracy=False, index=False, bias=False), "nothing to evaluate"),
    (lambda db: db.gallery("g").evaluate("out", bias="side"), r"Expected: True, False, or Bias\(…\)\nReceived: 'side'"),
    (lambda db: db.gallery("g").evaluate("out", limits={"a": 1}), r"Expected: such as Limits\(under="),
    (lambda db: milvise.Limits(over={"bias.max_skew": float("nan")}), "Received: bias.max_skew: nan"),
    (lambda db: milvise.Limits(under={"bias.max_skew": "0.5"}), "Received: bias.max_skew: '0.5'"),
    (lambda db: db.gallery("g").project(3), "head is a path"),
    (lambda db: db.gallery("g").project_part("conse", "9/8"), "Expected: such as 2/8"),
    (lambda db: db.gallery("g").export_duplicates("out", kind="close"), "Expected: exact, visual"),
    (lambda db: db.ingest_images("pictures", partition=""), "partitioned by a metadata column"),
    (lambda db: db.ingest_images("pictures", backbone=3), "backbone is a path"),
    (lambda db: milvise.Bias("side"), "attributes are several texts"),
    (lambda db: milvise.IndexRecall(kinds=("tree",)), "unknown index kind"),
    (lambda db: db.gallery("g").tune(queries=3), "Expected: 10 or more\nReceived: 3"),
    (lambda db: db.gallery("g").export_projector("out", limit=20_000), "Expected: 1 to 16,384"),
    (lambda db: db.verify("g", pictures=-1), "Expected: 0 to 16,000\nReceived: -1"),
    (lambda db: milvise.plan("many"), "the number of pictures cannot be read.\nExpected: such as 20000, 100k"),
    (lambda db: milvise.plan("1M", memory="8 boxes"), "a budget of memory cannot be read"),
    (lambda db: milvise.plan("1M", milvus="newest"), "Expected: lite, or a version"),
    (lambda db: milvise.plan("1M", workers=0), "workers is a whole number"),
    (lambda db: milvise.plan("1M", backbone="nobody_knows"), "milvise plan --calibrate --backbone nobody_knows"),
    (lambda db: db.ingest_images("pictures", index="hnsw", memory="8GiB"), "decides which index"),
    (lambda db: db.gallery("g").rebuild(head="conse", memory="0"), "a budget of memory cannot be read"),
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
    below = {"Schedule", "Section"}
    assert {kind.__name__ for kind in found if not kind.__dataclass_params__.frozen} == below


OPERATIONS = {
    "contact_sheet": (), "checks": (), "database": (), "files": (), "gallery": (), "measures": (), "offline": (), "progress": (),
    "profile_page": (), "readiness": (), "results": (), "shadow": (), "zip_archive": (),
    "demo": ("run_demo",), "drop": ("drop",), "evaluate": ("evaluate", "read_ratings"),
    "export": ("export_model", "export_projector", "export_pairs"), "images": ("ingest_images",),
    "export_lines": ("export_manifest", "export_duplicates"), "project": ("project", "project_part"),
    "train": ("train_head", "check_wiring"), "train_backbone": ("train_backbone",), "tune": ("tune",),
    "embed": ("embed_shards",), "plan_shards": ("plan_shards",), "planned": (), "load": ("load_shards",),
    "verify": ("verify",), "follow": ("follow",), "follow_metrics": (), "gates": (),
    "calibrate": ("calibrate",), "capacity": (), "plan": ("plan",), "rebuild": ("rebuild",), "rollback": ("rollback", "history"), "words": ("ingest_words",),
}  # fmt: skip
WITHOUT_MILVUS = {"embed_shards", "plan", "read_ratings", "train_backbone"}


def is_frozen(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen


def test_every_module_of_operations_is_listed() -> None:
    assert {module.name for module in pkgutil.iter_modules(milvise.operations.__path__)} == set(OPERATIONS)


@pytest.mark.parametrize(("room", "name"), [(room, name) for room, names in OPERATIONS.items() for name in names])
def test_an_operation_makes_a_frozen_result_of_a_frozen_request_and_tells_its_progress(room: str, name: str) -> None:
    operation = getattr(importlib.import_module(f"milvise.operations.{room}"), name)
    parameters = inspect.signature(operation).parameters
    asked = ["request", "progress"] if name in WITHOUT_MILVUS else ["db", "request", "progress"]
    assert list(parameters) == asked
    assert parameters["progress"].default is silent
    hints = get_type_hints(operation)
    assert hints["request"].__module__ == operation.__module__
    assert is_frozen(hints["request"])
    assert is_frozen(hints["return"])
    assert callable(hints["return"].to_json)


DOORS = {
    "ingest words": milvise.Database.ingest_words, "ingest images": milvise.Database.ingest_images,
    "search words": milvise.Vocabulary.similar, "search images": milvise.Gallery.search,
    "search similar": milvise.Gallery.similar, "search mixed": milvise.Gallery.mixed,
    "search complete": milvise.Gallery.complete, "search rank": milvise.Gallery.rank,
    "search owners": milvise.Gallery.owners, "search refine": milvise.Gallery.refine, "tag": milvise.Gallery.tags,
    "explain": milvise.Gallery.explain, "duplicates": milvise.Gallery.duplicates,
    "train": (milvise.Gallery.train, milvise.Gallery.check_wiring, milvise.train_backbone),
    "project": (milvise.Gallery.project, milvise.Gallery.project_part), "tune": milvise.Gallery.tune, "status": milvise.Database.status,
    "evaluate accuracy": milvise.Gallery.evaluate, "evaluate index": milvise.Gallery.evaluate,
    "evaluate bias": milvise.Gallery.evaluate, "evaluate all": milvise.Gallery.evaluate,
    "evaluate ratings": milvise.read_ratings, "export model": milvise.Gallery.export_model,
    "export projector": milvise.Gallery.export_projector, "export pairs": milvise.Gallery.export_pairs,
    "export manifest": milvise.Gallery.export_manifest, "export duplicates": milvise.Gallery.export_duplicates,
    "verify": milvise.Database.verify, "drop": (milvise.Database.drop, milvise.Database.drop_words),
    "embed": milvise.Database.embed, "load": milvise.Database.load,
    "plan": (milvise.plan, milvise.Database.calibrate), "demo": milvise.Database.demo, "follow": milvise.Database.follow,
    "rebuild": milvise.Gallery.rebuild, "rollback": milvise.Gallery.rollback, "history": milvise.Gallery.versions,
}  # fmt: skip


def test_python_reaches_what_every_command_does() -> None:
    group: Any = typer.main.get_command(app)
    commands = [
        f"{name} {inner}".strip()
        for name, command in group.commands.items()
        for inner in getattr(command, "commands", [""])
    ]
    # These two make another door.
    others = {"serve", "keys add", "keys list", "keys remove"}
    assert sorted(set(commands) - others) == sorted(DOORS)


DOCUMENTED = [
    (kind, name)
    for kind in (milvise.Database, milvise.Gallery)
    for name in vars(kind)
    if not name.startswith("_") and name not in ("gallery", "word_users")
]


@pytest.mark.parametrize(("kind", "name"), DOCUMENTED)
def test_a_door_documents_its_arguments_what_it_returns_what_it_raises_and_an_example(kind: type, name: str) -> None:
    method = getattr(kind, name)
    told = inspect.getdoc(method) or ""
    for part in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"\n{part}\n" + "-" * len(part) in told, part
    named = re.findall(r"^\*?(\w+(?:, \w+)*) : |^(\w+(?:, \w+)+)$", told, re.MULTILINE)
    listed = {one for pair in named for names in pair for one in names.split(", ")}
    assert set(inspect.signature(method).parameters) - {"self"} <= listed


HEAVY = (
    "keras", "tensorflow", "openvino", "gensim", "torch", "jax", "typer", "milvise.ingest", "milvise.training",
    "milvise.evaluation", "milvise.operations.images", "milvise.operations.train", "milvise.operations.evaluate",
)  # fmt: skip


def test_searching_from_python_imports_no_network_and_none_of_the_other_rooms(
    db: milvise.Database, folder: Path
) -> None:
    put_trained_world(db.store, each=2)
    db.gallery("t").project("conse")
    db.close()
    code = (
        "import milvise, sys\n"
        "with milvise.connect('python.db') as db:\n"
        "    gallery = db.gallery('t')\n"
        "    hits = gallery.search('cat', limit=2)\n"
        "    assert gallery.similar(hits[0].id, limit=2) and gallery.tags(hits[0].id) and db.words.similar('cat')\n"
        f"print([name for name in sys.modules if name.startswith({HEAVY})])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_files_that_a_request_names_are_read_once_and_before_milvus_is_asked(folder: Path) -> None:
    (folder / "pairs.jsonl").write_text('{"words": "cat", "id": "a", "relevant": true, "at": "2026-01-01"}\n')
    (folder / "old.json").write_text('{"milvise_report": 1, "figures": {}}')
    train = TrainHead(Path("h.keras"), pairs=Path("pairs.jsonl")).opened()
    evaluate = Evaluate(Path("out"), index=IndexRecall(), compare=Path("old.json")).opened()
    images = IngestImages(("pictures",)).opened()
    for name in ("pairs.jsonl", "old.json"):
        (folder / name).unlink()
    assert train.opened().pairs == {"a": "cat"}
    assert evaluate.opened().compare == {"milvise_report": 1, "figures": {}}
    assert (folder / "out").is_dir()
    assert images.opened().sources == images.sources
    for request in (TrainHead(Path("h"), pairs=Path("gone")), Evaluate(Path("o"), bias=Bias(), compare=Path("gone"))):
        with pytest.raises(InputError, match="gone"):
            request.opened()
    with pytest.raises(InputError, match="gone"):
        IngestImages(("gone",)).opened()
