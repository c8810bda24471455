"""The command line as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def milvise(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with further environment variables."""
    kept = {name for name in os.environ if not name.startswith("MILVISE_") or name == "MILVISE_CACHE"}
    environment = {name: os.environ[name] for name in kept} | more
    command = [sys.executable, "-m", "milvise", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=280
    )


def answer(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    """Return the JSON document that a process printed, after looking at its exit code."""
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)
