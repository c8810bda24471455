"""``python -m milvise``, and what the command ``milvise`` runs."""

from __future__ import annotations

import atexit
import os
import sys

from milvise.cli import main


def run() -> None:
    """Run the command line and end the process with its code.

    All is closed by then. Python itself would go on to take its modules apart, one by one, for a quarter of a second.
    """
    code: int | str | None = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        # Who read it has seen enough.
        pass
    os._exit(code if isinstance(code, int) else 1 if code else 0)


if __name__ == "__main__":
    run()
