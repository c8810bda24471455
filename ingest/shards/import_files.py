"""The files of shards into one collection by bulk import, each once: what was asked for is noted before and after, in a ledger on disk.

A run that was killed finds in the ledger which files it asked for, and at the server which jobs there are. Where the two leave a doubt,
the caller starts again with an empty collection.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.adapter import Store
from milvise.adapter.bulk_import import BulkImport, ImportJob
from milvise.errors import InputError, StoreError
from milvise.ingest.shards.folder import write_json
from milvise.ingest.shards.staging import Staging

_AT_ONCE = 4
"""Files that the server has at a time: each goes to one of its nodes."""

_LOOK_S = 0.5
_ASKED, _DONE = "asked", "done"


class ImportFailedError(StoreError):
    """The server could not import a file; nothing of it is kept."""


class DoubtError(StoreError):
    """It cannot be told which files the collection holds once."""


@dataclass(slots=True)
class ImportLedger:
    """Which files one collection was asked to take.

    Attributes
    ----------
    path : Path
        Where it is kept.
    entries : dict of str to dict
        By the shard's number: ``job``, the server's number for it, and ``state``.
    """

    path: Path
    entries: dict[str, dict[str, Any]]

    @classmethod
    def opened(cls, path: Path) -> ImportLedger:
        """Read the ledger, empty where there is none."""
        try:
            return cls(path, dict(json.loads(path.read_text("utf-8"))))
        except FileNotFoundError:
            return cls(path, {})
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path} is damaged: {error}. Remove it; what it tells of is imported anew.") from error

    def note(self, number: int, state: str, job: int | None = None) -> None:
        """Note how far a shard is."""
        self.entries[str(number)] = {"state": state, "job": job}
        write_json(self.path, self.entries)

    def note_done(self, number: int) -> None:
        """Note that all rows of a shard are in the collection."""
        self.note(number, _DONE, self.job(number))

    def is_done(self, number: int) -> bool:
        """Return whether all rows of a shard are in the collection."""
        return bool(self.entries.get(str(number), {}).get("state") == _DONE)

    def was_asked(self, number: int) -> bool:
        """Return whether a shard was asked for, and it is not known that it is in."""
        return bool(self.entries.get(str(number), {}).get("state") == _ASKED)

    def job(self, number: int) -> int | None:
        """Return the server's number for a shard, None where its answer was not noted."""
        found = self.entries.get(str(number), {}).get("job")
        return None if found is None else int(found)

    def forget(self) -> None:
        """Start again."""
        self.entries = {}
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ImportTask:
    """The files that one collection is to take, by the shard's number, and the account of them."""

    collection: str
    files: Mapping[int, Path]
    ledger: ImportLedger


def import_files(
    store: Store,
    tasks: Sequence[ImportTask],
    staging: Staging,
    *,
    progress: Callable[[int], None] = lambda number: None,
) -> None:
    """Have the server import files; it returns when all of them are in.

    Parameters
    ----------
    progress : callable
        Told the number of each shard that is in all collections.

    Raises
    ------
    ImportFailedError
        If the server could not import one.
    DoubtError
        If a file may be there twice.
    """
    runs = [_Run(BulkImport(store.connection), task, staging) for task in tasks]
    told: set[int] = set()
    while not all(run.is_over for run in runs):
        for run in runs:
            run.go_on(_AT_ONCE)
        done = set.intersection(*(run.done for run in runs))
        for number in sorted(done - told):
            progress(number)
        told |= done
        if not all(run.is_over for run in runs):
            time.sleep(_LOOK_S)
    for run in runs:
        run.require_once()


class _Run:
    """The import of one collection's files."""

    def __init__(self, bulk: BulkImport, task: ImportTask, staging: Staging) -> None:
        self._bulk = bulk
        self._task = task
        self._staging = staging
        self._places = {number: staging.place(path) for number, path in task.files.items()}
        self.done = {number for number in task.files if task.ledger.is_done(number)}
        self._failed: set[int] = set()
        known = _known(bulk.jobs(task.collection), self._places)
        asked = {
            number: task.ledger.job(number) or known.get(number) for number in task.files if number not in self.done
        }
        self._running = {number: job for number, job in asked.items() if job is not None}
        self._waiting = [number for number, job in asked.items() if job is None]

    @property
    def is_over(self) -> bool:
        """Whether all files are in."""
        return not self._waiting and not self._running

    def go_on(self, at_once: int) -> None:
        """Note which jobs ended, and ask for others so that so many are under way."""
        for number in self._ended():
            del self._running[number]
            self._task.ledger.note_done(number)
            self._staging.drop(self._task.files[number])
            self.done.add(number)
        while self._waiting and len(self._running) < at_once:
            number = self._waiting.pop(0)
            self._running[number] = self._ask(number)

    def require_once(self) -> None:
        """Check that no file was asked for twice."""
        asked = Counter(job.files for job in self._bulk.jobs(self._task.collection) if not job.is_failed)
        if twice := [place for place in self._places.values() if asked[place] > 1]:
            raise DoubtError(f"the server was asked twice to import {twice[0]}, because its first answer was lost.")

    def _ask(self, number: int) -> int:
        self._staging.bring(self._task.files[number])
        self._task.ledger.note(number, _ASKED)
        job = self._bulk.ask(self._task.collection, self._places[number])
        self._task.ledger.note(number, _ASKED, job)
        return job

    def _ended(self) -> list[int]:
        ended = []
        for number, asked in self._running.items():
            job = self._bulk.job(asked)
            if job.is_done:
                ended.append(number)
            elif job.is_failed and number in self._failed:
                why = job.reason or "it does not say why"
                raise ImportFailedError(f"the server could not import {self._places[number]}: {why}")
            elif job.is_failed:
                # A server that was started again gives up what it was at.
                self._failed.add(number)
                self._running[number] = self._ask(number)
        return ended


def _known(jobs: Sequence[ImportJob], places: Mapping[int, str]) -> dict[int, int]:
    """Return the jobs that the server has for these files and that did not fail, by the shard's number."""
    by_file = {job.files: job.number for job in jobs if not job.is_failed}
    return {number: by_file[place] for number, place in places.items() if place in by_file}
