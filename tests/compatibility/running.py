"""Command lines in one process, in a folder: their exit codes and JSON documents.

As a program it runs them with the milvise that lies in a folder, whichever that is:
``python running.py SITE JOB.json`` reads ``{"folder": …, "commands": [[…], …]}`` and writes the answers to ``JOB.json.answers``.
"""

from __future__ import annotations

import atexit
import contextlib
import csv
import io
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def run_all(main: Callable[[], None], folder: Path, commands: Iterable[list[str]]) -> list[dict[str, Any]]:
    """Return ``code``, ``document``, ``errors`` and ``seconds`` of each command; `main` reads ``sys.argv``.

    The code of a command that ends with an exception is the name of that.
    """
    answers = []
    arguments, sys.argv = sys.argv, ["milvise"]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.chdir(folder):
            for command in commands:
                sys.argv = ["milvise", *command]
                if command[0] == "rate":
                    rate(Path(command[1]))
                else:
                    answers.append(_run(main))
    finally:
        sys.argv = arguments
    return answers


def rate(folder: Path) -> None:
    """Fill in the spreadsheet of an audit folder as a person would."""
    with (folder / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "answers-anna.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "right": "yn"[place % 2], "offensive": "n"} for place, row in enumerate(rows))


def _run(main: Callable[[], None]) -> dict[str, Any]:
    printed, errors = io.StringIO(), io.StringIO()
    started = time.perf_counter()
    code: Any = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        except Exception as error:
            # What a command did not foresee is one more way to end; the others go on.
            code = type(error).__name__
            traceback.print_exc(file=errors)
    text = printed.getvalue()
    return {
        "code": code,
        "document": json.loads(text) if text.strip() else None,
        "errors": errors.getvalue(),
        "seconds": round(time.perf_counter() - started, 2),
    }


def _installed(site: str) -> Callable[[], None]:
    """Return what the command ``milvise`` of a folder runs, which ends a process only here."""
    sys.path[0] = site
    import milvise
    from milvise.__main__ import run

    assert Path(milvise.__file__).is_relative_to(site), f"{milvise.__file__} is not in {site}"
    _read_in_key_order()
    # It closes everything and ends the process, which goes on here with the next command.
    atexit._run_exitfuncs = lambda: None
    os._exit = sys.exit  # type: ignore[assignment]
    return run


def _read_in_key_order() -> None:
    """Have this version read all rows of Milvus Lite in the order of their keys, as it reads those of a server.

    The examples of a training are drawn in the order in which rows are read. Older ones read those of Milvus Lite in the order in
    which they were written; for the same examples both must read alike.
    """
    from milvise.adapter.collection import Collection

    scan = Collection.scan

    def in_key_order(self: Collection, fields: Iterable[str], **options: Any) -> Iterable[Any]:
        key = self.room.key
        return iter(sorted(scan(self, [*dict.fromkeys([key, *fields])], **options), key=lambda row: str(row[key])))

    Collection.scan = in_key_order  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    end = os._exit
    job = Path(sys.argv[2])
    asked = json.loads(job.read_text())
    answered = run_all(_installed(sys.argv[1]), Path(asked["folder"]), asked["commands"])
    job.with_name(job.name + ".answers").write_text(json.dumps(answered))
    end(0)
