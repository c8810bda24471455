"""Pictures into shards: listed once, planned with what stands in Milvus, then embedded part by part, without Milvus."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from milvise.core.config import DEFAULT_GALLERY
from milvise.embeddings.registry import load_encoder
from milvise.errors import InputError, UsageError
from milvise.gallery.names import WORDS_ALIAS
from milvise.gallery.plan import make_recipe, plan_for
from milvise.ingest.shards.embed_shard import ShardDone, ShardWorker
from milvise.ingest.shards.folder import SHARD_ROWS, ShardFolder, ShardsManifest
from milvise.ingest.shards.listing import write_listing
from milvise.ingest.shards.models import class_words, keep_models
from milvise.ingest.shards.processes import WorkerOptions, run_in_processes
from milvise.ingest.shards.progress import ShardsDone, ShardsProgress
from milvise.ingest.shards.ray_tasks import run_on_ray
from milvise.ingest.shards.schedule import Schedule
from milvise.ingest.sources import require_pictures
from milvise.ingest.sources.source import is_elsewhere, origins_of
from milvise.operations.checks import require_count, require_known
from milvise.operations.images import (
    LABELS,
    MOST_AT_ONCE,
    SourceLike,
    absolute,
    open_sources,
    require_partition,
    require_sources,
)
from milvise.operations.progress import Count, Progress, notes, silent
from milvise.queries.database import Database

MOST_ROWS = 1_000_000
PROCESSES, RAY = "processes", "ray"


@dataclass(frozen=True, slots=True)
class PlanShards:
    """Which pictures are to be embedded, and with what; `milvise.operations.database.Database.embed` says what each value means.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    sources: tuple[SourceLike, ...]
    out: Path
    gallery: str = DEFAULT_GALLERY
    encoder: str | None = None
    backbone: str | None = None
    weights: Path | None = None
    classes: Path | None = None
    head: str | None = None
    labels: str = "folder"
    rows: int = SHARD_ROWS
    partition: str | None = None
    engine: str = "auto"

    def __post_init__(self) -> None:
        require_partition(self.partition)
        require_known("kind of labels", self.labels, LABELS)
        require_count("rows", self.rows, 1, MOST_ROWS)
        require_sources(self.sources)


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


def is_planned(out: Path) -> bool:
    """Return whether the pictures of a folder of shards are listed."""
    return ShardFolder(out).is_prepared()


def plan_shards(db: Database, request: PlanShards, progress: Progress = silent) -> ShardsManifest:
    """List the pictures and keep what embeds them; a folder in which this is done already stays as it is.

    Raises
    ------
    UsageError
        If the folder lists other pictures, or was planned with another encoder.
    InputError
        If a source is not there or has no picture, or the folder cannot be written.
    NotFoundError, ModelError, FingerprintError, MissingEncoderError
        As `Database.ingest_images`.
    """
    folder = ShardFolder(request.out)
    sources = open_sources(request.sources, labels=request.labels == "folder")
    locations = tuple(source.location for source in sources)
    if folder.is_prepared():
        return _same_plan(folder, request, locations)
    _require_empty(folder)
    require_pictures(sources)
    backbone = request.backbone and absolute(request.backbone)
    recipe = make_recipe(db.store, request.gallery, backbone, request.weights, request.encoder)
    note = notes(progress)
    note(f"Building {recipe.get('backbone') or recipe['encoder']} …")
    with closing(load_encoder(recipe, engine=request.engine)) as encoder:
        plan = plan_for(
            db.store,
            encoder,
            gallery=request.gallery,
            head=request.head,
            recipe=recipe,
            names=request.classes,
            partition=request.partition,
        )
        live_words = db.store.live(WORDS_ALIAS)
        words = {} if live_words is None else live_words.vectors(class_words(plan))
        keep_models(plan, words, folder)
    note("Listing the pictures …")
    listed = write_listing(sources, folder, shard_rows=request.rows)
    told = (f"Passed over: {listed.passed_over}",) if listed.passed_over else ()
    manifest = ShardsManifest(
        plan.visual, plan.joint, listed.shards, listed.pictures, listed.rejected, request.rows, (*locations, *origins_of(sources)),
        round(listed.seconds, 3), (*plan.remarks, *told), is_elsewhere(sources),
    )  # fmt: skip
    folder.write_manifest(manifest)
    for remark in manifest.notes:
        note(remark)
    note(f"{listed.pictures:,} pictures in {listed.shards:,} {'shard' if listed.shards == 1 else 'shards'}.")
    return manifest


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


def _same_plan(folder: ShardFolder, request: PlanShards, locations: tuple[str, ...]) -> ShardsManifest:
    """Return the manifest of a folder that is planned, if it was planned for the same."""
    manifest = folder.manifest()
    asked = {"backbone": request.backbone and absolute(request.backbone), "encoder": request.encoder}
    made = {"backbone": manifest.visual.recipe.get("backbone"), "encoder": manifest.visual.recipe.get("encoder")}
    others = [f"{name} {made[name]}" for name, value in asked.items() if value is not None and value != made[name]]
    others += [] if locations == manifest.sources[: len(locations)] else [f"the sources {', '.join(manifest.sources)}"]
    if others:
        raise UsageError(
            f"{folder.path} was planned with other values: {', '.join(others)}.\nExpected: the same, or none\nReceived:"
            f" {', '.join(locations)}\nUse another folder."
        )
    return manifest


def _require_empty(folder: ShardFolder) -> None:
    """Check that nothing but the beginnings of a plan lies in the folder."""
    known = {"model", "list", "list.part"}
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        others = sorted(entry.name for entry in folder.path.iterdir() if entry.name not in known)
    except OSError as error:
        raise InputError(f"shards cannot be written to {folder.path}: {error.strerror or error}") from error
    if others:
        raise InputError(
            f"shards are written into a folder of their own, and other files lie in {folder.path}: {others[0]}"
        )
