"""``python -m milvise``, and what the command ``milvise`` runs."""

from __future__ import annotations

import atexit
import os
import sys

_FAILED = 1


def run() -> None:
    """Run the command line and end the process with its code.

    All is closed by then. Python itself would go on to take its modules apart, one by one, for a quarter of a second.
    """
    code: int | str | None = 0
    try:
        # Here, because Ctrl-C may come while it is imported, too.
        from milvise.cli.collecting import disable_gc

        disable_gc()
        from milvise.cli.main import main
        from milvise.cli.state import show_warnings

        show_warnings()
        main()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        code = _FAILED
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        # Who read it has seen enough.
        pass
    os._exit(code if isinstance(code, int) else 1 if code else 0)


if __name__ == "__main__":
    run()
