"""Pictures from their sources into files, for a later import into Milvus: the same stages as a load, and another sink."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from milvise.gallery.plan import Plan
from milvise.ingest.changes.find_changes import ChangeFinder
from milvise.ingest.changes.seen_ids import SeenIds
from milvise.ingest.picture_stages import picture_stages
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.reporter import Reporter
from milvise.ingest.runners import run_in_threads
from milvise.ingest.sinks.shards import SHARD_ROWS, ShardSink
from milvise.ingest.sources import Source, require_pictures
from milvise.ingest.summary import Counts, Summary


def embed_to_shards(
    sources: Sequence[Source],
    plan: Plan,
    folder: Path,
    *,
    quarantine: Path,
    batch_size: int | None = None,
    shard_rows: int = SHARD_ROWS,
    progress: Callable[[Counts], None] = lambda counts: None,
) -> Summary:
    """Write the rows of all pictures into an empty folder; see `milvise.ingest.sinks.shards`.

    Nothing is read from Milvus or written to it. `milvise.ingest.sinks.read_shards` gives the rows back.

    Parameters
    ----------
    plan : Plan
        What the rows are.
    quarantine : Path
        Where pictures are reported that cannot be read.
    batch_size : int, optional
        Pictures that the encoder gets at once; by default what keeps it busy.
    shard_rows : int
        Pictures of a file.

    Raises
    ------
    InputError
        If a source has no pictures, or the folder is not empty.
    MissingExtraError
        If pyarrow is not installed.
    """
    started = time.monotonic()
    require_pictures(sources)
    sink = ShardSink(folder, plan, shard_rows=shard_rows)
    with closing(Reporter(Quarantine(quarantine))) as reporter, closing(SeenIds()) as seen:
        changes = ChangeFinder(None, seen, None, reporter.tally, reporter.reject)
        size = batch_size or plan.encoder.info.batch
        stages = picture_stages(plan, sink, reporter.report)
        items = changes.in_sources(sources)
        run_in_threads(items, stages, batch_size=size, progress=lambda: progress(reporter.tally.counts))
        reporter.note_skipped(seen.skipped)
        rows = sink.finish()
        return reporter.summary(plan, seen.skipped, rows=rows, seconds=time.monotonic() - started)
