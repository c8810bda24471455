"""Where each picture is in a tar, so that one picture of it can be shown without reading the whole.

It is noted when a tar is read from beginning to end, and made again where it is not known: for a tar elsewhere in the user's cache
folder, for all of them in memory.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from typing import IO

from milvise.core.disk_cache import DiskCache
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.remote.stores import Entry
from milvise.ingest.sources.tar_members import TarError, members

Index = dict[str, tuple[int, int]]
"""By name in the tar: where it begins, and how many bytes it has."""

MOST_KEPT = 500_000
"""Members of all indexes that a process keeps; a tar with more of them has no index."""

CACHE_BYTES = 256 * 2**20

_lock, _making = Lock(), Lock()
_kept: OrderedDict[str, Index] = OrderedDict()
_disk: list[DiskCache] = []


def note(tar: FileAnywhere, found: Entry, index: Index) -> None:
    """Keep the index of a tar elsewhere that was read to its end."""
    key = _key(found)
    if tar.is_remote and key is not None and len(index) <= MOST_KEPT:
        _cache().put(key, json.dumps(index).encode())


def index_of(tar: FileAnywhere, found: Entry, file: IO[bytes]) -> Index:
    """Return the index of a tar.

    Parameters
    ----------
    found : Entry
        What the tar looks like now.
    file : file
        The tar, opened.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    key = _key(found)
    with _lock:
        if key is not None and key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    index = _from_disk(key) if tar.is_remote else None
    if index is None:
        # One at a time: who asks for pictures of one page asks for the same tar.
        with _making:
            with _lock:
                index = _kept.get(key) if key is not None else None
            if index is None:
                assert found.size is not None
                index = _made(file, found.size)
                note(tar, found, index)
                if key is not None:
                    _keep(key, index)
    elif key is not None:
        _keep(key, index)
    return index


def _made(file: IO[bytes], size: int) -> Index:
    index: Index = {}
    for member in members(file, size):
        if not member.problem:
            index[member.name] = (member.start, member.length)
            if len(index) > MOST_KEPT:
                raise TarError(f"it has more than {MOST_KEPT:,} members")
    return index


def _keep(key: str, index: Index) -> None:
    with _lock:
        _kept[key] = index
        while len(_kept) > 1 and sum(map(len, _kept.values())) > MOST_KEPT:
            _kept.popitem(last=False)


def _from_disk(key: str | None) -> Index | None:
    data = None if key is None else _cache().get(key)
    if data is None:
        return None
    try:
        return {str(name): (int(start), int(length)) for name, (start, length) in json.loads(data).items()}
    except (ValueError, TypeError, AttributeError):  # a file that was damaged is made again
        return None


def _cache() -> DiskCache:
    with _lock:
        if not _disk:
            _disk.append(DiskCache("tars", CACHE_BYTES))
        return _disk[0]


def _key(found: Entry) -> str | None:
    """Return what tells this tar with this content from others, None where nothing does."""
    if found.version is None:
        return None
    return sha256(f"{found.url}\n{found.size}\n{found.version}".encode("utf-8", "backslashreplace")).hexdigest()
