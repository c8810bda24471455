"""Where pictures come from: folders and manifests, read as lazy streams."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from milvise.embeddings.pictures.decode import extensions
from milvise.errors import InputError
from milvise.ingest.unseen import Unseen, looks_like_a_picture


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to load.

    Attributes
    ----------
    uri : str
        Relative to the source: what identifies the picture in a gallery.
    path : Path
        Where the file is.
    """

    uri: str
    path: Path
    label: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry of a source that cannot be used, and why; its URI is empty where even that cannot be told."""

    uri: str
    reason: str


class Source(Protocol):
    """A stream of pictures that can be read more than once.

    It may have an attribute ``unseen``, what its last reading passed over.

    Attributes
    ----------
    root : Path
        The folder that URIs are relative to.
    """

    root: Path

    def __iter__(self) -> Iterator[Item | Rejected]: ...


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
    from milvise.ingest.manifests import Table

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
    return Table(path)


def unseen_of(sources: Sequence[Source]) -> Unseen:
    """Return what the last reading of these sources passed over."""
    together = Unseen()
    for source in sources:
        together.add(getattr(source, "unseen", Unseen()))
    return together


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
            name = getattr(source, "path", source.root)
            told = unseen_of([source]).told()
            why = f" {first.uri or name}: {first.reason}." if isinstance(first, Rejected) else ""
            disk = "" if told or why else " Is the disk mounted?"
            raise InputError(
                f"the source {str(name)!r} holds no pictures that can be read.{f' It has {told}' if told else ''}{why}{disk}"
                " Nothing was loaded or removed."
            )


class Folder:
    """The pictures in a folder and the folders in it; hidden files and other kinds of files are passed over.

    Attributes
    ----------
    unseen : Unseen
        What the last reading passed over.
    """

    def __init__(self, root: Path, *, labels: bool = True) -> None:
        self.root = self.path = root
        self.unseen = Unseen()
        self._labels = labels
        self._extensions = extensions()

    def __iter__(self) -> Iterator[Item | Rejected]:
        self.unseen = Unseen()
        # Not by recursion: folders may lie deeper than Python's stack.
        waiting: list[tuple[Path, tuple[str, ...]]] = [(self.root, ())]
        while waiting:
            folder, parts = waiting.pop()
            folders: list[str] = []
            yield from self._entries(folder, parts, folders)
            waiting += [(folder / name, (*parts, name)) for name in sorted(folders, reverse=True)]

    def _entries(self, folder: Path, parts: tuple[str, ...], folders: list[str]) -> Iterator[Item | Rejected]:
        listed = False
        try:
            with os.scandir(folder) as entries:
                listed = True
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif not self._is_passed_over(entry, parts):
                        label = parts[-1] if parts and self._labels else ""
                        yield Item("/".join((*parts, entry.name)), folder / entry.name, label)
        except OSError as error:
            reason = f"the folder cannot be read: {error.strerror or error}"
            if not parts and not listed:
                raise InputError(f"{self.root}: {reason}") from error
            # It may be back in a moment, with everything in it.
            self.unseen.hide("/".join((*parts, "")))
            yield Rejected("/".join(parts), reason)

    def _is_passed_over(self, entry: os.DirEntry[str], parts: tuple[str, ...]) -> bool:
        extension = "." + entry.name.rpartition(".")[2].lower()
        if entry.is_symlink():
            if _leads_to_a_folder(entry):
                self.unseen.links_passed_over += 1
                self.unseen.hide("/".join((*parts, entry.name, "")))
                return True
            if extension not in self._extensions:
                # Perhaps to a folder on a disk that is not mounted.
                self.unseen.hide("/".join((*parts, entry.name, "")))
        if extension in self._extensions:
            return False
        if "." in entry.name and looks_like_a_picture(extension):
            self.unseen.passed_over[extension] += 1
        return True


def _leads_to_a_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
