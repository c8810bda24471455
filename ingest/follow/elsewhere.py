"""A stored picture that is no plain file of this machine, looked at as one: another version of a gallery may need to read it again."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO

from milvise.ingest.follow.root import UNREADABLE, Seen
from milvise.ingest.sources.content import ContentState
from milvise.ingest.sources.stored_content import look_below, opened_below


@dataclass(frozen=True, slots=True)
class FileElsewhere:
    """An object of a store, a member of a tar or a row of a table, below one source of a gallery.

    Parameters
    ----------
    source : str
        An absolute path, or the URL of a bucket or a folder in it.
    uri : str
        Of the picture.
    """

    source: str
    uri: str

    @property
    def path(self) -> None:
        """None: it is no file by itself."""
        return

    def __str__(self) -> str:
        return f"{self.source}/{self.uri}"

    def opened(self) -> AbstractContextManager[tuple[IO[bytes], int]]:
        """Open it; see `milvise.ingest.sources.stored_content.opened_below`."""
        return opened_below(self.source, self.uri)

    def state(self) -> ContentState | None:
        """Return None: it is compared by its content."""
        return None

    def seen(self) -> Seen | None:
        """Return what it looks like now: size and version of the object, or of the file that holds it; None where there is none."""
        try:
            found = look_below(self.source, self.uri)
        except OSError:
            return UNREADABLE
        return None if found is None else (found.size or 0, found.version or 0, 0)
