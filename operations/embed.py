"""Shards that are planned, embedded part by part, without Milvus."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from milvise.errors import InputError, UsageError
from milvise.ingest.shards.embed_shard import ShardDone, ShardWorker
from milvise.ingest.shards.folder import ShardFolder, ShardsManifest
from milvise.ingest.shards.processes import WorkerOptions, run_in_processes
from milvise.ingest.shards.progress import ShardsDone, ShardsProgress
from milvise.ingest.shards.ray_tasks import run_on_ray
from milvise.ingest.shards.schedule import Schedule
from milvise.operations.checks import require_count
from milvise.operations.images import (
    MOST_AT_ONCE,
)
from milvise.operations.progress import Count, Progress, silent

PROCESSES, RAY = "processes", "ray"


@dataclass(frozen=True, slots=True)
class EmbedShards:
    """Which shards of a folder are to be embedded, and where.

    Attributes
    ----------
    on : str
        ``processes``, ``ray`` for the cluster that this machine belongs to, or the ``ray://`` address of one.
    workers : int, optional
        How many shards are under way at a time; by default one for each four cores.
    shard : int, optional
        This one alone, in this process.
    only_failed : bool
        Those alone that failed, or hold pictures that could not be read.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    out: Path
    on: str = PROCESSES
    workers: int | None = None
    shard: int | None = None
    only_failed: bool = False
    batch_size: int | None = None
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.on not in (PROCESSES, RAY) and not self.on.startswith("ray://"):
            raise UsageError(
                f"shards are embedded in processes of this machine, or on a Ray cluster.\nExpected: {PROCESSES}, {RAY} or"
                f" ray://HOST:PORT\nReceived: {self.on}"
            )
        require_count("workers", self.workers, 1, 10_000)
        require_count("shard", self.shard, 0)
        require_count("batch_size", self.batch_size, 1, MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Embedded:
    """What embedding came to.

    Attributes
    ----------
    out : str
        The folder of shards.
    shards, done : int
        How many there are, and how many are embedded.
    pictures : int
        Pictures that are listed.
    rows, quarantined : int
        Of the shards that are embedded: pictures with vectors, and pictures that could not be read.
    rejected : int
        Entries of the sources that were not listed.
    embedded : int
        Pictures that this run gave vectors.
    failed : mapping of int to str
        Why shards could not be embedded.
    """

    out: str
    shards: int
    done: int
    pictures: int
    rows: int
    quarantined: int
    rejected: int
    embedded: int
    seconds: float
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def images_per_second(self) -> float:
        """Pictures that this run embedded for each second of it."""
        return round(self.embedded / self.seconds, 2) if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "out": self.out, "shards": self.shards, "done": self.done, "pictures": self.pictures, "rows": self.rows,
            "quarantined": self.quarantined, "rejected": self.rejected, "embedded": self.embedded,
            "failed": {str(number): reason for number, reason in self.failed.items()}, "seconds": round(self.seconds, 3),
            "images_per_second": self.images_per_second,
        }  # fmt: skip


def embed_shards(request: EmbedShards, progress: Progress = silent) -> Embedded:
    """Embed the shards of a folder that are not embedded yet.

    Raises
    ------
    InputError
        If the folder is not planned, or there is no such shard.
    MissingExtraError, MissingEncoderError, ModelError, FingerprintError
        If what embeds them cannot be loaded on this machine.
    UnavailableError
        If the Ray cluster cannot be reached.
    """
    started = time.monotonic()
    folder = ShardFolder(request.out)
    manifest = folder.manifest()
    if request.shard is not None and request.shard >= manifest.shards:
        raise InputError(
            f"{request.out} has no shard {request.shard}.\nExpected: 0 to {manifest.shards - 1}\nReceived: {request.shard}"
        )
    todo = [number for number in _asked_for(request, manifest) if _is_to_do(folder, number, request)]
    here = _embed_here if request.shard is not None else _embed
    schedule, embedded = here(folder, manifest, todo, request, progress)
    for number, reason in schedule.failed.items():
        folder.note_failed(number, reason)
    ledgers = [done for number in range(manifest.shards) if (done := folder.ledger(number)) is not None]
    return Embedded(
        str(request.out), manifest.shards, len(ledgers), manifest.pictures, sum(one.rows for one in ledgers),
        sum(one.quarantined for one in ledgers), manifest.rejected, embedded, time.monotonic() - started, schedule.failed,
    )  # fmt: skip


def _asked_for(request: EmbedShards, manifest: ShardsManifest) -> list[int]:
    return list(range(manifest.shards)) if request.shard is None else [request.shard]


def _is_to_do(folder: ShardFolder, number: int, request: EmbedShards) -> bool:
    done = folder.ledger(number)
    if request.only_failed:
        return folder.failure(number) is not None if done is None else done.quarantined > 0
    return done is None


def _embed_here(
    folder: ShardFolder, manifest: ShardsManifest, todo: list[int], request: EmbedShards, progress: Progress
) -> tuple[Schedule, int]:
    """Embed one shard in this process."""
    schedule, embedded = Schedule(todo), 0
    total = min(manifest.shard_rows, manifest.pictures)
    with closing(ShardWorker(folder, engine=request.engine, batch_size=request.batch_size)) as worker:
        while (number := schedule.start(time.monotonic())) is not None:

            def tell(done: ShardDone) -> None:
                progress(Count("pictures", done.embedded + done.quarantined, total, done.embedded))

            embedded += worker.embed(number, tell).rows
            schedule.done(number, time.monotonic())
    return schedule, embedded


def _embed(
    folder: ShardFolder, manifest: ShardsManifest, todo: list[int], request: EmbedShards, progress: Progress
) -> tuple[Schedule, int]:
    """Embed shards in other processes, here or on a cluster."""
    if not todo:
        return Schedule(()), 0
    last = ShardsDone()
    tell = _counted(manifest, len(todo), progress)

    def told(now: ShardsDone) -> None:
        nonlocal last
        last = now
        tell(now)

    options = WorkerOptions(request.engine, request.batch_size, request.workers)
    shared = ShardsProgress(told)
    if request.on == PROCESSES:
        schedule = run_in_processes(folder, todo, options, shared)
    else:
        schedule = run_on_ray(folder, todo, options, shared, address=None if request.on == RAY else request.on)
    return schedule, last.embedded


def _counted(manifest: ShardsManifest, todo: int, progress: Progress) -> Callable[[ShardsDone], None]:
    """Return the function that tells how many of the pictures of these shards are done."""
    total = min(manifest.pictures, todo * manifest.shard_rows)
    return lambda now: progress(Count("pictures", min(total, now.embedded + now.quarantined), total, now.embedded))
