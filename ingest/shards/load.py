"""Shards into a gallery: new collections that nobody sees, filled, indexed, counted and compared, and live only then.

    shards -> import jobs (or upserts) -> index, once -> count and sample -> the aliases move

Where it cannot be told whether a file is in twice, the new collections are dropped and filled again, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.adapter.address import without_password
from milvise.adapter.catalog import short_hash
from milvise.errors import InputError, LockedError
from milvise.gallery.pair import Pair, build_pair, publish_pair
from milvise.ingest.shards.check_load import await_shards, compare_sample, require_count
from milvise.ingest.shards.folder import ShardFolder, ShardLedger
from milvise.ingest.shards.import_files import DoubtError, ImportFailedError, ImportLedger, ImportTask, import_files
from milvise.ingest.shards.read_rows import read_ids, read_shard
from milvise.ingest.shards.staging import Staging


@dataclass(frozen=True, slots=True)
class Filled:
    """What a load did.

    Attributes
    ----------
    rows : int
        Pictures in the gallery.
    imported, inserted : int
        Shards that the server imported by itself, and shards whose rows were sent to it.
    compared : int
        Rows that were compared with the files.
    steps : dict of str to float
        Seconds of each step.
    notes : tuple of str
        What else there is to say.
    """

    rows: int
    imported: int
    inserted: int
    compared: int
    steps: dict[str, float]
    notes: tuple[str, ...] = ()


class ShardLoad:
    """One load of a folder of shards into one gallery.

    Parameters
    ----------
    manifests : sequence of Manifest
        The collections as they are to be: the joint one first, if there is one, then the visual one.
    staging : Staging, optional
        Where the server finds the files; None to send it the rows.
    append : bool
        Whether the shards are added to the gallery that is live.
    or_insert : bool
        Whether rows are sent where the server cannot read the first file.
    may_go : callable
        Whether the live gallery's picture with this id and URI may be lost where the shards lack it.
    progress : callable
        Told how many pictures are in.
    """

    def __init__(
        self,
        store: Store,
        folder: ShardFolder,
        manifests: Sequence[Manifest],
        *,
        index: IndexSpec,
        staging: Staging | None,
        append: bool = False,
        or_insert: bool = False,
        may_go: Callable[[Any], bool] = lambda row: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._manifests = manifests
        self._index = index
        self._staging = staging
        self._append = append
        self._or_insert = or_insert
        self._may_go = may_go
        self._progress = progress
        self._shards = _done_shards(folder)
        self._steps: dict[str, float] = {}
        self._notes: list[str] = []
        self._imported: set[int] = set()
        self._inserted: set[int] = set()
        self._filled_rows = 0

    def run(self, sources: Sequence[str]) -> tuple[Pair, Filled]:
        """Load; return the collections that are live then, and what was done.

        Raises
        ------
        LockedError
            If another process loads these shards into this gallery.
        StoreError
            If the server cannot import a file, or the collections do not hold afterwards what the files hold.
        InputError
            If a file is damaged, or the live gallery has pictures that the shards lack, and that may not be.
        """
        with _alone(self._ledger(self._manifests[-1]).path):
            try:
                pair = self._filled(sources)
                compared = self._checked(pair)
            except DoubtError as error:
                if self._append:
                    raise
                self._notes.append(f"The new collections were dropped and filled again: {error}")
                self._forget()
                pair = self._filled(sources)
                compared = self._checked(pair)
            with self._timed("publish"):
                rows = publish_pair(self._store, pair, self._index, may_go=self._may_go)
        steps = {name: round(seconds, 3) for name, seconds in self._steps.items()}
        return pair, Filled(rows, len(self._imported), len(self._inserted), compared, steps, tuple(self._notes))

    # -- filling ------------------------------------------------------------------------------------------------------

    def _filled(self, sources: Sequence[str]) -> Pair:
        """Return the collections with all rows in them."""
        self._require_ours()
        pair = build_pair(self._store, self._manifests, sources)
        for collection in pair.in_order:
            if collection.is_new:
                self._ledger(collection.manifest).forget()
        with self._timed("import"):
            if self._staging is None or self._store.connection.is_lite:
                self._insert(pair, list(self._shards))
            else:
                self._import(pair, self._staging)
        if self._append or self._staging is None:
            return pair
        with self._timed("index"):
            shards = [done.rows for done in self._shards.values()]
            made = [
                self._store.index_before_loading(
                    one, pair.share_of(one, self._index), rows=sum(shards), together=max(shards, default=1)
                )
                for one in pair.in_order
            ]
        return Pair(made[-1], made[0] if pair.joint is not None else None)

    def _require_ours(self) -> None:
        """Drop what another run left of collections that are not live and that this one keeps no account of."""
        if self._append:
            return
        for made in self._manifests:
            if self._store.stands(made.collection) and not self._ledger(made).entries:
                self._store.discard(made)

    def _forget(self) -> None:
        for made in self._manifests:
            self._store.discard(made)
            self._ledger(made).forget()
        self._imported.clear()
        self._inserted.clear()
        self._filled_rows = 0

    def _import(self, pair: Pair, staging: Staging) -> None:
        numbers = self._importable(pair) if self._append else list(self._shards)
        tasks = [
            ImportTask(
                one.name,
                {number: self._folder.rows(one.manifest.room, number) for number in numbers},
                self._ledger(one.manifest),
            )
            for one in pair.in_order
        ]
        try:
            import_files(self._store, tasks, staging, progress=self._tell)
        except ImportFailedError as error:
            if not self._or_insert or any(task.ledger.is_done(number) for task in tasks for number in numbers):
                raise
            self._notes.append(f"Rows were sent to the server, because {error}")
            for task in tasks:
                task.ledger.forget()
            numbers = []
        self._imported.update(numbers)
        self._insert(pair, [number for number in self._shards if number not in self._imported])

    def _importable(self, pair: Pair) -> list[int]:
        """Return the shards of which no picture stands yet: a server would take the others' a second time."""
        ledger = self._ledger(pair.visual.manifest)
        return [
            number
            for number in self._shards
            if ledger.was_asked(number) or ledger.is_done(number) or not self._stands(pair, number)
        ]

    def _stands(self, pair: Pair, number: int) -> bool:
        ids = read_ids(self._folder.rows(pair.visual.manifest.room, number))
        return any(one.get(batch, fields=["id"], own_writes=True) for batch in ids for one in pair.in_order)

    def _insert(self, pair: Pair, numbers: Sequence[int]) -> None:
        """Send the rows of shards; what stands already is replaced."""
        ledgers = [self._ledger(one.manifest) for one in pair.in_order]
        for number in numbers:
            if not all(ledger.is_done(number) for ledger in ledgers):
                for batch in read_shard(self._folder, self._shards[number], joint=pair.joint is not None):
                    pair.write(batch.rows, batch.joint)
                for ledger in ledgers:
                    ledger.note_done(number)
            self._inserted.add(number)
            self._tell(number)

    # -- checking -----------------------------------------------------------------------------------------------------

    def _checked(self, pair: Pair) -> int:
        """Count, and compare a sample with the files; return how many rows were compared."""
        with self._timed("load"):
            # A server needs seconds for each, most of which it waits.
            with ThreadPoolExecutor(len(pair.in_order)) as pool:
                list(pool.map(Collection.settle, pair.in_order))
            for collection in pair.in_order:
                if self._append:
                    await_shards(collection, self._folder, sorted(self._imported))
                else:
                    require_count(collection, sum(done.rows for done in self._shards.values()))
        with self._timed("compare"):
            return sum(compare_sample(one, self._folder, list(self._shards.values())) for one in pair.in_order)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _tell(self, number: int) -> None:
        self._filled_rows += self._shards[number].rows
        self._progress(self._filled_rows)

    def _ledger(self, manifest: Manifest) -> ImportLedger:
        place = short_hash({"milvus": without_password(self._store.connection.uri), "collection": manifest.collection})
        return ImportLedger.opened(self._folder.path / "loads" / f"{manifest.alias}-{place}.json")

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._steps[step] = self._steps.get(step, 0.0) + time.monotonic() - started


def _done_shards(folder: ShardFolder) -> dict[int, ShardLedger]:
    """Return the ledgers of all shards.

    Raises
    ------
    InputError
        If one is not done.
    """
    count = folder.manifest().shards
    found = {number: done for number in range(count) if (done := folder.ledger(number)) is not None}
    missing = [number for number in range(count) if number not in found]
    if missing:
        listed = ", ".join(map(str, missing[:10])) + (" …" if len(missing) > 10 else "")
        raise InputError(
            f"{len(missing):,} of {count:,} shards in {folder.path} are not embedded yet: {listed}\nEmbed them: milvise embed --out"
            f" {folder.path}"
        )
    return found


@contextmanager
def _alone(ledger: Path) -> Iterator[None]:
    """Let no other process of this machine load the same shards into the same gallery in the block."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                f"another process loads these shards into the same gallery.\nExpected: one at a time\nReceived: a lock on"
                f" {ledger.parent}\nWait for it to end."
            ) from None
        yield
