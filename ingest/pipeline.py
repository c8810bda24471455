"""Start here: pictures from their sources into a gallery.

    sources/ -> changes/ -> stages/ (read, embed, write) -> sinks/ (upsert into Milvus, or shards)

`milvise.ingest.runners` runs the stages beside each other. Milvus is the only record of what is done. A picture is done when
the *visual* collection has its row, which is written last; a run that was killed at any moment is therefore continued by
running the same command again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from milvise.adapter import IndexSpec, Store
from milvise.errors import InputError
from milvise.gallery.pair import Pair, open_pair
from milvise.gallery.plan import Plan
from milvise.gallery.still_live import StillLive
from milvise.ingest.changes.find_changes import ChangeFinder
from milvise.ingest.changes.load_stamp import LoadStamp
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.changes.prune import prune
from milvise.ingest.changes.seen_ids import SeenIds
from milvise.ingest.lite_room import LiteRoom
from milvise.ingest.picture_stages import picture_reader, picture_stages, readers_for
from milvise.ingest.profile import Profile
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.reporter import Reporter
from milvise.ingest.runners import read_ahead, run_in_threads
from milvise.ingest.sinks.upsert import UpsertSink
from milvise.ingest.sources import Source, require_pictures
from milvise.ingest.sources.source import is_elsewhere, origins_of
from milvise.ingest.summary import Counts, Summary

Progress = Callable[[Counts], None]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a run behaves.

    Attributes
    ----------
    index : IndexSpec
        For both collections.
    batch_size : int, optional
        Pictures that the encoder gets at once; by default what keeps it busy.
    prune : bool
        Whether stored pictures that are in none of the sources are removed.
    dry_run : bool
        Whether nothing is written.
    verify_content : bool
        Whether stored pictures are read and hashed though their size and time of modification are as they were.
    profile : Profile, optional
        Takes the time of each stage.
    """

    index: IndexSpec = IndexSpec("auto")
    batch_size: int | None = None
    prune: bool = False
    dry_run: bool = False
    verify_content: bool = False
    profile: Profile | None = None


def ingest_images(
    store: Store,
    sources: Sequence[Source],
    plan: Plan,
    *,
    quarantine: Path,
    options: LoadOptions = LoadOptions(),
    progress: Progress = lambda counts: None,
) -> Summary:
    """Load pictures into a gallery; see the module's description.

    Raises
    ------
    UnsupportedError
        If the connected Milvus does not have the index.
    InputError
        If a source has no pictures, none of a new gallery can be loaded, or another encoder would lose pictures that the
        sources lack.
    ReplacedError
        If another version of the gallery went live meanwhile.
    """
    require_pictures(sources)
    store = store.patient()
    store.indexes.require(options.index, dim=plan.visual.dim)
    with closing(_Run(store, plan, options, Quarantine(quarantine), progress)) as run:
        return run.load(sources)


