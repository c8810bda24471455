"""The command line as a process."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any


def milvise(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with further environment variables."""
    command = [sys.executable, "-m", "milvise", *arguments]
    return subprocess.run(
        command, cwd=folder, env=_environment(**more), capture_output=True, text=True, check=False, timeout=280
    )


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
