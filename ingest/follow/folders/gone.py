"""Pictures that are gone from a folder: moved, lost, or not there because a disk is not mounted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from milvise.ingest.follow.delete_limit import DeleteLimit
from milvise.ingest.follow.folders.stored_pictures import StoredPictures
from milvise.ingest.follow.root import Root

WAIT_S = 3.0
"""How long a picture is looked for under another name, before it counts as lost."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


class Gone:
    """Pictures of a gallery that are not where they were, until it is known what became of them.

    One whose content stands under another URI was moved. All others are lost, and only so many may be at once.

    Parameters
    ----------
    root : Root
    stored : StoredPictures
    limit : DeleteLimit
        On those that are lost.
    tell : callable
        Told in a sentence where too many are.
    held : callable
        Told how many these are.
    """

    def __init__(
        self,
        root: Root,
        stored: StoredPictures,
        limit: DeleteLimit,
        tell: Callable[[str], None],
        held: Callable[[int], None],
    ) -> None:
        self._root = root
        self._stored = stored
        self._limit = limit
        self._tell = tell
        self._held = held
        self._since: dict[str, float] = {}
        self._next = 0.0
        self._pause = _FIRST_PAUSE_S

    def __len__(self) -> int:
        """How many are not decided yet."""
        return len(self._since)

    def add(self, uris: Iterable[str]) -> None:
        """Note pictures that are not there."""
        now = time.monotonic()
        for uri in uris:
            if uri not in self._since:
                self._since[uri] = now
                self._next, self._pause = min(self._next, now), _FIRST_PAUSE_S

    def decided(self, oldest: float | None) -> list[str]:
        """Return the pictures that are to be deleted; those that are there again are forgotten.

        Parameters
        ----------
        oldest : float, optional
            When the oldest picture was found that is not settled yet: it may be one that was moved.
        """
        now = time.monotonic()
        if not self._since or now < self._next:
            return []
        self._root.require_mounted()
        contents = self._stored.contents([uri for uri in self._since if not self._is_there(uri)])
        self._since = {uri: since for uri, since in self._since.items() if uri in contents}
        places: dict[str, str] = {}
        for uri, digest in self._stored.with_content(contents.values()):
            if uri not in contents and digest not in places and self._is_there(uri):
                places[digest] = uri
        moved = [uri for uri, digest in contents.items() if digest in places]
        before = min(now, now if oldest is None else oldest) - WAIT_S
        lost = [uri for uri in contents if contents[uri] not in places and self._since[uri] <= before]
        if lost and not self._limit.allows(len(lost)):
            self._held(len(lost))
            self._tell(
                f"{len(lost):,} pictures are gone from {self._root.path}, which is more than may go within a minute. They stay in the"
                " gallery. If a disk is not mounted, mount it. If they are meant to go, start again with a greater --max-delete."
            )
            lost = []
        for uri in (*moved, *lost):
            del self._since[uri]
        self._next, self._pause = now + self._pause, min(2 * self._pause, _LONGEST_PAUSE_S)
        return [*moved, *lost]

    def _is_there(self, uri: str) -> bool:
        return os.path.lexists(os.path.join(self._root.path, uri))  # noqa: PTH118 - there may be many
