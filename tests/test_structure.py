"""benchmarks/structure.py counts a tiny package, of which every figure is known, exactly."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "structure.py"

TOP = '''"""Its docstring is no code."""

from __future__ import annotations

from tiny.shapes.square import side  # a module, loaded at once

LIMIT = 3
_OWN = 1


def long(a, b, c, d, e, f, g, h, i):
    """Nine parameters, 51 lines.

    These lines of the docstring do not count.
    """
{body}
    return a
'''
SQUARE = """from typing import TYPE_CHECKING, Any, Literal
import typing

from . import circle

if TYPE_CHECKING:
    from tiny.shapes import late

LIMIT = 4
_OWN = 1


class Square:
    def area(self, a, b, c, d, e, f, g, *args) -> "list[Any]":
        return [isinstance(a, int), isinstance(b, str)]

    @staticmethod
    def named(a: Any, *, b: Literal["Any"] = "Any") -> typing.Any:
        # Any here is a comment
        return a


def side(first, second):
    total = first.edge
    for each in second:
        total += each.edge
        total *= 2
    second.done(total, key="a")
    return total
"""
CIRCLE = """import tiny.shapes.square


def around(centre, points):
    \"\"\"As side, by other names and on fewer lines.\"\"\"
    sum_ = centre.edge
    for point in points:
        sum_ += point.edge
        sum_ *= 2
    points.done(
        sum_,
        key="a",
    )
    return sum_


def other(centre, points):
    sum_ = centre.edge
    for point in points:
        sum_ += point.corner
        sum_ *= 2
    points.done(sum_, key="b")
    return sum_
"""
LATE = """def later():
    from tiny.shapes.square import side
    return side
"""
EXPECTED = {
    "code: files, lines": "5, 120",
    "tests: files, lines": "1, 1",
    "benchmarks: files, lines": "1, 2",
    "other: files, lines": "2, 2",
    "lines with code": "96",
    "largest file": "65, `tiny/__init__.py`",
    "files over 200 lines": "0",
    "files over 300 lines": "0",
    "folders over 15 files": "0",
    "functions": "7",
    "functions over 50 lines": "1",
    "functions over 8 parameters": "1",
    "`Any`": "3",
    "`isinstance`": "2",
    "lines that stand twice, in runs of 4 statements or more": "15 (12.5%)",
    "lines that stand twice, in runs of 6 statements or more": "15 (12.5%)",
    "public names defined in several files": "1",
    "import cycles, at load": "1",
    "import cycles, all imports": "1",
    "room `tiny`: files, lines": "1, 65",
    "room `tiny.shapes`: files, lines": "4, 55",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout whose package `tiny.shapes` stands in a folder beside `tiny`, behind a link."""
    root = tmp_path / "checkout"
    files = {
        "tiny/__init__.py": TOP.format(body="\n".join(f"    a.step_{number}()" for number in range(49))),
        "shapes/__init__.py": "",
        "shapes/square.py": SQUARE,
        "shapes/circle.py": CIRCLE,
        "shapes/late.py": LATE,
        "tests/test_it.py": "assert isinstance(1, int)\n",
        "benchmarks/speed.py": "from typing import Any\nx: Any = 1\n",
        "docs/conf.py": "x = 1\n",
        "setup.py": "x = 1\n",
        ".hidden/no.py": "x = 1\n",
        "env/pyvenv.cfg": "",
        "env/lib.py": "x = 1\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "tiny" / "shapes").symlink_to("../shapes", target_is_directory=True)
    return root


def run(*arguments: object, script: Path = SCRIPT) -> str:
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def columns(text: str) -> dict[str, dict[str, str]]:
    """Read the Markdown table: for each column its cells by the name of the row."""
    lines = text.split("\n\n")[0].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heading, ruler, *cells = rows
    assert set("".join(ruler)) <= set("-:")
    return {name: {row[0]: row[place] for row in cells} for place, name in enumerate(heading) if place}


def test_every_figure_of_a_tiny_package(checkout: Path) -> None:
    assert columns(run(f"it={checkout}")) == {"it": EXPECTED}


def test_where_each_thing_stands(checkout: Path) -> None:
    text = run(checkout, "--list")
    assert "checkout, functions over 50 lines:\n- tiny/__init__.py:11 long 51\n" in text
    assert "checkout, functions over 8 parameters:\n- tiny/__init__.py:11 long 9\n" in text
    assert "checkout, `Any`:\n- shapes/square.py:14\n- shapes/square.py:18\n- shapes/square.py:18\n" in text
    assert (
        "- shapes/circle.py:6-14 as shapes/square.py:24-29\n- shapes/square.py:24-29 as shapes/circle.py:6-14\n" in text
    )
    assert (
        "checkout, public names defined in several files:\n- LIMIT 2: shapes/square.py:9 tiny/__init__.py:7\n" in text
    )
    assert "at load:\n- tiny.shapes.circle tiny.shapes.square\n" in text
    assert "all imports:\n- tiny.shapes.circle tiny.shapes.late tiny.shapes.square\n" in text


def test_limits_are_crossed_by_one_more(checkout: Path) -> None:
    crowd = checkout / "tiny" / "crowd"
    crowd.mkdir()
    for number in range(15):
        (crowd / f"m{number}.py").write_text("")
    (crowd / "m0.py").write_text("x = 1\n" * 200)
    before = columns(run(f"it={checkout}"))["it"]
    (crowd / "m15.py").write_text("")
    (crowd / "m0.py").write_text("x = 1\n" * 201)
    (crowd / "m1.py").write_text("x = 1\n" * 301)
    after = columns(run(f"it={checkout}"))["it"]
    rows = ("folders over 15 files", "files over 200 lines", "files over 300 lines")
    assert [before[row] for row in rows] == ["0", "0", "0"]
    assert [after[row] for row in rows] == ["1", "2", "1"]
    assert after["room `tiny.crowd`: files, lines"] == "16, 502"


def test_tests_and_benchmarks_apart(checkout: Path) -> None:
    tests = columns(run(f"it={checkout}", "--part", "tests"))["it"]
    benchmarks = columns(run(f"it={checkout}", "--part", "benchmarks"))["it"]
    assert (tests["`isinstance`"], tests["`Any`"]) == ("1", "0")
    assert (benchmarks["`isinstance`"], benchmarks["`Any`"]) == ("0", "1")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_commit_stands_beside_the_folder_as_it_is_now(checkout: Path) -> None:
    shutil.copytree(SCRIPT.parent, checkout / "benchmarks", dirs_exist_ok=True)
    git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "tiny", "shapes"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "before"], check=True)
    (checkout / "shapes" / "late.py").unlink()
    found = columns(run("--at", "before=HEAD", f"after={checkout}", script=checkout / "benchmarks" / "structure.py"))
    assert list(found) == ["before", "after"]
    assert found["before"]["code: files, lines"] == EXPECTED["code: files, lines"]
    assert found["after"]["code: files, lines"] == "4, 117"
