"""Start here: pictures from their sources into a gallery.

    sources/ -> changes/ -> stages/ (read, embed, write) -> sinks/ (upsert into Milvus, or shards)

`milvise.ingest.runners` runs the stages beside each other. Milvus is the only record of what is done. A picture is done when
the *visual* collection has its row, which is written last; a run that was killed at any moment is therefore continued by
running the same command again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from milvise.adapter import IndexSpec, Store
from milvise.embeddings.conse import ConseHead
from milvise.errors import InputError
from milvise.gallery.pair import Pair, open_pair
from milvise.gallery.plan import Plan
from milvise.ingest.changes.find_changes import ChangeFinder
from milvise.ingest.changes.load_stamp import LoadStamp
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.changes.prune import prune
from milvise.ingest.changes.seen_ids import SeenIds
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.runners import Stages, reading, run_in_threads
from milvise.ingest.sinks.sink import Sink
from milvise.ingest.sinks.upsert import UpsertSink
from milvise.ingest.sources import Item, Rejected, Source, require_pictures
from milvise.ingest.stages.batches import EmbeddedBatch, ReadBatch, WrittenBatch
from milvise.ingest.stages.embed import VectorsOf, embed_batch
from milvise.ingest.stages.read import read_batch
from milvise.ingest.stages.write import write_batch
from milvise.ingest.summary import Counts, Summary, Tally

Progress = Callable[[Counts], None]
PictureBatch = ReadBatch | EmbeddedBatch | WrittenBatch
PictureStages = Stages[Item, ReadBatch, EmbeddedBatch, WrittenBatch]


@dataclass(frozen=True, slots=True)
class Options:
    """How a run behaves.

    Attributes
    ----------
    index : IndexSpec
        For both collections.
    batch_size : int, optional
        Pictures for each pass through the backbone; by default what keeps it busy.
    prune : bool
        Whether stored pictures that are in none of the sources are removed.
    dry_run : bool
        Whether nothing is written.
    verify_content : bool
        Whether stored pictures are read and hashed though their size and time of modification are as they were.
    """

    index: IndexSpec = IndexSpec("auto")
    batch_size: int | None = None
    prune: bool = False
    dry_run: bool = False
    verify_content: bool = False


def ingest_images(
    store: Store,
    sources: Sequence[Source],
    plan: Plan,
    *,
    quarantine: Path,
    options: Options = Options(),
    progress: Progress = lambda counts: None,
) -> Summary:
    """Load pictures into a gallery; see the module's description.

    Raises
    ------
    UnsupportedError
        If the connected Milvus does not have the index.
    InputError
        If a source has no pictures, none of a new gallery can be loaded, or another backbone would lose pictures that the
        sources lack.
    """
    started = time.monotonic()
    require_pictures(sources)
    store = store.patient()
    store.indexes.require(options.index, dim=plan.backbone.dim)
    run = _Run(store, plan, options, Quarantine(quarantine), progress)
    try:
        run.load(sources)
    finally:
        run.close()
    return run.summary(time.monotonic() - started)


def picture_stages(
    plan: Plan,
    sink: Sink,
    report: Callable[[PictureBatch], None],
    *,
    batch_size: int,
    loaded: LoadedFiles | None = None,
) -> PictureStages:
    """Return the stages of a load, for one of `milvise.ingest.runners`.

    Parameters
    ----------
    sink : Sink
        Where rows go.
    report : callable
        Told of each batch that a stage made: what it rejected, and how many it holds.
    loaded : LoadedFiles, optional
        Where this machine notes what was written.
    """
    return Stages(
        _reader_of(plan),
        partial(embed_batch, vectors_of=_vectors_of(plan), batch_size=batch_size),
        partial(write_batch, sink=sink, loaded=loaded),
        ReadBatch.joined,
        EmbeddedBatch.joined,
        report,
    )


class _Run:
    def __init__(self, store: Store, plan: Plan, options: Options, quarantine: Quarantine, progress: Progress) -> None:
        self._store = store
        self._plan = plan
        self._options = options
        self._quarantine = quarantine
        self._tally = Tally()
        self._rows = 0
        self._notes: list[str] = []
        self._progress = progress
        self._seen = SeenIds()
        self._loaded = LoadedFiles(store.connection.uri, plan.visual.collection)

    def close(self) -> None:
        self._quarantine.close()
        self._seen.close()
        self._loaded.close()

    def summary(self, seconds: float) -> Summary:
        skipped = self._seen.skipped
        return Summary(
            **asdict(self._tally.counts),
            gallery=self._plan.gallery,
            engine=self._plan.backbone.engine,
            passed_over=dict(skipped.passed_over.most_common()),
            links_passed_over=skipped.links_passed_over,
            rows=self._rows,
            seconds=seconds,
            quarantine=str(self._quarantine.path) if self._quarantine.count else None,
            dry_run=self._options.dry_run,
            notes=tuple(self._notes),
        )

    def load(self, sources: Sequence[Source]) -> None:
        if self._options.dry_run:
            visual = self._store.find(self._plan.visual)
            self._run(sources, None if visual is None else Pair(visual), None, untouched=False)
            return
        pair, stamp = self._open([source.location for source in sources])
        may_go = self._seen.is_gone if self._options.prune else lambda row: False
        sink = UpsertSink(self._store, pair, self._options.index, may_go)
        self._run(sources, pair, sink, untouched=stamp.untouched)
        self._rows = sink.finish()
        stamp.leave(self._rows)

    def _open(self, locations: Sequence[str]) -> tuple[Pair, LoadStamp]:
        """Return the collections to write to with the gallery's stamp."""
        self._notes += _head_notes(self._plan)
        pair, projected, remarks = open_pair(self._store, self._plan, locations)
        self._tally.add(projected=projected)
        self._notes += remarks
        stamp = LoadStamp(self._store, pair.visual, pair.joint, self._loaded)
        return replace(pair, before_write=stamp.take), stamp

    def _run(self, sources: Sequence[Source], pair: Pair | None, sink: UpsertSink | None, *, untouched: bool) -> None:
        changes = ChangeFinder(
            pair,
            self._seen,
            None if self._options.verify_content else self._loaded,
            self._tally,
            self._reject,
            untouched=untouched,
            writing=sink is not None,
        )
        batch_size = self._options.batch_size or self._plan.backbone.usual_batch
        items = changes.in_sources(sources)
        if sink is None:
            with reading(items, _reader_of(self._plan), batch_size) as read:
                for batch in read:
                    self._report(batch)
                    self._tally.add(embedded=len(batch))
                    self._tell()
        else:
            stages = picture_stages(self._plan, sink, self._report, batch_size=batch_size, loaded=self._loaded)
            run_in_threads(items, stages, batch_size=batch_size, progress=self._tell)
        if told := self._seen.skipped.told():
            self._notes.append(f"Passed over: {told}")
        self._require_any(pair, sink)
        if self._options.prune and pair is not None:
            self._prune(pair, writing=sink is not None)

    def _report(self, batch: PictureBatch) -> None:
        for rejected in batch.rejected:
            self._reject(rejected)
        if isinstance(batch, WrittenBatch):
            self._tally.add(embedded=len(batch))

    def _reject(self, rejected: Rejected) -> None:
        self._quarantine.add(rejected.uri, rejected.reason)
        self._tally.add(quarantined=1)

    def _tell(self) -> None:
        self._progress(self._tally.counts)

    def _require_any(self, pair: Pair | None, sink: UpsertSink | None) -> None:
        """Leave no empty gallery behind where every picture of a new one ended in the quarantine."""
        counts = self._tally.counts
        if counts.embedded or counts.unchanged or (pair is not None and pair.visual.count()):
            return
        if sink is not None:
            sink.withdraw()
        raise InputError(
            f"none of the {counts.quarantined:,} pictures could be loaded, and nothing was made for the gallery"
            f" {self._plan.gallery!r}. Why each could not be is said in {self._quarantine.path}"
        )

    def _prune(self, pair: Pair, *, writing: bool) -> None:
        removed, kept = prune(pair, self._seen, self._loaded, writing=writing)
        self._tally.add(removed=removed, kept_unseen=kept)
        if kept:
            self._notes.append(
                f"{kept:,} stored pictures are in none of the sources as far as these can be seen, and were kept: a folder,"
                " a link or a line of a manifest could not be read where they may be."
            )


def _head_notes(plan: Plan) -> list[str]:
    """Return what is to be said of the head: which classes it can do nothing with."""
    names = plan.head.unnamed if isinstance(plan.head, ConseHead) else ()
    if not names:
        return []
    return [
        f"{len(names)} classes without any known word take no part in the joint space: {', '.join(names[:5])} …"
    ]  # fmt: skip


def _reader_of(plan: Plan) -> Callable[[Sequence[Item]], ReadBatch]:
    return partial(read_batch, size=plan.backbone.size, rule=plan.backbone.rule)


def _vectors_of(plan: Plan) -> VectorsOf:
    """Return the function from pixels to visual and joint vectors, of which a gallery without a head has none."""
    if plan.head is not None:
        return plan.backbone.joined(plan.head)
    return lambda pixels, batch_size: (plan.backbone.embed(pixels, batch_size=batch_size), None)
