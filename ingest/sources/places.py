"""From the text that says where a picture is, back to its content: what a list of pictures holds, and another process reads."""

from __future__ import annotations

from pathlib import Path

from milvise.errors import InputError
from milvise.ingest.sources.content import Content, LocalFile


def content_at(place: str) -> Content:
    """Return the content at a place, which is `str` of a content that was listed.

    Raises
    ------
    InputError
        If no content is found at such a place.
    """
    if Path(place).is_absolute():
        return LocalFile(Path(place))
    raise InputError(f"no picture is read from such a place.\nExpected: an absolute path\nReceived: {place!r}")
