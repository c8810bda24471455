"""Where the pictures of a gallery are: below one or several folders that it was loaded from."""

from __future__ import annotations

import os
from collections.abc import Sequence

from milvise.errors import InputError
from milvise.ingest.follow.root import FileBelow, Root


class SourceRoots:
    """The folders that a gallery was loaded from, for pictures that stand in it: their URIs are those that were loaded.

    Raises
    ------
    InputError
        If none of them is on this machine.
    """

    def __init__(self, gallery: str, sources: Sequence[str]) -> None:
        self._roots = [Root(source) for source in sources if os.path.isdir(source)]  # noqa: PTH112
        if not self._roots:
            raise InputError(
                f"the pictures of the gallery {gallery!r} are not on this machine, and another backbone must see them all. It was loaded"
                f" from: {', '.join(sources) or 'no folder'}"
            )

    def file(self, uri: str) -> FileBelow:
        """Return the file of a picture below the first folder that has one."""
        files = [FileBelow(root.path, uri) for root in self._roots]
        return next((file for file in files if file.seen() is not None), files[0])

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
