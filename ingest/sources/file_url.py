"""``file://`` URLs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from milvise.errors import InputError


def path_of(url: str) -> Path:
    """Return the path that a ``file://`` URL stands for.

    Raises
    ------
    InputError
        If it names another machine, or no absolute path.
    """
    try:
        host = urlsplit(url).netloc
    except ValueError as error:
        raise InputError(f"{url[:200]!r} is no URL: {error}") from error
    path = unquote(url[len("file://") + len(host) :])
    if host not in ("", "localhost") or not path.startswith("/"):
        raise InputError(f"a file:// URL names an absolute path on this machine.\nReceived: {url[:200]!r}")
    return Path(path)
