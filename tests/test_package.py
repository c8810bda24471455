"""The package as a whole: what it exports, what it is made of, and which way its imports go."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import milvise
from milvise import errors

ROOT = Path(__file__).parent.parent
ROOMS = (
    "adapter",
    "cli",
    "client",
    "core",
    "embeddings",
    "evaluation",
    "gallery",
    "ingest",
    "ingest/changes",
    "ingest/sinks",
    "ingest/sources",
    "ingest/stages",
    "operations",
    "queries",
    "service",
    "training",
)


def test_the_public_names_are_these() -> None:
    assert milvise.__all__ == [
        "Accuracy",
        "Bias",
        "Database",
        "DuplicateGroup",
        "Explanation",
        "Gallery",
        "Hit",
        "IndexRecall",
        "Limits",
        "MilviseError",
        "Owner",
        "PictureBytes",
        "PictureFile",
        "RemoteDatabase",
        "RemoteGallery",
        "Rocchio",
        "StoredPicture",
        "TagTraining",
        "Verification",
        "Vocabulary",
        "WordHit",
        "connect",
        "errors",
        "plan",
        "read_ratings",
        "train_backbone",
    ]
    assert all(getattr(milvise, name) is not None for name in milvise.__all__)


def test_what_a_word_that_was_found_says_is_this() -> None:
    assert [field.name for field in dataclasses.fields(milvise.WordHit)] == [
        "word",
        "similarity",
        "distance",
        "probability",
    ]
    assert milvise.WordHit("dog", 1.0, 0.0).probability is None


def test_every_folder_with_modules_is_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {path.parent.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    folders = {f"milvise.{folder.replace('/', '.')}": folder for folder in found}
    assert set(settings["packages"]) == {"milvise", *folders}
    assert settings["package-dir"] == {"milvise": "milvise"} | folders
    for room in ROOMS:
        assert (ROOT / "milvise" / room).resolve() == ROOT / room


def test_importing_milvise_is_quick_and_imports_no_client() -> None:
    code = "import sys, milvise; assert not {'pymilvus', 'numpy', 'PIL', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_error_is_in_the_tree_and_in_its_drawing() -> None:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert all(issubclass(kind, errors.MilviseError) for kind in found)
    for kind in found:
        assert kind.__name__ in (errors.__doc__ or "")


def _is_overload(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)


@pytest.mark.parametrize("room", ["milvise", *ROOMS])
def test_public_functions_say_what_they_do(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            if (
                isinstance(node, (ast.FunctionDef, ast.ClassDef))
                and not node.name.startswith("_")
                and not _is_overload(node)
            ):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_every_module_can_be_imported_alone() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            assert importlib.import_module(".".join(["milvise", *(part for part in parts if part != "__init__")]))
