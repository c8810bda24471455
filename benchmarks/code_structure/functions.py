"""Functions by length and parameters, and how often types are left open (`Any`) or asked for (`isinstance`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from code_structure.files import PythonFile, docstring_of, lines_of

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: PythonFile) -> Iterator[tuple[Function, bool]]:
    """Yield every function and method, nested ones too, and whether its first parameter is the object or the class."""
    methods = {
        id(node)
        for owner in ast.walk(file.tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, Function)
        and not any(isinstance(name, ast.Name) and name.id == "staticmethod" for name in node.decorator_list)
    }
    for node in ast.walk(file.tree):
        if isinstance(node, Function):
            yield node, id(node) in methods


def length(function: Function) -> int:
    """Count the lines from ``def`` to the end, without the docstring. Decorators are left out, comments count."""
    docstring = docstring_of(function)
    return len(lines_of(function)) - (len(lines_of(docstring)) if docstring else 0)


def parameters(function: Function, is_method: bool) -> int:
    """Count the parameters of every kind; ``*args`` and ``**kwargs`` are one each; ``self`` and ``cls`` are left out."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return len(named) + (given.vararg is not None) + (given.kwarg is not None) - is_method


def uses_of_any(tree: ast.AST) -> list[int]:
    """Return the line of each ``Any`` and ``typing.Any``, also in annotations that are strings; imports are left out."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="Any") | ast.Attribute(value=ast.Name(id="typing" | "t"), attr="Any"):
                found.append(node.lineno)
            case ast.arg(annotation=ast.expr() as hint) | ast.AnnAssign(annotation=hint):
                found += in_strings(hint)
            case ast.FunctionDef(returns=ast.expr() as hint) | ast.AsyncFunctionDef(returns=ast.expr() as hint):
                found += in_strings(hint)
    return sorted(found)


def in_strings(hint: ast.expr) -> list[int]:
    """Return the line of each ``Any`` in the strings of an annotation; the values of a ``Literal`` are no types."""
    if isinstance(hint, ast.Subscript) and ast.unparse(hint.value).rpartition(".")[2] == "Literal":
        return []
    if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
        try:
            return [hint.lineno] * len(uses_of_any(ast.parse(hint.value, mode="eval")))
        except SyntaxError:  # not a type: Annotated["words for people"]
            return []
    return [line for child in ast.iter_child_nodes(hint) if isinstance(child, ast.expr) for line in in_strings(child)]


def isinstance_calls(tree: ast.AST) -> list[int]:
    """Return the line of each call of ``isinstance``."""
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
    )
