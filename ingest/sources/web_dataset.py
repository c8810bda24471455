"""Tars of pictures as WebDataset has them, and as img2dataset writes them: read from beginning to end, never unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from milvise.errors import InputError
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.byte_range import ByteRange
from milvise.ingest.sources.held_bytes import held
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.failures import RemoteError
from milvise.ingest.sources.skipped import Skipped
from milvise.ingest.sources.tar_index import MOST_KEPT, note
from milvise.ingest.sources.tar_members import Member
from milvise.ingest.sources.tar_samples import Sample, samples

_MOST_HELD = 2**20
"""A larger member of a tar elsewhere is read again when it is needed."""


class WebDataset:
    """The pictures in tars. A picture's URI is the name of its tar and its name in it, such as ``00000.tar/000000017.jpg``.

    Parameters
    ----------
    location : str
        The folder in which the tars lie: an absolute path or a URL.
    tars : callable
        Returns them, the same ones in the same order each time.

    Attributes
    ----------
    skipped : Skipped
        What the last reading could not see.
    """

    def __init__(self, location: str, tars: Callable[[], Iterable[FileAnywhere]]) -> None:
        self.location = location
        self.skipped = Skipped()
        self._tars = tars

    def __str__(self) -> str:
        return self.location

    def __iter__(self) -> Iterator[Item | Rejected]:
        self.skipped = Skipped()
        try:
            for tar in self._tars():
                yield from self._entries(tar)
        except RemoteError as error:
            raise InputError(f"the tars of {self.location} cannot be listed: {error}. Nothing was removed.") from error

    def _entries(self, tar: FileAnywhere) -> Iterator[Item | Rejected]:
        try:
            found = tar.look()
            with tar.opened(found.size) as file:
                yield from _TarReading(tar, found, file)
        except OSError as error:
            # What stood in it may still be there.
            self.skipped.hide(f"{tar.name}/")
            yield Rejected(tar.name, f"the tar cannot be read on: {error.strerror or error}")


class _TarReading:
    """One reading of one tar."""

    def __init__(self, tar: FileAnywhere, found: stores.Entry, file: IO[bytes]) -> None:
        self._tar = tar
        self._found = found
        self._file = file
        self._index: dict[str, tuple[int, int]] = {}

    def __iter__(self) -> Iterator[Item | Rejected]:
        assert self._found.size is not None
        for sample in samples(self._file, self._found.size):
            yield from self._pictures(sample)
        note(self._tar, self._found, self._index)

    def _pictures(self, sample: Sample) -> Iterator[Item | Rejected]:
        for member in sample.pictures:
            uri = f"{self._tar.name}/{member.name}"
            problem = member.problem or sample.problem
            if not problem:
                try:
                    label, meta = sample.said()
                except ValueError as error:
                    problem = str(error)
            if problem:
                yield Rejected(uri, problem)
            else:
                if len(self._index) <= MOST_KEPT:
                    self._index[member.name] = (member.start, member.length)
                yield Item(uri, self._content(member), label, meta)

    def _content(self, member: Member) -> ByteRange:
        come_along = None
        if self._tar.is_remote and 0 < member.length <= _MOST_HELD:
            # It was read with the headers around it: asking for it again would double what is transferred.
            self._file.seek(member.start)
            come_along = held(self._file.read(member.length))
        return ByteRange(self._tar, member.start, member.length, self._found.version, come_along)


def one_tar(tar: FileAnywhere) -> WebDataset:
    """Return the source that one tar is."""
    return WebDataset(tar.folder, lambda: [tar])


def tars_here(folder: Path, pattern: str = "*.tar") -> WebDataset:
    """Return the source that the tars in a folder of this machine are."""

    def tars() -> Iterator[FileAnywhere]:
        for path in sorted(folder.iterdir()):
            if fnmatchcase(path.name, pattern) and not path.name.startswith(".") and path.is_file():
                yield FileAnywhere(str(path))

    return WebDataset(str(folder.resolve()), tars)


def tars_there(folder: str, pattern: str = "*.tar") -> WebDataset:
    """Return the source that the tars in a folder of a store are."""

    def tars() -> Iterator[FileAnywhere]:
        for entry in stores.listing(folder):
            name = entry.url.removeprefix(f"{folder}/")
            if "/" not in name and fnmatchcase(name, pattern) and not name.startswith("."):
                yield FileAnywhere(entry.url)

    return WebDataset(folder, tars)


def is_img2dataset(names: Iterable[str]) -> bool:
    """Return whether files with these names, in one folder, are what img2dataset writes: tars, each with its figures or its table beside it."""
    there = set(names)
    return any(name.endswith(".tar") and {f"{name[:-4]}_stats.json", f"{name[:-4]}.parquet"} & there for name in there)
