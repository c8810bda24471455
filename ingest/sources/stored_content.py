"""From a stored picture to its bytes where no plain file of this machine is it: an object of a store, a part of a tar, a row of a table.

As in `milvise.gallery.files` neither the URI of a row nor the sources of a manifest are trusted. Nothing is read that does not lie below
a source of the gallery, and nothing is given out whose SHA-256 is not the stored one. Web servers are not asked at all: the sources
of a gallery may have been written by somebody else, and must not make this machine ask any address it can reach.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePath
from typing import IO

from milvise.embeddings.pictures.files import opened_by
from milvise.errors import ImageError, MissingExtraError, NoFileError, StoreAwayError
from milvise.gallery.files import open_below
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.byte_range import ByteRange
from milvise.ingest.sources.parquet_row import ParquetRow
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.failures import RemoteError
from milvise.ingest.sources.remote.remote_object import RemoteObject
from milvise.ingest.sources.remote.url import STORES, problem_with, scheme_of
from milvise.ingest.sources.spooled import spooled
from milvise.ingest.sources.tar_index import index_of

Opened = Iterator[tuple[IO[bytes], int]]


def may_be_elsewhere(sources: Sequence[str], uri: str) -> bool:
    """Return whether `stored_content` can have a picture that is no plain file."""
    names = uri.split("/")
    inside = _inside(names, ".tar") is not None or _inside(names, ".parquet") is not None
    return inside or any(scheme_of(source) in STORES for source in sources)


@contextmanager
def stored_content(sources: Sequence[str], uri: str, sha256: str) -> Iterator[tuple[io.BufferedReader, int]]:
    """Open a stored picture as `milvise.gallery.files.stored_file`, where that finds none.

    Raises
    ------
    NoFileError
        If no source has it with this content.
    StoreAwayError
        If a source that may have it does not answer at the moment.
    """
    changed, away = False, None
    for source in sources:
        try:
            with ExitStack() as held:
                file, length = held.enter_context(opened_below(source, uri))
                changed = hashlib.file_digest(file, "sha256").hexdigest() != sha256  # type: ignore[arg-type]
                if changed:
                    continue
                file.seek(0)
                found = held.pop_all()
        except MissingExtraError as error:
            raise NoFileError(f"the file of the picture {uri!r} lies in a store: {error}") from error
        except ImageError as error:
            away = error if _is_passing(error) else away
            continue
        with found:
            yield file if isinstance(file, io.BufferedReader) else io.BufferedReader(file), length  # type: ignore[arg-type]
        return
    if away is not None:
        raise StoreAwayError(f"the file of the picture {uri!r} cannot be reached at the moment: {away}") from away
    raise NoFileError(
        f"there is no file for the picture {uri!r}: it was {'changed' if changed else 'moved or removed'} after it was loaded, or lies"
        " on another machine or web server. Load the gallery again from where its pictures are now."
    )


def look_below(source: str, uri: str) -> stores.Entry | None:
    """Return what stands below one source under a URI looks like now: the object, or the file that holds the picture.

    Raises
    ------
    OSError
        If that cannot be told.
    """
    names = _names_below(source, uri)
    if names is None:
        return None
    holder = _inside(names, ".tar") or _inside(names, ".parquet")
    place = "/".join((source, *names)) if holder is None else f"{source}/{holder[0]}"
    try:
        if scheme_of(source):
            return stores.look(place)
        with opened_by(partial(open_below, source, holder[0] if holder else uri)) as (file, size):
            return stores.Entry(place, size, os.fstat(file.fileno()).st_mtime_ns)
    except RemoteError as error:
        if error.status == 404 or isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    except ImageError:
        return None


@contextmanager
def opened_below(source: str, uri: str) -> Opened:
    """Open what a URI names below one source; its content is not compared.

    Raises
    ------
    ImageError
        If that is nothing, or cannot be read.
    """
    names = _names_below(source, uri)
    if names is None:
        raise ImageError("the picture does not lie below the source")
    tar, row = _inside(names, ".tar"), _inside(names, ".parquet")
    is_there = scheme_of(source) in STORES
    with ExitStack() as held:
        if tar is not None:
            opened = _from_tar_there if is_there else _from_tar_here
            yield held.enter_context(opened(source, *tar))
        elif row is not None and not is_there:
            yield held.enter_context(_from_row(source, *row))
        elif is_there:
            yield held.enter_context(RemoteObject("/".join((source, *names))).opened())
        else:
            raise ImageError("the source is on another machine")


def _names_below(source: str, uri: str) -> list[str] | None:
    """Return the names on the way from a source to a picture, None where it does not lie below it."""
    if scheme_of(source):
        if scheme_of(source) not in STORES or problem_with(source) is not None:
            return None
    elif not PurePath(source).is_absolute():
        return None
    rest = uri
    if scheme_of(uri):
        if not uri.startswith(f"{source}/"):
            return None
        rest = uri.removeprefix(f"{source}/")
    names = rest.split("/")
    # Between requests and stores, dots may be taken for steps.
    return None if not rest or rest.startswith("/") or any(name in (".", "..") for name in names) else names


def _inside(names: Sequence[str], ending: str) -> tuple[str, str] | None:
    """Return the file with this ending on the way, and what lies inside it; None where there is none."""
    for place, name in enumerate(names[:-1], start=1):
        if name.endswith(ending):
            return "/".join(names[:place]), "/".join(names[place:])
    return None


@contextmanager
def _from_tar_there(source: str, tar: str, name: str) -> Opened:
    whole = FileAnywhere(f"{source}/{tar}")
    try:
        found = stores.look(whole.place)
        with whole.opened(found.size) as file:
            start, length = index_of(whole, found, file).get(name, (0, 0))
        with ByteRange(whole, start, length, found.version).opened() as opened:
            yield opened
    except OSError as error:
        raise ImageError(str(error)) from error


@contextmanager
def _from_tar_here(source: str, tar: str, name: str) -> Opened:
    with opened_by(partial(open_below, source, tar)) as (file, size):
        status = os.fstat(file.fileno())
        found = stores.Entry(f"{source}/{tar}", size, status.st_mtime_ns)
        try:
            start, length = index_of(FileAnywhere(found.url), found, file).get(name, (0, 0))
        except OSError as error:
            raise ImageError(str(error)) from error
        with spooled(_reading(file, start), length) as opened:
            yield opened


def _reading(file: IO[bytes], start: int) -> Callable[[int, int], bytes]:
    def read(begin: int, end: int) -> bytes:
        file.seek(start + begin)
        return file.read(end - begin)

    return read


@contextmanager
def _from_row(source: str, table: str, inside: str) -> Opened:
    number = inside.partition("/")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise ImageError("no row is named")
    try:
        # Through the folders one by one first, so that no link leads out of the source.
        with opened_by(partial(open_below, source, table)):
            row = ParquetRow.at(FileAnywhere(str(Path(source, table))), int(number))
        with row.opened() as opened:
            yield opened
    except (OSError, MissingExtraError) as error:
        raise ImageError(str(error)) from error


def _is_passing(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RemoteError):
            return cause.passing
        cause = cause.__cause__
    return False
