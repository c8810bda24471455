"""Bytes from a web server, through the session of fsspec: no more than was asked for, however much the server sends."""

from __future__ import annotations

from typing import Any

from milvise.ingest.sources.remote.failures import RemoteError

_PIECE = 2**16


def get(files: Any, url: str, start: int, end: int) -> bytes:
    """Return the bytes of a page from `start` to before `end`, or to its end.

    Parameters
    ----------
    files : fsspec.implementations.http.HTTPFileSystem

    Raises
    ------
    RemoteError
        If the server cannot begin in the middle.
    """
    from fsspec.asyn import sync

    return bytes(sync(files.loop, _get, files, url, start, end))


async def _get(files: Any, url: str, start: int, end: int) -> bytes:
    session = await files.set_session()
    # A whole picture needs no range, which some servers refuse.
    headers = {"Range": f"bytes={start}-{end - 1}"} if start else {}
    async with session.get(files.encode_url(url), headers=headers) as answer:
        answer.raise_for_status()
        if start and answer.status != 206:
            raise RemoteError("the server does not send parts of a file (no Range), which reading it needs")
        data = bytearray()
        async for piece in answer.content.iter_chunked(_PIECE):
            data += piece
            if len(data) >= end - start:
                break
        return bytes(data[: end - start])
