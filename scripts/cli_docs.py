"""Write docs/cli.md from the command line's own help, or with --check say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from milvise.cli import app

TARGET = Path(__file__).parent.parent / "docs" / "cli.md"


def main() -> None:
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="milvise").strip() + "\n"
    text = f"<!-- Made by scripts/cli_docs.py (make docs). Change milvise/cli.py instead. -->\n\n{text}"
    if "--check" not in sys.argv:
        TARGET.write_text(text, "utf-8")
    elif not TARGET.is_file() or TARGET.read_text("utf-8") != text:
        sys.exit("docs/cli.md is not up to date: run make docs")


if __name__ == "__main__":
    main()
