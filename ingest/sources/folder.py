"""A folder of pictures, with the folders in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from milvise.embeddings.pictures.decode import extensions
from milvise.errors import InputError
from milvise.ingest.sources.content import LocalFile
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.skipped import Skipped, looks_like_a_picture


class Folder:
    """The pictures in a folder and the folders in it; hidden files and other kinds of files are passed over.

    Attributes
    ----------
    skipped : Skipped
        What the last reading passed over.
    """

    def __init__(self, root: Path, *, labels: bool = True) -> None:
        self.root = root
        self.skipped = Skipped()
        self._labels = labels
        self._extensions = extensions()

    def __str__(self) -> str:
        return str(self.root)

    @property
    def location(self) -> str:
        """The absolute path."""
        return str(self.root.resolve())

    def __iter__(self) -> Iterator[Item | Rejected]:
        self.skipped = Skipped()
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
                        yield Item("/".join((*parts, entry.name)), LocalFile(folder / entry.name), label)
        except OSError as error:
            reason = f"the folder cannot be read: {error.strerror or error}"
            if not parts and not listed:
                raise InputError(f"{self.root}: {reason}") from error
            # It may be back in a moment, with everything in it.
            self.skipped.hide("/".join((*parts, "")))
            yield Rejected("/".join(parts), reason)

    def _is_passed_over(self, entry: os.DirEntry[str], parts: tuple[str, ...]) -> bool:
        extension = extension_of(entry.name)
        if entry.is_symlink():
            if _leads_to_a_folder(entry):
                self.skipped.links_passed_over += 1
                self.skipped.hide("/".join((*parts, entry.name, "")))
                return True
            if extension not in self._extensions:
                # Perhaps to a folder on a disk that is not mounted.
                self.skipped.hide("/".join((*parts, entry.name, "")))
        if extension in self._extensions:
            return False
        if "." in entry.name and looks_like_a_picture(extension):
            self.skipped.passed_over[extension] += 1
        return True


def is_read(uri: str) -> bool:
    """Return whether a picture with this URI would be read: neither it nor a folder above it is hidden, and its format is one of those."""
    parts = uri.split("/")
    return not any(part.startswith(".") for part in parts) and extension_of(parts[-1]) in _extensions()


_extensions = cache(extensions)


def extension_of(name: str) -> str:
    """Return the extension of a file's name, lower-case, with its dot."""
    return "." + name.rpartition(".")[2].lower()


def _leads_to_a_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
