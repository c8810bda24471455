r"""Text on its way to a terminal, a pipe or a file: nothing in it can steer the terminal.

Names, labels, words and metadata come from strangers. A terminal obeys the control characters in them, so that a file name
could repaint the screen or turn the text around. They are shown as escapes instead, such as ``\x1b``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Cell = str | list[str]

# C0, delete and C1 controls, marks that change the direction of text, line separators, and halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
"""Python's stand-ins for the bytes of a file name that is not UTF-8 (PEP 383)."""


def visible(text: object) -> str:
    r"""Return text with every control character written as an escape: ``\x1b``, ``\u202e``, ``\n``, ``\t``."""
    return _CONTROL.sub(_escape, str(text))


def visible_lines(text: object) -> str:
    """Return text of several lines, each as `visible` makes it."""
    return "\n".join(visible(line) for line in str(text).split("\n"))


def json_text(document: Any, *, indent: int | None = 2) -> str:
    r"""Return a document as JSON that says the same, with control characters as ``\u`` escapes.

    Characters outside ASCII stay as they are where standard output takes UTF-8.
    """
    text = json.dumps(document, ensure_ascii=not _takes_utf8(), indent=indent)
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def is_terminal() -> bool:
    """Return whether a person reads standard output, and not a program or a file."""
    return sys.stdout.isatty()


def prepare_streams() -> None:
    """Have standard output and standard error write what their encoding lacks as escapes; else printing it would fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
    is_number : bool
        Whether its cells are aligned at the right; others are folded where the terminal is too narrow for them.
    """

    name: str
    is_number: bool = False


def numbers(*names: str) -> list[Column]:
    """Return columns of numbers."""
    return [Column(name, is_number=True) for name in names]


def texts(*names: str) -> list[Column]:
    """Return columns of text."""
    return [Column(name) for name in names]


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, header: bool = True) -> None:
    """Print a table for a person, or in a pipe one line a row: values between tabs, no header, never wrapped.

    Parameters
    ----------
    rows : iterable of sequences of str or list of str
        A list is several lines in a cell, and in a pipe several values.
    """
    if not is_terminal():
        for row in rows:
            values = (value for cell in row for value in ([cell] if isinstance(cell, str) else cell))
            print("\t".join(visible(value) for value in values))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=header)
    for place, column in enumerate(columns):
        style = "bold" if place == 0 and not header else None
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(column.name, justify=justify, overflow="fold", style=style)
    for row in rows:
        table.add_row(*(visible(cell) if isinstance(cell, str) else "\n".join(map(visible, cell)) for cell in row))
    Console(highlight=False, markup=False).print(table)


def print_line(text: str) -> None:
    """Print a line on standard output; the terminal breaks it where it must, so that it can be copied whole."""
    print(visible_lines(text))


def print_paragraph(text: str) -> None:
    """Print a sentence on standard output, broken between words for a person."""
    if is_terminal():
        from rich.console import Console

        Console(highlight=False, markup=False).print(visible(text))
    else:
        print(visible(text))


def print_remark(text: str) -> None:
    """Print a line on standard error."""
    print(visible_lines(text), file=sys.stderr, flush=True)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[found[0]]
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _takes_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf8sig")
