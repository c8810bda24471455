"""Write docs/cli.md from the command line's own help, or with --check say whether it is up to date."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from milvise.cli.app import take_shared
from milvise.cli.main import app

TARGET = Path(__file__).parent.parent / "docs" / "cli.md"


def main() -> None:
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="milvise").strip() + "\n"
    first, *others = text.split("\n## ")
    text = "\n## ".join([first, *map(_without_shared, others)])
    text = f"<!-- Made by scripts/cli_docs.py (make docs). Change cli/main.py instead. -->\n\n{text}"
    if "--check" not in sys.argv:
        TARGET.write_text(text, "utf-8")
    elif not TARGET.is_file() or TARGET.read_text("utf-8") != text:
        sys.exit("docs/cli.md is not up to date: run make docs")


def _without_shared(section: str) -> str:
    """Leave out the options of every command, which the first section lists."""
    names = [name.replace("as_", "").replace("_", "-") for name in inspect.signature(take_shared).parameters]
    shared = re.compile(rf"\* `(-\w, )?--({'|'.join(names)})[ `]")
    return "\n".join(line for line in section.split("\n") if not shared.match(line))


if __name__ == "__main__":
    main()
