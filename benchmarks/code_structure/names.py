"""Names that more than one module defines: a reader who meets one has to look which is meant."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence

from code_structure.files import PythonFile


def defined_twice(files: Sequence[PythonFile]) -> dict[str, list[str]]:
    """Return where each name is defined that two or more modules define at their top level, the most frequent first.

    Classes, functions and names that an assignment gives a value count. A name that begins with ``_`` is the module's
    own and does not.
    """
    places: dict[str, dict[str, int]] = defaultdict(dict)
    for file in files:
        for statement in file.tree.body:
            for name in names(statement):
                if not name.startswith("_"):
                    places[name].setdefault(file.path, statement.lineno)
    found = [(name, [f"{path}:{line}" for path, line in at.items()]) for name, at in places.items() if len(at) > 1]
    return dict(sorted(found, key=lambda item: (-len(item[1]), item[0])))


def names(statement: ast.stmt) -> list[str]:
    """Return what a statement defines."""
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []
