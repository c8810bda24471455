"""From the text that says where a picture is back to its bytes, in another process or on another machine.

A place is the absolute path of a file, or a URL. It holds no credential.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from milvise.errors import InputError
from milvise.ingest.sources.content import Content, LocalFile
from milvise.ingest.sources.remote.remote_object import RemoteObject
from milvise.ingest.sources.remote.url import is_remote, require_url, scheme_of


def place_of(content: Content) -> str:
    """Return the text from which `content_at` opens the same bytes from any working directory."""
    return os.path.abspath(content.path) if content.path is not None else str(content)  # noqa: PTH100 - links stay


def content_at(place: str) -> Content:
    """Return the content at a place.

    Parameters
    ----------
    place : str
        As `place_of` returns it, or ``file://`` and an absolute path.

    Raises
    ------
    InputError
        If it is no such place, or holds a credential.
    """
    if is_remote(place):
        return RemoteObject(require_url(place))
    if scheme_of(place) == "file":
        return LocalFile(path_of(place))
    if not os.path.isabs(place):  # noqa: PTH117 - not only of this system's kind
        raise InputError(
            f"this is no place of a picture.\nExpected: an absolute path, or a URL that milvise reads\nReceived: {place[:200]!r}"
        )
    return LocalFile(Path(place))


def path_of(url: str) -> Path:
    """Return the path that a ``file://`` URL stands for; raises `InputError` if it names another machine or no absolute path."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{url[:200]!r} is no URL: {error}") from error
    path = unquote(url[len("file://") + len(parts.netloc) :])
    if parts.netloc not in ("", "localhost") or not path.startswith("/"):
        raise InputError(f"a file:// URL names an absolute path on this machine.\nReceived: {url[:200]!r}")
    return Path(path)
