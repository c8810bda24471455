"""A folder that is followed: what changed in it since it was last seen becomes deliveries, as a stream would give them.

The system's notices of changes are hints of where to look. What is there decides: it is compared with what stands in the gallery, folder
by folder, and once in a while as a whole. A notice that never came, a folder that was renamed and a disk that was not mounted are all
found that way.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Lock

from milvise.errors import InputError, UnavailableError
from milvise.ingest.follow.delete_limit import DeleteLimit
from milvise.ingest.follow.event import DELETED, UPDATED, EventError, PictureEvent
from milvise.ingest.follow.folders.gone import Gone
from milvise.ingest.follow.folders.hints import Hints
from milvise.ingest.follow.folders.stored_pictures import StoredPictures
from milvise.ingest.follow.root import Root, Seen
from milvise.ingest.follow.stream import Delivery
from milvise.ingest.follow.streams.dead_letters import DeadLetters
from milvise.ingest.sources.folder import Folder, is_read
from milvise.ingest.sources.item import Item

QUIET_S = 1.0
"""A file that changed within this time may still be written to."""

_REST_S = 0.1


class WatchedFolder:
    """The changes of a folder. A picture that is not there when it is looked at is settled: what became of it is found out here.

    Parameters
    ----------
    root : Root
    stored : StoredPictures
        What the gallery has.
    dead_letters : DeadLetters
        Where pictures are reported that cannot be loaded.
    limit : DeleteLimit
        On pictures that are gone.
    every_s : float
        Seconds between two comparisons of everything.
    watch : bool
        Whether the system's notices are used; without them a comparison of everything is all there is.
    tell : callable
        Told in a sentence where notices cannot be had, or too many pictures are gone.
    held : callable
        Told how many of these are not deleted for now.

    Raises
    ------
    MissingExtraError
        If watchfiles is not installed and notices are used.
    """

    def __init__(
        self,
        root: Root,
        stored: StoredPictures,
        dead_letters: DeadLetters,
        limit: DeleteLimit,
        *,
        every_s: float,
        watch: bool = True,
        tell: Callable[[str], None] = lambda text: None,
        held: Callable[[int], None] = lambda pictures: None,
    ) -> None:
        self.name = root.path
        self.is_ended = False
        self.finds_what_is_gone = True
        self._root = root
        self._stored = stored
        self._dead_letters = dead_letters
        self._gone = Gone(root, stored, limit, tell, held)
        self._every_s = every_s
        self._began = time.time()
        self._tell = tell
        self._hints = Hints(root.path) if watch else None
        self._next_whole = 0.0
        self._found: Iterator[Delivery] = iter(())
        self._fresh: dict[str, float] = {}
        self._lock = Lock()
        self._unsettled: dict[str, float] = {}
        self._missed: list[str] = []
        self._reported: dict[str, Seen | None] = {}

    def receive(self, most: int, wait_s: float) -> list[Delivery]:
        """Return what changed; raises `UnavailableError` where the folder is not there, or empty all of a sudden."""
        try:
            found = self._received(most, wait_s)
            with self._lock:
                self._unsettled.update((one.token, time.monotonic()) for one in found)
            return found
        except UnavailableError:
            # What has changed when it is there again no hint tells.
            self._next_whole, self._found = 0.0, iter(())
            raise

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Forget that pictures could not be loaded: they are as the gallery has them, or gone."""
        gone = [one.token for one in deliveries if not self._is_there(one.token)]
        with self._lock:
            self._missed += gone
            for one in deliveries:
                self._reported.pop(one.token, None)
                self._unsettled.pop(one.token, None)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Report a picture, once for each content."""
        seen = self._root.file(delivery.token).seen()
        with self._lock:
            self._unsettled.pop(delivery.token, None)
            if self._reported.get(delivery.token, ()) == seen:
                return
            self._reported[delivery.token] = seen
        body = json.dumps({"subject": delivery.token}, ensure_ascii=False)
        self._dead_letters.add(body.encode("utf-8", "surrogateescape"), reason)

    def backlog(self) -> int | None:
        """Return how many files wait until nobody writes to them any more."""
        return len(self._fresh)

    def close(self) -> None:
        """End the watching."""
        if self._hints is not None:
            self._hints.close()

    def _received(self, most: int, wait_s: float) -> list[Delivery]:
        self._root.require_mounted()
        until = time.monotonic() + wait_s
        while True:
            found = list(islice(self._found, most)) or self._settled() or self._deleted()
            if not found:
                self._found = self._changed()
                found = list(islice(self._found, most))
            if found or time.monotonic() > until:
                return found
            time.sleep(min(_REST_S, wait_s))

    def _changed(self) -> Iterator[Delivery]:
        """Return where something changed."""
        paths = self._hinted()
        if time.monotonic() >= self._next_whole:
            self._next_whole = time.monotonic() + self._every_s
            return self._looked_at(self._everything())
        return self._looked_at(uri for path in paths for uri in self._below(path))

    def _looked_at(self, uris: Iterable[str]) -> Iterator[Delivery]:
        """Yield pictures that are to be looked at, and note those that are gone."""
        gone = []
        for uri in uris:
            try:
                seen = self._root.file(uri).seen()
            except EventError:
                # No such picture would be loaded from this folder: it came from elsewhere.
                continue
            if seen is None:
                gone.append(uri)
            elif 0 <= (age := time.time() - seen[1] / 1e9) < QUIET_S:
                self._fresh[uri] = time.monotonic() + QUIET_S - age
            else:
                # When it was changed says how fresh the gallery is, unless nobody was watching then.
                yield Delivery(uri, PictureEvent(UPDATED, uri, seen[1] / 1e9 if seen[1] / 1e9 > self._began else 0.0))
        self._root.require_mounted()
        self._gone.add(gone)

    def _hinted(self) -> list[str]:
        if self._hints is None:
            return []
        try:
            paths = self._hints.take()
        except OSError as error:
            raise UnavailableError(f"the folder {self.name} cannot be seen: {error.strerror}") from error
        if self._hints.lost:
            self._hints.lost = False
            self._next_whole = 0.0
            if self._hints.problem:
                self._tell(
                    f"The system gives no notices of changes in {self.name}: {self._hints.problem}. Everything is compared every"
                    f" {self._every_s:g} s; --poll makes that more often."
                )
        return paths

    def _below(self, uri: str) -> Iterator[str]:
        """Yield the pictures of a path, and those below it if it is a folder, or was one."""
        if any(part.startswith(".") for part in uri.split("/")):
            return
        if is_read(uri):
            yield uri
        path = Path(self._root.path, uri)
        if path.is_dir() and not path.is_symlink():
            # It may be gone by now; then the next hint says so.
            with suppress(InputError):
                yield from (f"{uri}/{entry.uri}" for entry in Folder(path) if isinstance(entry, Item))
        # Also where there is a folder: another one of this name may have been there.
        if path.is_dir() or not path.exists():
            yield from self._missing(f"{uri}/")

    def _everything(self) -> Iterator[str]:
        folder = Folder(Path(self._root.path))
        yield from (entry.uri for entry in folder if isinstance(entry, Item))
        yield from self._missing("")

    def _missing(self, prefix: str) -> Iterator[str]:
        """Yield the pictures that the gallery has below a folder and that are not there."""
        for uri in self._stored.below(prefix):
            if not self._is_there(uri):
                yield uri

    def _deleted(self) -> list[Delivery]:
        """Return the pictures that are gone for good."""
        with self._lock:
            missed, self._missed = self._missed, []
            oldest = min(self._unsettled.values(), default=None)
        self._gone.add(missed)
        return [Delivery(uri, PictureEvent(DELETED, uri)) for uri in self._gone.decided(oldest)]

    def _settled(self) -> list[Delivery]:
        """Return the files that nobody has written to for a while."""
        now = time.monotonic()
        due = [uri for uri, at in self._fresh.items() if at <= now]
        for uri in due:
            del self._fresh[uri]
        return list(self._looked_at(due)) if due else []

    def _is_there(self, uri: str) -> bool:
        return os.path.lexists(os.path.join(self._root.path, uri))  # noqa: PTH118 - there may be millions
