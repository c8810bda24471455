"""Defaults and the environment variables that change them."""

from __future__ import annotations

import math
import os
from pathlib import Path

from milvise.errors import UsageError

DEFAULT_URI = "./milvise.db"
DEFAULT_GALLERY = "default"
DEFAULT_BACKBONE = "efficientnet_lite0"
DEFAULT_ENCODER = "devise"
"""The encoder of galleries whose manifest names none."""

DEFAULT_LIMIT = 10
DEFAULT_CONNECTIONS = 16


def uri(given: str | None = None) -> str:
    """Return the address of Milvus: what was given, else ``MILVISE_URI``, else ``./milvise.db``."""
    return given or os.environ.get("MILVISE_URI") or DEFAULT_URI


def token(given: str | None = None) -> str:
    """Return the credentials: what was given, else ``MILVISE_TOKEN``, else none."""
    return given or os.environ.get("MILVISE_TOKEN") or ""


def connections() -> int:
    """Return how many requests to stores of objects and web servers run at a time: ``MILVISE_CONNECTIONS``, else 16."""
    return int(_number("MILVISE_CONNECTIONS", least=1) or DEFAULT_CONNECTIONS)


def requests_per_second() -> float | None:
    """Return how many such requests begin within a second at most: ``MILVISE_REQUESTS_PER_SECOND``, else None for any number."""
    return _number("MILVISE_REQUESTS_PER_SECOND", least=0.001)


def _number(name: str, *, least: float) -> float | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number < 1e6:
        raise UsageError(f"{name} must be a number from {least:g} to 1,000,000.\nReceived: {text}")
    return number


def cache() -> Path:
    """Return the folder for what can be made again: ``MILVISE_CACHE``, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("MILVISE_CACHE") or platformdirs.user_cache_path("milvise", appauthor=False))


def cache_folder(name: str) -> Path:
    """Return a folder in that for what can be made again, after making it: for this user alone, because what it holds is trusted.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    root = cache()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = root / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
