"""Import cycles: groups of modules each of which imports every other, by way of others of the group."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from code_structure.files import PythonFile
from code_structure.functions import Function

Graph = dict[str, set[str]]


def cycles(files: Sequence[PythonFile], *, late: bool) -> list[list[str]]:
    """Return the groups of two or more modules that import each other, the largest first.

    Parameters
    ----------
    late : bool
        True also counts what is imported inside functions and below ``if TYPE_CHECKING``, which loads no module when
        the module itself is loaded.

    Notes
    -----
    ``import a.b`` counts for ``a.b`` alone, though Python loads the package ``a`` first: else each package that
    imports from its own modules would be a cycle.
    """
    graph = imports(files, late=late)
    reached = {module: reachable(graph, module) for module in graph}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in graph
        if module in reached[module]
    }
    return sorted((list(group) for group in groups if len(group) > 1), key=lambda group: (-len(group), group))


def imports(files: Sequence[PythonFile], *, late: bool) -> Graph:
    """Return for each module those of the same files that it imports."""
    known = {file.module for file in files}
    graph: Graph = {}
    for file in files:
        package = file.module if file.is_package else file.module.rpartition(".")[0]
        names = {name for statement in statements(file.tree, late=late) for name in imported(statement, package, known)}
        graph[file.module] = (names & known) - {file.module}
    return graph


def statements(node: ast.AST, *, late: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif late or not isinstance(child, Function):
            if isinstance(child, ast.If) and not late and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                child = ast.Module(child.orelse, [])
            yield from statements(child, late=late)


def imported(statement: ast.Import | ast.ImportFrom, package: str, known: set[str]) -> Iterator[str]:
    """Yield the modules that a statement of a module of this package asks for."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    base = statement.module or ""
    if statement.level:
        above = package.split(".")[: len(package.split(".")) - statement.level + 1]
        base = ".".join([*above, *filter(None, [base])])
    for alias in statement.names:
        below = f"{base}.{alias.name}"
        yield below if below in known else base


def reachable(graph: Graph, start: str) -> set[str]:
    """Return every module that a module imports, directly or by way of others."""
    found: set[str] = set()
    left = list(graph[start])
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left += graph[module]
    return found
