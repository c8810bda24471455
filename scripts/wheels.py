"""Other versions of milvise beside this one: the wheel of a commit, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MILVISE_")}


def build(commit: str, folder: Path) -> Path:
    """Build a commit's wheel and return the folder that it is unpacked in; put it first in ``PYTHONPATH`` to run it."""
    source, site = folder / "source", folder / "site"
    source.mkdir(parents=True)
    call("git", "-C", ROOT, "archive", "--output", folder / "source.tar", commit)
    shutil.unpack_archive(folder / "source.tar", source)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    call(*pip, "wheel", "--no-deps", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    call(*pip, "install", "--no-deps", "--target", site, wheel)
    return site


def call(*command: str | Path, cwd: Path | None = None, **more: str) -> str:
    """Run a command to its end, with further environment variables, and return what it printed."""
    done = subprocess.run(  # noqa: S603
        command, env={**ENVIRONMENT, **more}, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}.\n{done.stderr[-4_000:]}")
    return done.stdout
