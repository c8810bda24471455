"""A small storm of events with real processes: `benchmarks/follow_storm.py` has the long ones."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "follow_storm.py"


@pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not installed (Debian's package redis-server)"
)
@pytest.mark.skipif(importlib.util.find_spec("milvus") is None, reason="the PyPI package milvus is not installed")
def test_followers_and_redis_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "redis", "--events", "200", "--kills", "5", "--every", "3"]
    # Figures are left beside the script, which this run has no part in.
    done = subprocess.run(
        [*command, "--no-figures"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert "4 followers and 1 servers killed" in done.stdout
    assert "0 differ from those of a load of the folder" in done.stdout
