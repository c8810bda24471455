"""From a stored picture to its file: below one of the sources that the gallery was loaded from, and with the content that was loaded.

Neither the URI of a row nor the sources of a manifest are trusted, since others may write to Milvus. A file is therefore given out
only if its SHA-256 is the stored one: whoever cannot read a file does not know its hash.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePath

from milvise.embeddings.pictures.files import opened_by
from milvise.errors import ImageError, NoFileError

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_MOST_TURNS = 40
"""Links and steps up on the way to one file, as Linux has it."""

_CAN_WALK = bool(_NO_LINK) and {os.open, os.readlink} <= os.supports_dir_fd


@contextmanager
def stored_file(sources: Sequence[str], uri: str, sha256: str) -> Iterator[tuple[io.BufferedReader, int]]:
    """Open the file of a stored picture; yields it, and its length in bytes.

    Parameters
    ----------
    sources : sequence of str
        Of the gallery's manifest. One that is no absolute path, such as that of pictures which are no files, has none.
    uri, sha256 : str
        Of the picture's row.

    Raises
    ------
    NoFileError
        If no source has the file with this content.
    """
    changed = False
    for source in sources:
        try:
            with ExitStack() as held:
                file, length = held.enter_context(opened_by(partial(open_below, source, uri)))
                changed = hashlib.file_digest(file, "sha256").hexdigest() != sha256
                if changed:
                    continue
                file.seek(0)
                found = held.pop_all()
        except ImageError:
            continue
        with found:
            yield file, length
        return
    raise NoFileError(
        f"there is no file for the picture {uri!r}: it was {'changed' if changed else 'moved or removed'} after it was loaded, or lies"
        " on another machine. Load the gallery again from where its pictures are now."
    )


def locate(sources: Sequence[str], uri: str) -> Path | None:
    """Return the path of a stored picture's file below the first source that has one; its content is not looked at."""
    for source in sources:
        try:
            with opened_by(partial(open_below, source, uri)):
                return Path(source, *_names(source, uri))
        except ImageError:
            continue
    return None


def open_below(source: str, uri: str, flags: int) -> int:
    """Open the file that a URI names below a source, and return its descriptor.

    Every folder on the way is opened by itself. A link is followed by its text, and only to where it stays below the source, so that
    nothing that is replaced meanwhile leads out of it.

    Parameters
    ----------
    source : str
        An absolute path.
    uri : str
        Relative to the source, or an absolute path below it.
    flags : int
        As for `os.open`.

    Raises
    ------
    OSError
        If there is no such file below the source.
    ValueError
        If the URI is the name of no file anywhere.
    """
    if not PurePath(source).is_absolute():
        raise _error(errno.ENOENT)
    names = _names(source, uri)
    if not _CAN_WALK:
        return _open_resolved(source, names, flags)
    for _ in range(_MOST_TURNS):
        found = _walk(source, names, flags)
        if isinstance(found, int):
            return found
        place, target = found
        before, behind = names[:place], names[place + 1 :]
        if target == "..":
            if not before:
                raise _error(errno.EACCES)
            names = [*before[:-1], *behind]
        elif target.startswith("/"):
            names = [*_names(source, target), *behind]
        else:
            names = [*before, *_split(target), *behind]
    raise _error(errno.ELOOP)


def _walk(source: str, names: Sequence[str], flags: int) -> int | tuple[int, str]:
    """Return the open file; where a step up or a link is in the way, its place among the names, and ``..`` or the link's text."""
    if not names:
        raise _error(errno.EISDIR)
    folder = os.open(source, _FOLDER)
    try:
        for place, name in enumerate(names):
            if name == "..":
                return place, name
            is_last = place == len(names) - 1
            try:
                opened = os.open(name, (flags if is_last else _FOLDER) | _NO_LINK, dir_fd=folder)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                    raise
                return place, os.readlink(name, dir_fd=folder)
            if is_last:
                return opened
            os.close(folder)
            folder = opened
    finally:
        os.close(folder)
    raise AssertionError("the last name was opened")


def _open_resolved(source: str, names: Sequence[str], flags: int) -> int:
    """Open the file where the system cannot open folder by folder: the path is checked, and then opened."""
    try:
        root = Path(source).resolve(strict=True)
        path = root.joinpath(*names).resolve(strict=True)
    except RuntimeError:  # a link that leads to itself, until Python 3.12
        raise _error(errno.ELOOP) from None
    if not path.is_relative_to(root):
        raise _error(errno.EACCES)
    return os.open(path, flags)


def _names(source: str, uri: str) -> list[str]:
    """Return the names on the way from a source to a file."""
    names = _split(uri)
    if not uri.startswith("/"):
        return names
    above = _split(source)
    if names[: len(above)] != above:
        raise _error(errno.EACCES)
    return names[len(above) :]


def _split(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
