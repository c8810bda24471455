"""From the path or URL that a user types to the source that it stands for, and a first look into sources."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from milvise.errors import InputError
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.file_url import path_of
from milvise.ingest.sources.folder import Folder
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.manifest_file import SUFFIXES, ManifestFile
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.failures import RemoteError
from milvise.ingest.sources.remote.remote_folder import RemoteFolder
from milvise.ingest.sources.remote.url import WEB, folder_of, name_of, require_url, scheme_of
from milvise.ingest.sources.source import Source, skipped_by
from milvise.ingest.sources.web_dataset import WebDataset, is_img2dataset, one_tar, tars_here, tars_there

_FIRST = 1_000
"""Files of a folder whose names tell whether img2dataset wrote it."""

_EXPECTED = (
    "pictures are read from a folder, from a manifest that ends in .csv, .jsonl or .parquet, or from a .tar; each of them here, or at"
    " a URL."
)


def open_source(source: str, *, labels: bool = True) -> Source:
    """Return the source that a path or a URL stands for.

    It is a folder; a ``.csv``, ``.jsonl`` or ``.parquet`` manifest; a ``.tar`` of WebDataset, several of them (``FOLDER/*.tar``), or a
    folder that img2dataset wrote.

    Parameters
    ----------
    source : str
        A path, or a URL that `milvise.ingest.sources.remote.url` allows.
    labels : bool
        Whether the folder in which a picture lies is its label.

    Raises
    ------
    InputError
        If there is nothing at the path, it is of another kind, or the URL holds a credential.
    MissingExtraError
        If it is a URL, and the packages for it are not installed.
    """
    scheme = scheme_of(source)
    if scheme == "file":
        return _open_here(path_of(source), labels=labels)
    return _open_there(require_url(source), labels=labels) if scheme else _open_here(Path(source), labels=labels)


def _open_here(path: Path, *, labels: bool) -> Source:
    try:
        if path.is_dir():
            return tars_here(path) if _was_written_here(path) else Folder(path, labels=labels)
        there, is_file = path.exists(), path.is_file()
        if not there and _is_pattern(path.name) and path.parent.is_dir():
            return tars_here(path.parent, path.name)
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be a source: {getattr(error, 'strerror', None) or error}") from error
    if not there:
        raise InputError(f"there is no folder or manifest at {path}.")
    if path.suffix not in (*SUFFIXES, ".tar"):
        raise InputError(f"{_EXPECTED}\nReceived: {path}")
    if not is_file:
        raise InputError(f"{path} is no regular file, and a manifest or a tar is one.")
    return one_tar(FileAnywhere(os.path.abspath(path))) if path.suffix == ".tar" else ManifestFile(path)  # noqa: PTH100


def _open_there(url: str, *, labels: bool) -> Source:
    url = f"{scheme_of(url)}{url[len(scheme_of(url)) :]}".rstrip("/")
    name = name_of(url)
    if Path(name).suffix in SUFFIXES:
        return ManifestFile(FileAnywhere(url))
    if _is_pattern(name) and scheme_of(url) not in WEB:
        return tars_there(folder_of(url), name)
    if name.endswith(".tar"):
        return one_tar(FileAnywhere(url))
    if scheme_of(url) in WEB:
        raise InputError(f"a web server has no folders that can be listed; {_EXPECTED}\nReceived: {url}")
    return tars_there(url) if _was_written_there(url) else RemoteFolder(url, labels=labels)


def _was_written_here(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return is_img2dataset(entry.name for entry in islice(entries, _FIRST))
    except OSError:  # which reading it tells
        return False


def _was_written_there(folder: str) -> bool:
    """Return whether img2dataset wrote a folder of a store, as far as its first page tells."""
    try:
        first = [entry.url.removeprefix(f"{folder}/") for entry in islice(stores.listing(folder), _FIRST)]
    except RemoteError as error:
        raise InputError(f"the listing of {folder} cannot be read: {error.reason}.") from error
    return is_img2dataset(first)


def _is_pattern(name: str) -> bool:
    return name.endswith(".tar") and any(sign in name for sign in "*?[")


def reads_much(source: Source) -> bool:
    """Return whether listing a source reads the pictures too, or asks a store page by page: it is not done only to count them."""
    holds_pictures = isinstance(source, WebDataset) or (isinstance(source, ManifestFile) and source.holds_pictures())
    return holds_pictures or bool(scheme_of(source.location))


def require_pictures(sources: Sequence[Source]) -> None:
    """Check that each source has an entry that may be a picture; it is read no further than to the first.

    Raises
    ------
    InputError
        If one has none.
    """
    for source in sources:
        entries, first = iter(source), None
        found = False
        for entry in entries:
            found = isinstance(entry, Item)
            if found:
                break
            first = first or entry
        del entries
        if not found:
            is_named = isinstance(source, Folder | ManifestFile | RemoteFolder | WebDataset)
            name = str(source) if is_named else source.location
            told = skipped_by([source]).message()
            why = f" {first.uri or name}: {first.reason}." if isinstance(first, Rejected) else ""
            lost = " Is the address right?" if scheme_of(source.location) else " Is the disk mounted?"
            raise InputError(
                f"the source {str(name)!r} holds no pictures that can be read.{f' It has {told}' if told else ''}{why}"
                f"{'' if told or why else lost} Nothing was loaded or removed."
            )
