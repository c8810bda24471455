"""Answers that are no JSON: pictures and archives, with the headers that make them safe to show and good to keep."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from milvise.service.bodies.hits import VERSION

CHUNK = 2**16

_YEAR_S = 31_536_000
_FRESH_S = 300
"""So long a picture may be shown again without asking, where the link does not say which content is meant."""

_STARTS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
}
UNKNOWN = "application/octet-stream"


def media_type(start: bytes) -> str:
    """Return the type of a picture from its first bytes; of formats that browsers do not show it is that of unknown bytes."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    if start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis"):
        return "image/avif"
    return next((kind for first, kind in _STARTS.items() if start.startswith(first)), UNKNOWN)


def disposition(kind: str, name: str) -> str:
    """Return a header that says whether a browser shows or saves a file, and under which name (RFC 6266)."""
    plain = "".join(one if one.isascii() and one not in '"\\%' else "_" for one in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def kept_headers(tag: str, sha256: str, version: str | None, *, private: bool) -> dict[str, str]:
    """Return the headers that say how long a picture may be kept, and by whom.

    Parameters
    ----------
    tag : str
        What changes with the answer.
    sha256 : str
        Of the content that is answered.
    version : str, optional
        The content that the link names. Only where this is that one, the answer never changes.
    private : bool
        Whether nobody between may keep it: it is given out for a key.
    """
    who = "private" if private else "public"
    forever = version is not None and len(version) >= VERSION and sha256.startswith(version)
    how_long = f"max-age={_YEAR_S}, immutable" if forever else f"max-age={_FRESH_S}"
    return {
        "ETag": f'"{tag}"',
        "Cache-Control": f"{who}, {how_long}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def is_known(request: Request, tag: str) -> bool:
    """Return whether who asks has this answer already (RFC 9110, section 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    return any(one.strip().removeprefix("W/") in ("*", f'"{tag}"') for one in given.split(","))


def not_modified(headers: dict[str, str]) -> Response:
    """Return the answer to who has the picture already."""
    return Response(status_code=304, headers=headers)


class Streamed(StreamingResponse):
    """What is read in threads while it is sent, and closed when it was sent or nobody takes it any more.

    Parameters
    ----------
    chunks : iterator of bytes
        Called in a thread for each chunk.
    held : ExitStack
        What is closed in the end.
    limiter : CapacityLimiter
        How many threads read.
    """

    def __init__(self, chunks: Iterator[bytes], held: ExitStack, limiter: CapacityLimiter, **given: Any) -> None:
        super().__init__(_sent(chunks, limiter), **given)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._held:
            await super().__call__(scope, receive, send)


def file_chunks(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield the rest of a file."""
    while chunk := file.read(CHUNK):
        yield chunk


async def _sent(chunks: Iterator[bytes], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    while (chunk := await to_thread.run_sync(next, chunks, None, limiter=limiter)) is not None:
        yield chunk
