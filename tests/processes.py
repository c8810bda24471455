"""The command line as a process."""

from __future__ import annotations

import atexit
import functools
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def milvise(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with further environment variables, in a process forked from a warm one."""
    environment = _environment(**more)
    with TemporaryDirectory() as outputs:
        out, err = Path(outputs, "out"), Path(outputs, "err")
        out.touch()
        err.touch()
        command = {"folder": str(folder), "arguments": arguments, "environment": environment}
        warm = _warm_process(*sorted(item for item in environment.items() if item[0].startswith("PYTHON")))
        assert warm.stdin is not None
        assert warm.stdout is not None
        print(json.dumps({**command, "out": str(out), "err": str(err)}), file=warm.stdin, flush=True)
        code = int(warm.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


def milvise_anew(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the same in a new interpreter, as people do."""
    command = [sys.executable, "-m", "milvise", *arguments]
    environment = _environment(**more)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=280
    )


@functools.cache
def _warm_process(*settings: tuple[str, str]) -> subprocess.Popen[str]:
    """Start the process that others are forked from: one for each way to set up Python, which takes settings at its start."""
    program = Path(__file__).with_name("warm_process.py")
    warm = subprocess.Popen(
        [sys.executable, str(program)],
        env=_environment(**dict(settings)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # It ends with its input.
    atexit.register(warm.communicate)
    return warm


def answer(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    """Return the JSON document that a process printed, after looking at its exit code."""
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """Return what a command prints on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "milvise", *arguments],
        cwd=folder,
        env=_environment(COLUMNS="80", TERM="dumb"),
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        seen = b""
        while True:
            try:
                chunk = os.read(leader, 4096)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
    os.close(leader)
    assert process.returncode == 0, seen
    return seen.decode()


def _environment(**more: str) -> dict[str, str]:
    kept = {name for name in os.environ if not name.startswith("MILVISE_") or name == "MILVISE_CACHE"}
    return {name: os.environ[name] for name in kept} | more
