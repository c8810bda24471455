"""Where the pictures of a gallery are: below one or several folders, here or in a store, that it was loaded from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from milvise.errors import InputError
from milvise.ingest.follow.elsewhere import FileElsewhere
from milvise.ingest.follow.root import FileBelow, Looked, Root
from milvise.ingest.sources.remote.url import STORES, scheme_of
from milvise.ingest.sources.stored_content import may_be_elsewhere


class SourceRoots:
    """The folders that a gallery was loaded from, for pictures that stand in it: their URIs are those that were loaded.

    Raises
    ------
    InputError
        If none of them is on this machine or in a store.
    """

    def __init__(self, gallery: str, sources: Sequence[str]) -> None:
        self._roots = [Root(source) for source in sources if os.path.isdir(source)]  # noqa: PTH112
        self._stores = [source for source in sources if scheme_of(source) in STORES]
        if not self._roots and not self._stores:
            raise InputError(
                f"the pictures of the gallery {gallery!r} are not on this machine, and another backbone must see them all. It was loaded"
                f" from: {', '.join(sources) or 'no folder'}"
            )

    def file(self, uri: str) -> Looked:
        """Return the file of a picture below the first folder that has one."""
        files = list(self._files(uri))
        # Looking is a request where the only one is in a store, and is done soon anyway.
        return files[0] if len(files) == 1 else next((file for file in files if file.seen() is not None), files[0])

    def _files(self, uri: str) -> Iterator[Looked]:
        for root in self._roots:
            yield FileBelow(root.path, uri)
            if may_be_elsewhere((), uri):
                yield FileElsewhere(root.path, uri)
        for store in self._stores:
            yield FileElsewhere(store, uri)

    def require_there(self) -> None:
        """Check that the folders are there; raises `UnavailableError`."""
        for root in self._roots:
            root.require_there()

    def require_mounted(self) -> None:
        """Check that the folders hold something; raises `UnavailableError`."""
        for root in self._roots:
            root.require_mounted()

    def label(self, uri: str) -> str:  # noqa: ARG002 - of none
        """Return no label: the gallery has one."""
        return ""
