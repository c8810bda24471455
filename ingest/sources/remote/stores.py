"""Stores of objects and web servers: bytes of an object, what it looks like, and what lies below a prefix.

These three are all that the rest asks of a store. Each request goes through `milvise.ingest.sources.remote.traffic`. What the library of S3
tries by itself is switched off, so that no request is tried more often than that says.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from milvise.core import config
from milvise.errors import MissingExtraError
from milvise.ingest.sources.remote.failures import CutShortError, RemoteError, status_of
from milvise.ingest.sources.remote.traffic import TRAFFIC
from milvise.ingest.sources.remote.url import WEB, require_url, scheme_of
from milvise.ingest.sources.remote.web import get

_CONNECT_S, _READ_S = 10, 60
_VERSIONS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
    "Last-Modified",
)
_PACKAGES = {"gs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, as a store lists it.

    Attributes
    ----------
    url : str
    size : int, optional
        In bytes; None where the store does not say.
    version : int, optional
        A number that is new whenever the content is; None where the store says nothing of the kind.
    """

    url: str
    size: int | None
    version: int | None


def read(url: str, start: int, end: int, *, whole: bool = True) -> bytes:
    """Return the bytes of an object from `start` to before `end`.

    Parameters
    ----------
    whole : bool
        Whether fewer bytes than asked for are an answer that was cut short. Else the object may end before `end`.

    Raises
    ------
    RemoteError
        If the object is not there, may not be read, or the store cannot be reached.
    """
    if end <= start:
        return b""
    files, path = _store(url)

    def call() -> bytes:
        if scheme_of(url) in WEB:
            data = get(files, url, start, end)
        else:
            try:
                data = bytes(files.cat_file(path, start=start, end=end))
            except Exception as error:  # each store's library raises errors of its own
                if not _is_behind_the_end(error):
                    raise
                data = b""
        if whole and len(data) < end - start:
            raise CutShortError(f"{len(data):,} of {end - start:,} bytes came")
        return data

    return TRAFFIC.request(call, url)


def look(url: str) -> Entry:
    """Return what an object looks like now; errors as `read`."""
    files, path = _store(url)
    found = TRAFFIC.request(lambda: files.info(path), url)
    if found.get("type") == "directory":
        raise RemoteError(f"{url}: it is a folder, and no object")
    return _entry(url, found)


def listing(url: str) -> Iterator[Entry]:
    """Yield the objects below a prefix, page by page for S3 and folder by folder for others; nothing holds the whole.

    Parameters
    ----------
    url : str
        A bucket or a folder, without a slash at the end.

    Raises
    ------
    RemoteError
        If a page cannot be read, each time that it was tried: what came before it is not the whole.
    """
    files, path = _store(url)
    if scheme_of(url) == "s3":
        yield from _pages(files, url)
    else:
        yield from _folders(files, path, url)


def _pages(files: Any, url: str) -> Iterator[Entry]:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    token: dict[str, str] = {}
    while True:
        page = TRAFFIC.request(
            partial(files.call_s3, "list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", **token),
            url,
        )
        for found in page.get("Contents", ()):
            if not found["Key"].endswith("/"):
                yield _entry(f"s3://{bucket}/{found['Key']}", {"size": found["Size"], **found})
        if not page.get("IsTruncated"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}


def _folders(files: Any, path: str, url: str) -> Iterator[Entry]:
    path = path.rstrip("/")

    def url_of(name: str) -> str:
        # Not by its path alone: that of Azure does not name the account.
        return url + name.removeprefix(path)

    waiting = [path]
    while waiting:
        folder = waiting.pop()
        found = TRAFFIC.request(partial(files.ls, folder, detail=True), url_of(folder))
        folders = []
        for each in sorted(found, key=lambda one: str(one["name"])):
            name = each["name"].rstrip("/")
            if each["type"] == "directory":
                if name != folder:
                    folders.append(name)
            elif not each["name"].endswith("/") and name != folder:
                yield _entry(url_of(name), each)
        waiting += reversed(folders)


def _entry(url: str, found: Mapping[str, Any]) -> Entry:
    said = next((f"{name}={found[name]}" for name in _VERSIONS if found.get(name)), None)
    size = found.get("size")
    return Entry(url, size if isinstance(size, int) else None, None if said is None else number_of(said))


def number_of(text: str) -> int:
    """Return a number of 63 bits that is another one for another text."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


def _is_behind_the_end(error: BaseException) -> bool:
    """Return whether a range was asked for that begins behind the end: an empty object has no byte to begin at."""
    return status_of(error) == 416


_lock = Lock()
_opened: dict[tuple[int, str, str], Any] = {}


def _store(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, one for each process and store, and the URL's path in it."""
    require_url(url)
    scheme = scheme_of(url)
    url = f"{scheme}{url[len(scheme) :]}"
    # The storage account of Azure stands in the URL; of the others one file system serves all.
    key = (os.getpid(), scheme, urlsplit(url).netloc if scheme.startswith("abfs") else "")
    with _lock:
        if key not in _opened:
            _opened[key] = _made(scheme, url)
        files = _opened[key]
    return files, url if scheme in WEB else files._strip_protocol(url)


def _made(scheme: str, url: str) -> Any:
    try:
        from fsspec.core import url_to_fs

        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True, **_options(scheme)}
        files, _ = url_to_fs(url, **options)
    except ImportError:
        package = _PACKAGES.get(scheme)
        what = f"reading {scheme}:// (with the package {package} beside them)" if package else f"reading {scheme}://"
        raise MissingExtraError(what, "remote") from None
    if scheme == "s3":
        files.retries = 1
    return files


def _options(scheme: str) -> dict[str, Any]:
    if scheme == "s3":
        connections = config.connections()
        return {
            "config_kwargs": {
                "retries": {"total_max_attempts": 1}, "max_pool_connections": connections, "connect_timeout": _CONNECT_S,
                "read_timeout": _READ_S,
            }
        }  # fmt: skip
    if scheme in WEB:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=5 * _READ_S, connect=_CONNECT_S, sock_read=_READ_S)
        return {"client_kwargs": {"timeout": timeout, "trust_env": True, "headers": {"User-Agent": "milvise"}}}
    return {}
