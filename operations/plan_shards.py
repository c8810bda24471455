"""The plan of shards: pictures listed once, and what embeds them kept beside, with what stands in Milvus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from milvise.core.config import DEFAULT_GALLERY
from milvise.core.precision import AUTO, precision_of
from milvise.errors import InputError, UsageError
from milvise.gallery.names import WORDS_ALIAS
from milvise.ingest.shards.folder import SHARD_ROWS, ShardFolder, ShardsManifest
from milvise.ingest.shards.listing import write_listing
from milvise.ingest.shards.models import class_words, keep_models
from milvise.ingest.sources import require_pictures
from milvise.ingest.sources.source import is_elsewhere, origins_of
from milvise.operations.checks import require_count, require_known, require_precision
from milvise.operations.images import LABELS, SourceLike, open_sources, require_partition, require_sources
from milvise.operations.planned import absolute, planned
from milvise.operations.progress import Count, Progress, notes, silent
from milvise.queries.database import Database

MOST_ROWS = 1_000_000


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
    precision: str | None = None

    def __post_init__(self) -> None:
        require_partition(self.partition)
        require_known("kind of labels", self.labels, LABELS)
        require_precision(self.precision)
        require_count("rows", self.rows, 1, MOST_ROWS)
        require_sources(self.sources)


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
    note = notes(progress)
    with planned(db, request, progress, partition=request.partition) as plan:
        live_words = db.store.live(WORDS_ALIAS)
        words = {} if live_words is None else live_words.vectors(class_words(plan))
        keep_models(plan, words, folder)
    note("Listing the pictures …")
    listed = write_listing(
        sources, folder, shard_rows=request.rows, progress=lambda done: progress(Count("pictures", done, None))
    )
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


def _same_plan(folder: ShardFolder, request: PlanShards, locations: tuple[str, ...]) -> ShardsManifest:
    """Return the manifest of a folder that is planned, if it was planned for the same."""
    manifest = folder.manifest()
    recipe = manifest.visual.recipe
    asked = {
        "backbone": request.backbone and absolute(request.backbone), "encoder": request.encoder,
        "precision": None if request.precision == AUTO else request.precision,
    }  # fmt: skip
    made = {"backbone": recipe.get("backbone"), "encoder": recipe.get("encoder"), "precision": precision_of(recipe)}
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