class _Run:
    def __init__(
        self, store: Store, plan: Plan, options: LoadOptions, quarantine: Quarantine, progress: Progress
    ) -> None:
        self._store = store
        self._plan = plan
        self._options = options
        self._reporter = Reporter(quarantine)
        self._progress = progress
        self._seen = SeenIds()
        self._live: StillLive | None = None
        self._room: LiteRoom | None = None
        self._loaded = LoadedFiles(store.connection.uri, plan.visual.collection)

    def close(self) -> None:
        self._reporter.close()
        self._seen.close()
        self._loaded.close()

    def load(self, sources: Sequence[Source]) -> Summary:
        started = time.monotonic()
        rows = self._count(sources) if self._options.dry_run else self._load(sources)
        seconds = time.monotonic() - started
        dry_run = self._options.dry_run
        return self._reporter.summary(self._plan, self._seen.skipped, rows=rows, seconds=seconds, dry_run=dry_run)

    def _load(self, sources: Sequence[Source]) -> int:
        """Write what is new, and return how many pictures the gallery has then."""
        pair, stamp = self._open([source.location for source in sources])
        may_go = self._seen.is_gone if self._options.prune else lambda row: False
        sink = UpsertSink(self._store, pair, self._options.index, may_go)
        stages = picture_stages(self._plan, sink, self._reporter.report, loaded=self._loaded)
        items = self._changes(pair, untouched=stamp.untouched).in_sources(sources)
        readers = readers_for(is_elsewhere(sources))
        if (profile := self._options.profile) is not None:
            items, stages = profile.looked(items), profile.timed(stages)
        run_in_threads(items, stages, batch_size=self._batch_size, progress=self._tell, readers=readers)
        self._reporter.note_skipped(self._seen.skipped)
        if self._has_none(pair):
            # An empty gallery would be left behind.
            sink.withdraw()
            raise self._none_loaded()
        self._prune(pair)
        self._note_origins(pair, origins_of(sources))
        if self._live is not None:
            # Else it would be put in the place of another version.
            self._live.require()
        rows = sink.finish()
        stamp.leave(rows)
        return rows

    def _count(self, sources: Sequence[Source]) -> int:
        """Read what is new and write nothing."""
        visual = self._store.find(self._plan.visual)
        pair = None if visual is None else Pair(visual)
        items = self._changes(pair, untouched=False).in_sources(sources)
        with read_ahead(
            items, picture_reader(self._plan), self._batch_size, readers=readers_for(is_elsewhere(sources))
        ) as read:
            for batch in read:
                if batch is None:
                    continue
                self._reporter.report(batch)
                self._reporter.tally.add(embedded=len(batch))
                self._tell()
        self._reporter.note_skipped(self._seen.skipped)
        if self._has_none(pair):
            raise self._none_loaded()
        if pair is not None:
            self._prune(pair)
        return 0

    @property
    def _batch_size(self) -> int:
        return self._options.batch_size or self._plan.encoder.info.batch

    def _open(self, locations: Sequence[str]) -> tuple[Pair, LoadStamp]:
        """Return the collections to write to with the gallery's stamp."""
        self._reporter.notes += self._plan.remarks
        pair, projected, remarks = open_pair(self._store, self._plan, locations)
        self._reporter.tally.add(projected=projected)
        self._reporter.notes += remarks
        self._room = LiteRoom(pair) if self._store.connection.is_lite else None
        stamp = LoadStamp(self._store, pair.visual, pair.joint, self._loaded)
        # One that is built beside the live one is not live yet.
        if self._store.points_at(pair.visual.manifest.alias) == pair.visual.name:
            self._live = StillLive(self._store, pair.visual.manifest)
        live = self._live

        def before_write() -> None:
            if live is not None:
                live.require()
            stamp.take()

        return replace(pair, before_write=before_write), stamp

    def _note_origins(self, pair: Pair, origins: Sequence[str]) -> None:
        """Note in the catalog from which buckets the pictures of manifests come: nothing is read from others later."""
        for collection in pair.in_order:
            found = self._store.find(collection.manifest)
            known = () if found is None else found.manifest.sources
            more = [origin for origin in origins if origin not in known]
            if found is not None and more:
                collection.manifest = self._store.record(found.manifest.changed(sources=(*known, *more))).manifest

    def _changes(self, pair: Pair | None, *, untouched: bool) -> ChangeFinder:
        return ChangeFinder(
            pair,
            self._seen,
            None if self._options.verify_content else self._loaded,
            self._reporter.tally,
            self._reporter.reject,
            untouched=untouched,
            writing=not self._options.dry_run,
        )

    def _tell(self) -> None:
        counts = self._reporter.tally.counts
        if self._room is not None:
            self._room.look(counts.embedded - counts.replaced)
        self._progress(counts)

    def _has_none(self, pair: Pair | None) -> bool:
        """Return whether every picture of a new gallery ended in the quarantine."""
        counts = self._reporter.tally.counts
        return not (counts.embedded or counts.unchanged or (pair is not None and pair.visual.count()))

    def _none_loaded(self) -> InputError:
        return InputError(
            f"none of the {self._reporter.tally.counts.quarantined:,} pictures could be loaded, and nothing was made for the"
            f" gallery {self._plan.gallery!r}. Why each could not be is said in {self._reporter.quarantine_path}"
        )

    def _prune(self, pair: Pair) -> None:
        if not self._options.prune:
            return
        removed, kept = prune(pair, self._seen, self._loaded, writing=not self._options.dry_run)
        self._reporter.tally.add(removed=removed, kept_unseen=kept)
        if kept:
            self._reporter.notes.append(
                f"{kept:,} stored pictures are in none of the sources as far as these can be seen, and were kept: a folder,"
                " a link or a line of a manifest could not be read where they may be."
            )
