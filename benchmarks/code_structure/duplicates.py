"""Duplicated code: runs of several statements that stand twice, whatever their local names and their formatting are.

A window is a run of statements of one block: from each statement on, and back from each, the shortest that holds so many
statements or more, those inside `for`, `if` and the like included. Two windows are alike if their syntax trees are equal
after each local name of the function (a parameter, or what it assigns) is replaced by its number of first use. All other
names, attributes and constants must be the same. Docstrings, comments, formatting and imports do not matter.

References
----------
Roy, Cordy and Koschke 2009, "Comparison and evaluation of code clone detection techniques and tools: a qualitative
approach", section 2.1: these are clones of type 1, and of type 2 as far as local names go.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from code_structure.files import PythonFile, blocks_of, docstring_of, lines_of
from code_structure.functions import Function


@dataclass(frozen=True, slots=True)
class Window:
    """A run of statements, from its first to its last line."""

    path: str
    first: int
    last: int

    def overlaps(self, other: Window) -> bool:
        """Tell whether two windows share a line."""
        return self.path == other.path and self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Lines of a file that stand elsewhere too, and one place where their beginning does."""

    path: str
    first: int
    last: int
    also: Window


def duplicates(files: Sequence[PythonFile], at_least: int) -> list[Duplicate]:
    """Return all lines of windows of so many statements that have an equal elsewhere, as ranges that do not overlap."""
    alike: dict[str, list[Window]] = defaultdict(list)
    for file in files:
        for key, window in windows(file.path, file.tree, at_least):
            alike[key].append(window)
    found: list[tuple[Window, Window]] = []
    for group in alike.values():
        for window in group:
            others = [other for other in group if not window.overlaps(other)]
            found += [(window, others[0])] if others else []
    found.sort(key=lambda pair: (pair[0].path, pair[0].first, pair[0].last))
    merged: list[Duplicate] = []
    for window, other in found:
        if merged and merged[-1].path == window.path and window.first <= merged[-1].last:
            before = merged.pop()
            merged.append(Duplicate(before.path, before.first, max(before.last, window.last), before.also))
        else:
            merged.append(Duplicate(window.path, window.first, window.last, other))
    return merged


def windows(
    path: str, node: ast.AST, at_least: int, local: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Window]]:
    """Yield each window below a node with the text that it shares with equal ones."""
    local = local or local_names(node)
    for block in blocks_of(node):
        for first, last in runs([count(statement) for statement in block], at_least):
            run = block[first : last + 1]
            numbers: dict[str, int] = {}
            key = ";".join(shape(statement, local, numbers) for statement in run)
            yield key, Window(path, run[0].lineno, lines_of(run[-1])[-1])
    for child in ast.iter_child_nodes(node):
        yield from windows(path, child, at_least, local)


def count(statement: ast.stmt) -> int:
    """Count a statement and those inside it, without docstrings."""
    return sum(isinstance(node, ast.stmt) - (docstring_of(node) is not None) for node in ast.walk(statement))


def runs(sizes: Sequence[int], at_least: int) -> set[tuple[int, int]]:
    """Return the first and last place of each shortest run of so much, from every place on and back from every place."""
    found = set()
    for start in range(len(sizes)):
        ends = (end for end in range(start, len(sizes)) if sum(sizes[start : end + 1]) >= at_least)
        found |= {(start, end) for end in islice(ends, 1)}
    for end in range(len(sizes)):
        starts = (start for start in range(end, -1, -1) if sum(sizes[start : end + 1]) >= at_least)
        found |= {(start, end) for start in islice(starts, 1)}
    return found


def local_names(node: ast.AST) -> frozenset[str]:
    """Return what a function names itself: its parameters and what it assigns, in nested functions too."""
    if not isinstance(node, Function):
        return frozenset()
    assigned = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return frozenset(assigned | {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)})


def shape(node: object, local: frozenset[str], numbers: dict[str, int]) -> str:
    """Write a syntax tree as text, with the number of first use in place of each local name."""
    if isinstance(node, list):
        return f"[{','.join(shape(item, local, numbers) for item in node)}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    local = local or local_names(node)
    docstring = docstring_of(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name in {"ctx", "kind", "type_comment"}:
            continue
        if isinstance(value, str) and value in local and isinstance(node, ast.Name | ast.arg):
            value = numbers.setdefault(value, len(numbers))
        elif name == "body" and docstring:
            value = value[1:]
        fields.append(shape(value, local, numbers))
    return f"{type(node).__name__}({','.join(fields)})"
