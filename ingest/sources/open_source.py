"""From the path that a user types to the source that it stands for, and a first look into sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from milvise.errors import InputError
from milvise.ingest.sources.folder import Folder
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.manifest_file import ManifestFile
from milvise.ingest.sources.source import Source, skipped_by


def open_source(source: str, *, labels: bool = True) -> Source:
    """Return the source that a path stands for: a folder, or a ``.csv``, ``.jsonl`` or ``.parquet`` manifest.

    Parameters
    ----------
    source : str
        The path.
    labels : bool
        Whether the folder in which a picture lies is its label.

    Raises
    ------
    InputError
        If there is nothing at the path, or it is of another kind.
    """
    path = Path(source)
    try:
        if path.is_dir():
            return Folder(path, labels=labels)
        there, is_file = path.exists(), path.is_file()
    except (OSError, ValueError) as error:
        raise InputError(f"{source!r} cannot be a source: {getattr(error, 'strerror', None) or error}") from error
    if not there:
        raise InputError(f"there is no folder or manifest at {path}.")
    if path.suffix not in (".csv", ".jsonl", ".parquet"):
        raise InputError(
            f"pictures are read from a folder, or from a manifest that ends in .csv, .jsonl or .parquet.\nReceived: {path}"
        )
    if not is_file:
        raise InputError(f"{path} is no regular file, and a manifest is one.")
    return ManifestFile(path)


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
            name = str(source) if isinstance(source, Folder | ManifestFile) else source.location
            told = skipped_by([source]).message()
            why = f" {first.uri or name}: {first.reason}." if isinstance(first, Rejected) else ""
            disk = "" if told or why else " Is the disk mounted?"
            raise InputError(
                f"the source {str(name)!r} holds no pictures that can be read.{f' It has {told}' if told else ''}{why}{disk}"
                " Nothing was loaded or removed."
            )
