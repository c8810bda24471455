"""Where benchmarks leave their figures: ``benchmarks/results/NAME.json``, beside what they print."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def leave(name: str, figures: dict[str, Any]) -> None:
    """Write the figures of one benchmark with what they were measured on."""
    made_on = {
        "python": platform.python_version(), "machine": platform.machine(), "processors": os.cpu_count(),
        "milvise": version("milvise"), "pymilvus": version("pymilvus"),
    }  # fmt: skip
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({**figures, "made_on": made_on}, indent=2) + "\n")
