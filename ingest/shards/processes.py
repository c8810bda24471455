"""Shards in processes on this machine, each of which makes one after the other; one that is lost is replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Condition, Thread
from typing import IO

from milvise.ingest.shards.embed_shard import ShardDone
from milvise.ingest.shards.folder import ShardFolder
from milvise.ingest.shards.progress import ShardsProgress
from milvise.ingest.shards.schedule import Schedule

_TELL_S = 0.2
_LOOK_S = 1.0
_END_S = 5.0
CORES_PER_WORKER = 4
"""One process keeps about so many cores busy: what it does in Python itself runs on one of them."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How each worker runs.

    Attributes
    ----------
    workers : int, optional
        How many; by default one for each four cores.
    """

    engine: str = "auto"
    batch_size: int | None = None
    workers: int | None = None


def run_in_processes(
    folder: ShardFolder, todo: Iterable[int], options: WorkerOptions, progress: ShardsProgress
) -> Schedule:
    """Make shards, and return what came of them. Ctrl-C ends the workers; what they finished stays.

    Parameters
    ----------
    todo : iterable of int
        The shards that are to be made.
    """
    cores = _cores()
    count = options.workers or max(1, len(cores) // CORES_PER_WORKER)
    schedule = Schedule(todo)
    changed = Condition()
    crew = [_Worker(folder, options, cores[number::count], schedule, changed, progress) for number in range(count)]
    try:
        for worker in crew:
            worker.start()
        # Not until all are idle: of two that make the same slow shard, one is no longer needed.
        while any(worker.is_alive() for worker in crew) and not schedule.is_over:
            progress.tell()
            time.sleep(_TELL_S)
        progress.tell()
    finally:
        for worker in crew:
            worker.end()
        folder.remove_leftovers()
    for worker in crew:
        if worker.error is not None:
            raise worker.error
    return schedule


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class _Worker:
    """A thread that keeps one process, and starts another one when it is lost."""

    def __init__(
        self,
        folder: ShardFolder,
        options: WorkerOptions,
        cores: list[int],
        schedule: Schedule,
        changed: Condition,
        progress: ShardsProgress,
    ) -> None:
        self.error: Exception | None = None
        self._thread = Thread(target=self._run, name="milvise-shards", daemon=True)
        self._arguments = [
            str(folder.path), options.engine, str(options.batch_size or ""), ",".join(map(str, cores)),
        ]  # fmt: skip
        self._schedule = schedule
        self._changed = changed
        self._progress = progress
        self._process: subprocess.Popen[str] | None = None
        self._over = False

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Return whether it goes on."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (number := self._next()) is not None:
                self._make(number)
        except Exception as error:  # whatever starting a process raises
            self.error = error
        finally:
            self._stop()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._over = True
        with self._changed:
            self._changed.notify_all()
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
        self._thread.join(_END_S)

    def _next(self) -> int | None:
        """Return the shard that is to be made next; it waits while others are under way that may get lost."""
        with self._changed:
            while not self._over and not self._schedule.is_over:
                number = self._schedule.start(time.monotonic())
                if number is not None:
                    return number
                self._changed.wait(_LOOK_S)
        return None

    def _make(self, number: int) -> None:
        answer = self._ask(number)
        with self._changed:
            match answer:
                case {"kind": "done", "embedded": int(embedded), "quarantined": int(quarantined)}:
                    self._schedule.done(number, time.monotonic())
                    self._progress.done(number, ShardDone(embedded, quarantined))
                case {"kind": "failed", "reason": str(reason)}:
                    self._schedule.fail(number, reason)
                    self._progress.lost(number)
                case _:
                    self._schedule.lose(number, f"its process ended with {self._stop()}")
                    self._progress.lost(number)
            self._changed.notify_all()

    def _ask(self, number: int) -> dict[str, object] | None:
        """Have the process make a shard; return its last answer, None if it was lost."""
        process = self._started()
        ask, answers = _piped(process.stdin), _piped(process.stdout)
        try:
            print(number, file=ask, flush=True)
            for line in answers:
                answer: dict[str, object] = json.loads(line)
                if answer["kind"] != "progress":
                    return answer
                self._progress.under_way(
                    number, ShardDone(int(str(answer["embedded"])), int(str(answer["quarantined"])))
                )
        except (OSError, ValueError):
            return None
        return None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, and a module of ours
                [sys.executable, "-m", "milvise.ingest.shards.worker", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
        return self._process

    def _stop(self) -> int | None:
        """Have the process end; return how it did."""
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            try:
                _piped(pipe).close()
            except OSError:
                continue
        try:
            return process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _piped(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
