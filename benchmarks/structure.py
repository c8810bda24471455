"""How code is laid out: files by size and room, long functions, open types, duplicates, cycles; one column for each checkout.

    python benchmarks/structure.py [--at [NAME=]COMMIT ...] [[NAME=]PATH ...] [--part tests] [--list]

It prints one Markdown table. ``--at`` is a commit of this repository, so ``--at before=v0.1.0 after=.`` compares two states;
commits stand before paths. Tests and benchmarks are counted apart: ``--part`` says which files the lower rows are about.
``--list`` says after the table where each thing that it counts stands. `docs/structure.md` says how each row is counted.
Only source text is read, with the standard library: nothing of a checkout is imported.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from code_structure.cycles import cycles
from code_structure.duplicates import duplicates
from code_structure.files import PARTS, PythonFile, python_files
from code_structure.functions import functions, isinstance_calls, length, parameters, uses_of_any
from code_structure.names import defined_twice

ROOT = Path(__file__).parents[1]
FILE_LINES = (200, 300)
FILES_SIDE_BY_SIDE = 15
FUNCTION_LINES = 50
PARAMETERS = 8
DUPLICATED_STATEMENTS = (4, 6)


@dataclass(slots=True)
class Column:
    """The figures of one checkout, and by row where what is counted stands."""

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)

    def count(self, row: str, places: Sequence[str]) -> None:
        """Fill a row with the number of places."""
        self.cells[row] = f"{len(places):,}"
        self.places[row] = list(places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", metavar="[NAME=]PATH", help="the root of a checkout")
    parser.add_argument(
        "--at", action="append", default=[], metavar="[NAME=]COMMIT", help="a commit of this repository"
    )
    parser.add_argument("--part", choices=PARTS, default="code", help="which files the lower rows are about")
    parser.add_argument("--list", action="store_true", help="say where each thing that is counted stands")
    arguments = parser.parse_args()
    if not arguments.at and not arguments.paths:
        parser.error("what is to be measured? Name a folder, or a commit with --at")
    columns = []
    with ExitStack() as stack:
        for argument in arguments.at:
            name, commit = named(argument)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            check_out(commit, folder)
            columns.append(measure(name or commit, folder, arguments.part))
        for argument in arguments.paths:
            name, path = named(argument)
            if not Path(path).is_dir():
                parser.error(f"{path} is no folder; the root of a checkout is expected")
            columns.append(measure(name or Path(path).resolve().name, Path(path), arguments.part))
    print(table(columns))
    if arguments.list:
        print(places(columns))


def named(argument: str) -> tuple[str, str]:
    """Split ``NAME=VALUE``; the name is empty if there is none."""
    name, _, value = argument.rpartition("=")
    return name, value


def check_out(commit: str, folder: Path) -> None:
    """Write the files of a commit of this repository into a folder."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", "--end-of-options", commit]
    archive = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def measure(name: str, root: Path, part: str) -> Column:
    """Count everything in one checkout. The rows after the parts are about one part alone."""
    column = Column(name)
    everything = python_files(root)
    for each in PARTS:
        column.cells[f"{each}: files, lines"] = size([file for file in everything if file.part == each])
    files = [file for file in everything if file.part == part]
    column.cells["lines with code"] = f"{sum(file.code_lines for file in files):,}"
    largest = max(files, key=lambda file: file.lines, default=None)
    column.cells["largest file"] = f"{largest.lines:,}, `{largest.path}`" if largest else "–"
    for limit in FILE_LINES:
        over = sorted((file for file in files if file.lines > limit), key=lambda file: -file.lines)
        column.count(f"files over {limit} lines", [f"{file.path} {file.lines:,}" for file in over])
    together = Counter(file.folder for file in files)
    crowded = [f"{folder} {count}" for folder, count in together.most_common() if count > FILES_SIDE_BY_SIDE]
    column.count(f"folders over {FILES_SIDE_BY_SIDE} files", crowded)
    measure_functions(column, files)
    column.count("`Any`", [f"{file.path}:{line}" for file in files for line in uses_of_any(file.tree)])
    column.count("`isinstance`", [f"{file.path}:{line}" for file in files for line in isinstance_calls(file.tree)])
    for at_least in DUPLICATED_STATEMENTS:
        measure_duplicates(column, files, at_least)
    twice = defined_twice(files)
    column.count(
        "public names defined in several files", [f"{name} {len(at)}: {' '.join(at)}" for name, at in twice.items()]
    )
    column.count("import cycles, at load", [" ".join(group) for group in cycles(files, late=False)])
    column.count("import cycles, all imports", [" ".join(group) for group in cycles(files, late=True)])
    for room in sorted({file.room for file in files}):
        column.rooms[room] = size([file for file in files if file.room == room])
    return column


def size(files: Sequence[PythonFile]) -> str:
    """Write how many files there are, and how many lines they have together."""
    return f"{len(files):,}, {sum(file.lines for file in files):,}"


def measure_functions(column: Column, files: Sequence[PythonFile]) -> None:
    """Count the functions, and those that are long or have many parameters."""
    found = [(file, node, method) for file in files for node, method in functions(file)]
    column.cells["functions"] = f"{len(found):,}"
    for row, limit, sizes in (
        (f"functions over {FUNCTION_LINES} lines", FUNCTION_LINES, [length(node) for _, node, _ in found]),
        (
            f"functions over {PARAMETERS} parameters",
            PARAMETERS,
            [parameters(node, method) for _, node, method in found],
        ),
    ):
        over = sorted(
            ((size, each) for size, each in zip(sizes, found, strict=True) if size > limit), key=lambda x: -x[0]
        )
        column.count(row, [f"{file.path}:{node.lineno} {node.name} {size}" for size, (file, node, _) in over])


def measure_duplicates(column: Column, files: Sequence[PythonFile], at_least: int) -> None:
    """Count the lines that stand twice in runs of so many statements, and their share of all lines."""
    found, row = duplicates(files, at_least), f"lines that stand twice, in runs of {at_least} statements or more"
    count = sum(each.last - each.first + 1 for each in found)
    lines = sum(file.lines for file in files)
    column.cells[row] = f"{count:,} ({count / lines:.1%})" if lines else "0"
    column.places[row] = [
        f"{each.path}:{each.first}-{each.last} as {each.also.path}:{each.also.first}-{each.also.last}" for each in found
    ]


def table(columns: Sequence[Column]) -> str:
    """Write the columns beside each other, the rooms last."""
    rows = [["", *(column.name for column in columns)], ["---", *("---:" for _ in columns)]]
    rows += [[row, *(column.cells[row] for column in columns)] for row in columns[0].cells]
    rooms = sorted({room for column in columns for room in column.rooms})
    rows += [[f"room `{room}`: files, lines", *(column.rooms.get(room, "–") for column in columns)] for room in rooms]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def places(columns: Sequence[Column]) -> str:
    """Write where each thing stands that the rows count."""
    return "\n".join(
        "\n".join([f"\n{column.name}, {row}:", *(f"- {place}" for place in found)])
        for column in columns
        for row, found in column.places.items()
        if found
    )


if __name__ == "__main__":
    main()
