"""The Python files of a checkout: where each stands, what it is imported as, and its syntax tree."""

from __future__ import annotations

import ast
import io
import os
import sys
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PARTS = ("code", "tests", "benchmarks", "other")
FOLDERS_OF = {"tests": {"test", "tests"}, "benchmarks": {"benchmark", "benchmarks"}}
SKIPPED = {"__pycache__", "build", "dist", "node_modules", "site-packages"}
NOT_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip
WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class PythonFile:
    """One Python file.

    Attributes
    ----------
    path : str
        Where it stands, from the root of the checkout, with ``/``.
    module : str
        What it is imported as, with dots. A package has the name of its folder.
    is_package : bool
        True for ``__init__.py``.
    part : str
        One of ``PARTS``.
    lines : int
        All lines, also empty ones.
    code_lines : int
        Lines that hold more than a comment or a docstring.
    tree : ast.Module
    """

    path: str
    module: str
    is_package: bool
    part: str
    lines: int
    code_lines: int
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The folder that the file stands in; ``.`` is the root."""
        return Path(self.path).parent.as_posix()

    @property
    def room(self) -> str:
        """The package below the top one, or the top one: ``a.b`` for ``a.b.c.module``, ``a`` for ``a.module``."""
        package = self.module if self.is_package else self.module.rpartition(".")[0]
        return ".".join(package.split(".")[:2]) or "."


def python_files(root: Path) -> list[PythonFile]:
    """Read every Python file below a folder once, in order of its path.

    A folder of the checkout to which a symbolic link in a package leads has the module names of the link.
    Hidden folders, virtual environments and build outputs are left out.
    """
    root = root.resolve()
    paths, links = [], {}
    for folder, below, names in os.walk(root):
        kept = []
        for name in sorted(below):
            path = Path(folder, name)
            if path.is_symlink():
                target = path.resolve()
                if target.is_relative_to(root) and target.is_dir():
                    links[target.relative_to(root)] = path.relative_to(root)
            elif not (name.startswith(".") or name in SKIPPED or Path(path, "pyvenv.cfg").exists()):
                kept.append(name)
        below[:] = kept
        paths += [Path(folder, name).relative_to(root) for name in names if name.endswith(".py")]
    return [read(root, path, imported_path(path, links)) for path in sorted(paths) if not (root / path).is_symlink()]


def imported_path(path: Path, links: dict[Path, Path]) -> Path:
    """Return the path through which a file is imported: through the link to one of its folders, if there is one."""
    for folder in path.parents:
        if folder in links:
            path = links[folder] / path.relative_to(folder)
            break
    return Path(*path.parts[1:]) if path.parts[0] == "src" else path


def read(root: Path, path: Path, imported: Path) -> PythonFile:
    """Read one file. A file that is no Python of this version has no syntax tree, which is said on stderr."""
    with tokenize.open(root / path) as stream:
        text = stream.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        code_lines = count_code_lines(text, tree)
    except SyntaxError as error:
        print(f"{path}: only its lines are counted, it cannot be parsed: {error}", file=sys.stderr)
        tree, code_lines = ast.Module([], []), 0
    is_package = path.name == "__init__.py"
    names = imported.parent.parts if is_package else imported.with_suffix("").parts
    return PythonFile(
        path.as_posix(), ".".join(names), is_package, part_of(root, path, imported), len(text.splitlines()), code_lines,
        tree,
    )  # fmt: skip


def part_of(root: Path, path: Path, imported: Path) -> str:
    """Return the part of the checkout that a file belongs to."""
    for part, names in FOLDERS_OF.items():
        if names & set(path.parent.parts):
            return part
    top = imported.parts[0]
    in_package = any((root / base / top / "__init__.py").exists() for base in ("", "src"))
    return "code" if in_package else "other"


def docstring_of(node: ast.AST) -> ast.Expr | None:
    """Return the statement that is the docstring of a module, class or function."""
    if isinstance(node, WITH_DOCSTRING) and node.body:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            return first
    return None


def lines_of(node: ast.stmt) -> range:
    """Return the numbers of the lines from the first to the last of a statement, without its decorators."""
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def count_code_lines(text: str, tree: ast.Module) -> int:
    """Count the lines that hold something other than a comment or a docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for docstring in filter(None, map(docstring_of, ast.walk(tree))):
        lines.difference_update(lines_of(docstring))
    return len(lines)


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield each list of statements that a node holds, without its docstring and imports."""
    docstring = docstring_of(node)
    for name in ("body", "orelse", "finalbody"):
        statements = getattr(node, name, None)
        if isinstance(statements, list):
            yield [s for s in statements if s is not docstring and not isinstance(s, ast.Import | ast.ImportFrom)]
