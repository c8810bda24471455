"""The command line parses and shows: what it imports of milvise is operations, queries, and modules without a room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "milvise"
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
MAY_BE_USED = {"cli", "core", "operations", "queries"}
MODULES = sorted([*PACKAGE.glob("*.py"), *(ROOT / "cli").glob("*.py")])


def imported_from_milvise(path: Path) -> Iterator[str]:
    """Yield the first part behind ``milvise`` of each import, wherever in the module it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                found = [name.name for name in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found = [f"{module}.{name.name}" for name in names] if module == "milvise" else [module]
            case ast.ImportFrom():
                found = [f"milvise.{name.name}" for name in node.names]
            case _:
                continue
        yield from (name.split(".")[1] for name in found if name.startswith("milvise."))


def test_there_are_rooms_and_modules() -> None:
    assert MAY_BE_USED < ROOMS
    assert {"adapter", "embeddings", "evaluation", "ingest", "training"} <= ROOMS
    assert {"main", "search", "console", "terminal", "__main__"} <= {path.stem for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_of_the_command_line_imports_no_other_room(path: Path) -> None:
    # The package itself names, for type checkers, where its public names come from.
    public = {"embeddings", "gallery", "client"} if path == PACKAGE / "__init__.py" else set()
    # These two start the other door, and make keys for it.
    public |= {"service"} if path.stem in ("serve", "keys") else set()
    assert {name for name in imported_from_milvise(path) if name in ROOMS} <= MAY_BE_USED | public


def test_reading_a_command_line_imports_neither_a_client_nor_what_shows_progress() -> None:
    code = "import sys, milvise.cli.main; print(sorted({'pymilvus', 'numpy', 'PIL', 'rich.live'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
