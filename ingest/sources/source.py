"""What a source is: a stream of items that can be read more than once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol, runtime_checkable

from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.skipped import Skipped


@runtime_checkable
class Source(Protocol):
    """A stream of pictures that can be read more than once, and need not be a folder on this machine.

    Examples
    --------
    >>> from milvise.ingest.sources import BytesContent, Item
    >>> class InMemory:
    ...     location = "memory:album"
    ...
    ...     def __init__(self, files):
    ...         self.files = files
    ...
    ...     def __iter__(self):
    ...         for uri, data in self.files.items():
    ...             yield Item(uri, BytesContent(f"memory:album/{uri}", lambda data=data: data))
    >>> [item.uri for item in InMemory({"a.png": b"..."})]
    ['a.png']
    """

    @property
    def location(self) -> str:
        """What URIs are relative to: the absolute path of a folder, or another text that says where the pictures are.

        It is noted in the gallery's manifest and told in messages, so that it holds no password.
        """

    def __iter__(self) -> Iterator[Item | Rejected]:
        """Yield the entries, the same ones each time if nothing changed meanwhile."""


@runtime_checkable
class SkipsEntries(Protocol):
    """A source that can tell what its last reading skipped."""

    @property
    def skipped(self) -> Skipped:
        """What the last reading skipped."""


@runtime_checkable
class NamesOrigins(Protocol):
    """A source that lists pictures of other places than its own."""

    @property
    def origins(self) -> Collection[str]:
        """The buckets, as URLs, of the pictures that its last reading listed, as far as those of stores go."""


def origins_of(sources: Iterable[Source]) -> list[str]:
    """Return where the pictures are that sources list, beside the places of these sources."""
    named = [one for source in sources if isinstance(source, NamesOrigins) for one in source.origins]
    return sorted(set(named))


def is_elsewhere(sources: Iterable[Source]) -> bool:
    """Return whether the first picture of a source is no file on this machine, so that reading it waits more than it works."""
    for source in sources:
        first = next((entry for entry in source if isinstance(entry, Item)), None)
        if first is not None and first.content.path is None:
            return True
    return False


def skipped_by(sources: Iterable[Source]) -> Skipped:
    """Return what the last reading of these sources skipped, together."""
    together = Skipped()
    for source in sources:
        if isinstance(source, SkipsEntries):
            together.add(source.skipped)
    return together
