"""Pictures into a gallery: sources, backbone, head and plan put together."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from milvise.adapter import IndexSpec
from milvise.core.config import DEFAULT_GALLERY
from milvise.core.events import ingest_logged
from milvise.errors import UsageError
from milvise.gallery.plan import Plan
from milvise.ingest.pipeline import LoadOptions
from milvise.ingest.pipeline import ingest_images as run
from milvise.ingest.sources import Source, open_source, reads_much, require_pictures
from milvise.ingest.sources.remote.traffic import TRAFFIC
from milvise.ingest.summary import Counts, Summary
from milvise.operations.checks import index_within, require_count, require_index, require_known, require_precision
from milvise.operations.planned import planned
from milvise.operations.profile_page import profiled
from milvise.operations.progress import Count, Progress, silent
from milvise.queries.database import Database

LABELS = ("folder", "none")
MOST_AT_ONCE = 1_024

SourceLike = str | Path | Source
"""A source: the path or URL of a folder, a manifest or a tar, or a source of one's own."""


@dataclass(frozen=True, slots=True)
class IngestImages:
    """Which pictures to load, and how; `milvise.operations.database.Database.ingest_images` says what each value means.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    sources: tuple[SourceLike, ...]
    gallery: str = DEFAULT_GALLERY
    encoder: str | None = None
    backbone: str | None = None
    weights: Path | None = None
    classes: Path | None = None
    head: str | None = None
    labels: str = "folder"
    index: str = "auto"
    memory: str | int | None = None
    batch_size: int | None = None
    engine: str = "auto"
    precision: str | None = None
    prune: bool = False
    dry_run: bool = False
    verify_content: bool = False
    requests_per_second: float | None = None
    quarantine: Path | None = None
    partition: str | None = None
    profile: Path | None = None

    def __post_init__(self) -> None:
        require_known("kind of labels", self.labels, LABELS)
        require_precision(self.precision)
        require_index(self.index)
        index_within(self.index, self.memory)
        require_count("batch_size", self.batch_size, 1, MOST_AT_ONCE)
        if self.requests_per_second is not None and not 0 < self.requests_per_second < math.inf:
            raise UsageError(f"requests_per_second must be more than 0.\nReceived: {self.requests_per_second}")
        require_sources(self.sources)
        require_partition(self.partition)
        if self.profile is not None and self.dry_run:
            raise UsageError("a dry run writes nothing, not even a profile of itself.\nExpected: profile or dry_run")

    def opened(self) -> IngestImages:
        """Return the request with its sources opened, each of which has an entry that may be a picture.

        Raises
        ------
        InputError
            If a source is not there, is of another kind, or has no picture.
        """
        return replace(self, sources=_opened(self))


def require_sources(sources: Sequence[SourceLike]) -> None:
    """Check that there are sources, and that each is one.

    Raises
    ------
    UsageError
        If not.
    """
    expected = "Expected: folders, .csv, .jsonl, .parquet manifests with a uri column, or .tar files; here or at URLs"
    if not sources:
        raise UsageError(f"there is no source of pictures.\n{expected}\nReceived: none")
    for source in sources:
        if not isinstance(source, str | os.PathLike | Source):
            raise UsageError(f"this is no source of pictures.\n{expected}\nReceived: {source!r}")


def require_partition(partition: str | None) -> None:
    """Check that a value can be the name of a metadata column; None is left to the gallery.

    Raises
    ------
    UsageError
        If it cannot.
    """
    if partition is not None and (not isinstance(partition, str) or not partition.strip() or "\0" in partition):
        raise UsageError(
            f"a gallery is partitioned by a metadata column.\nExpected: its name, such as owner\nReceived: {partition!r}"
        )


def open_sources(sources: Sequence[SourceLike], *, labels: bool = True) -> tuple[Source, ...]:
    """Return the sources that paths stand for; one that is open stays as it is."""
    return tuple(
        open_source(os.fspath(one), labels=labels) if isinstance(one, str | os.PathLike) else one for one in sources
    )


def ingest_images(db: Database, request: IngestImages, progress: Progress = silent) -> Summary:
    """Load pictures into a gallery, and log it; errors as `Database.ingest_images`."""
    with ingest_logged("images", gallery=request.gallery) as counts:
        summary = _ingest_images(db, request, progress)
        counts.update({one.name: getattr(summary, one.name) for one in fields(Counts)})
    return summary


def _ingest_images(db: Database, request: IngestImages, progress: Progress) -> Summary:
    with TRAFFIC.at_most(request.requests_per_second):
        return _load(db, request, progress)


def _load(db: Database, request: IngestImages, progress: Progress) -> Summary:
    sources = _opened(request)
    index = index_within(request.index, request.memory) or IndexSpec("auto")
    db.store.indexes.require(index)
    quarantine = request.quarantine or Path(f"milvise-quarantine-{request.gallery}.jsonl")
    with profiled(request.profile) as page, planned(db, request, progress, partition=request.partition) as plan:
        page.facts += _facts(request.gallery, plan)
        options = LoadOptions(
            index, request.batch_size, request.prune, request.dry_run, request.verify_content, page.profile
        )
        return run(db.store, sources, plan, quarantine=quarantine, options=options, progress=_counts(sources, progress))


def _facts(gallery: str, plan: Plan) -> tuple[str, ...]:
    info = plan.encoder.info
    made = ", ".join(f"{name} {value}" for name, value in plan.visual.recipe.items() if value)
    return (f"Gallery {gallery}: {made}; run by {info.engine} in batches of {info.batch}.",)


def _opened(request: IngestImages) -> tuple[Source, ...]:
    sources = open_sources(request.sources, labels=request.labels == "folder")
    require_pictures(sources)
    return sources


def _counts(sources: Sequence[Source], progress: Progress) -> Callable[[Counts], None]:
    """Return the function that tells how far a run is.

    The sources are read once more to know how many pictures there are, unless that would read the pictures themselves.
    """
    if progress is silent:
        return lambda counts: None
    total = None if any(map(reads_much, sources)) else sum(1 for source in sources for _ in source)

    def tell(counts: Counts) -> None:
        progress(Count("pictures", counts.embedded + counts.unchanged + counts.quarantined, total, counts.embedded))

    tell(Counts())
    return tell
