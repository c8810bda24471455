"""From content to pixels and to its hash."""

from __future__ import annotations

import hashlib

from milvise.embeddings.pictures.decode import Picture, ResizeRule, decode_opened
from milvise.ingest.sources.content import Content


def decode_content(content: Content, *, size: int, rule: ResizeRule) -> tuple[Picture, str]:
    """Decode a picture as `milvise.embeddings.pictures.decode.decode`; return with it the SHA-256 of what was decoded.

    Raises
    ------
    ImageError
        If it cannot be read; the message is the reason.
    """
    with content.opened() as (file, length):
        return decode_opened(file, length, size=size, rule=rule)


def hash_content(content: Content) -> str:
    """Return the SHA-256 of a picture's bytes in hexadecimal; errors as `decode_content`."""
    with content.opened() as (file, _):
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
