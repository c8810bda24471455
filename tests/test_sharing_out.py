"""Which process takes which tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from sharing_out import LONGEST, OWN_GROUP, SERVERS_ALONE, group_of, place_of

TESTS = Path(__file__).parent
FIXTURES = ("server_uri", "guarded_uri", "own_server")

CONFTEST = f"""
import os, sys
import pytest
sys.path.insert(0, {str(TESTS)!r})
"""

TWO = """
import pytest

@pytest.fixture(scope="session", params=["lite", "server"])
def milvus_uri(request):
    return request.param

def test_both(milvus_uri): pass
def test_neither(): pass
"""


def test_files_and_folders_that_are_named_are_there() -> None:
    assert all((TESTS / name).is_file() for name in (*LONGEST, *SERVERS_ALONE))
    assert all((TESTS / name).exists() for name in OWN_GROUP)


def test_every_file_with_a_server_of_its_own_is_named() -> None:
    found = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.glob("*/test_*.py")
        if any(f"{name}:" in path.read_text(encoding="utf-8") for name in FIXTURES)
    }
    assert found == set(SERVERS_ALONE)


def test_servers_come_first_then_the_longest_files() -> None:
    assert group_of("tests/cli/test_cli.py::test_x[lite-server]") == "cli/test_cli.py"
    assert group_of("tests/gallery/test_verify.py::test_x[server-a-b]") == "server-others"
    assert group_of("tests/queries/test_readers.py::test_x") == "server-queries"
    assert group_of("tests/ingest/test_words.py::test_x[server]") == group_of(
        "tests/gallery/test_project.py::test_x[server]"
    )
    assert place_of("server-others") < place_of(LONGEST[0]) < place_of(LONGEST[1]) < place_of("core/test_x.py")


def test_each_process_takes_whole_groups(tmp_path: Path) -> None:
    source = (TESTS / "conftest.py").read_text(encoding="utf-8")
    hooks = source[source.index("@pytest.hookimpl(") : source.index("def _why_no_docker")]
    (tmp_path / "conftest.py").write_text(CONFTEST + hooks)
    shutil.copy(TESTS / "sharing_out.py", tmp_path)
    for file in ("core/test_a.py", "queries/test_b.py", "training/test_train.py"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(TWO)
    command = [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--import-mode=importlib", "."],
        capture_output=True, text=True, check=False, timeout=200, cwd=tmp_path,
    )  # fmt: skip
    passed = [line.split() for line in done.stdout.splitlines() if "PASSED" in line]
    assert len(passed) == 9, done.stdout + done.stderr
    taken: dict[str, set[str]] = {}
    for line in passed:
        taken.setdefault(group_of(line[-1]), set()).add(line[0])
    assert set(taken) == {
        "server-others", "server-queries", "core/test_a.py", "queries/test_b.py", "training/test_train.py"
    }  # fmt: skip
    assert all(len(processes) == 1 for processes in taken.values()), taken
    # The two that come first are given to one process each.
    assert taken["server-others"] != taken["server-queries"]
