"""The files of stored pictures: as they were loaded, small for a page, and under names that are safe to write."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from milvise.core.disk_cache import DiskCache
from milvise.core.records import Picture
from milvise.embeddings.pictures.decode import decode_opened
from milvise.errors import NoFileError, UsageError
from milvise.gallery.files import locate, stored_file

SIZES = (256, 512)
"""Pixels of the longer side of a thumbnail."""

CACHE_BYTES = 512 * 2**20
"""Of thumbnails on the disk: some 35,000 of 256 pixels."""

_QUALITY = 80
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff/\\:*?"<>|]')
_LONGEST_NAME = 120
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The file of a stored picture, as it was loaded.

    Attributes
    ----------
    picture : Picture
    sources : tuple of str
        Where the gallery was loaded from: paths on this machine and URLs, which are nobody else's business.
    """

    picture: Picture
    sources: tuple[str, ...] = field(repr=False)

    @contextmanager
    def opened(self) -> Iterator[tuple[io.BufferedReader, int]]:
        """Open it; yields a file that can be sought in, and its length in bytes. Its content is the one that was loaded.

        Raises
        ------
        NoFileError
            If no source has it, or it was changed since.
        StoreAwayError
            If it is in a store that does not answer at the moment.
        """
        picture = self.picture
        with ExitStack() as held:
            try:
                found = held.enter_context(stored_file(self.sources, picture.uri, picture.sha256))
            except NoFileError:
                from milvise.ingest.sources.stored_content import may_be_elsewhere, stored_content

                if not may_be_elsewhere(self.sources, picture.uri):
                    raise
                found = held.enter_context(stored_content(self.sources, picture.uri, picture.sha256))
            yield found

    def path(self) -> Path | None:
        """Return where it is on this machine, None where it is not; whether it was changed is not looked at."""
        return locate(self.sources, self.picture.uri)


class Thumbnails:
    """Small pictures for people: WebP, turned as EXIF says, in their proportions; those that were made are kept on the disk.

    They are kept by the hash of the content, so that galleries share them, and a picture whose file is gone still has its own.

    Parameters
    ----------
    cache : DiskCache, optional
        By default ``thumbnails`` in the user's cache folder, of at most `CACHE_BYTES`.
    """

    def __init__(self, cache: DiskCache | None = None) -> None:
        self.cache = DiskCache("thumbnails", CACHE_BYTES) if cache is None else cache

    def kept(self, file: StoredFile, size: int) -> bytes | None:
        """Return a thumbnail that was made before, None if there is none; parameters and errors as `of`."""
        key = _key(file, size)
        return None if key is None else self.cache.get(key)

    def of(self, file: StoredFile, size: int) -> bytes:
        """Return the thumbnail of a picture, kept or made now.

        Parameters
        ----------
        file : StoredFile
        size : {256, 512}
            Pixels of the longer side; a smaller picture stays as it is.

        Raises
        ------
        NoFileError
            If there is no file to make it of.
        ImageError
            If it cannot be decoded.
        UsageError
            If there is no such size.
        """
        return self.kept(file, size) or self.make(file, size)

    def make(self, file: StoredFile, size: int) -> bytes:
        """Return a thumbnail that is made now, and keep it; parameters and errors as `of`."""
        key = _key(file, size)
        with file.opened() as (opened, length):
            pixels = decode_opened(opened, length, size=size, rule="fit")[0].pixels
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "WEBP", quality=_QUALITY, method=2)
        if key is not None:
            self.cache.put(key, buffer.getvalue())
        return buffer.getvalue()


def safe_names(uris: Iterable[str], *, extension: str | None = None) -> list[str]:
    """Return a name for the file of each picture that is safe to write in one folder: no paths, no control characters, no two alike.

    Parameters
    ----------
    extension : str, optional
        Of all names, with its dot, instead of their own.
    """
    taken: set[str] = set()
    names = []
    for uri in uris:
        stem, ending = _parts(uri)
        ending = ending if extension is None else extension
        name, number = f"{stem}{ending}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number}){ending}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _parts(uri: str) -> tuple[str, str]:
    """Return the name of a picture's file without its extension, and that."""
    name = _UNSAFE.sub("_", uri.replace("\\", "/").rstrip("/").rpartition("/")[2]).strip(" .") or "picture"
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending) > 10:
        stem, ending = name, ""
    stem = stem[:_LONGEST_NAME].rstrip(" .")
    return f"_{stem}" if _DEVICE.match(stem) else stem, f".{ending}" if ending else ""


def _key(file: StoredFile, size: int) -> str | None:
    """Return under what a thumbnail is kept; None where the row has no hash, so that no file can be the picture's."""
    if size not in SIZES:
        raise UsageError(
            f"there are no thumbnails of this size.\nExpected: {' or '.join(map(str, SIZES))}\nReceived: {size}"
        )
    digest = file.picture.sha256
    return f"{digest}-{size}" if re.fullmatch("[0-9a-f]{64}", digest) else None
