"""Start here: pictures from their sources into a gallery.

    sources -> triage -> read, decode -> backbone and head -> joint collection, visual collection

Each stage runs in a thread of its own and only so far ahead of the next one, so that none waits for another and memory does
not grow with the sources. Milvus is the only record of what is done. A picture is done when the *visual* collection has its
row, which is written last; a run that was killed at any moment is therefore continued by running the same command again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from milvise.adapter import IndexSpec, Store
from milvise.core.arrays import Floats
from milvise.core.chunks import chunks
from milvise.embeddings.encoder import JOINT, VISUAL, encode_images
from milvise.embeddings.pictures.decode import Picture, decode_file
from milvise.errors import ImageError, InputError
from milvise.gallery.pair import Pair, Row, open_pair, publish_pair, withdraw_pair
from milvise.gallery.plan import Plan
from milvise.ingest.ahead import Ahead, mapped
from milvise.ingest.known import Known, KnownFiles, State, entry_of, state_of
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.seen import Seen
from milvise.ingest.sources import Item, Source, require_pictures
from milvise.ingest.stamp import Stamp
from milvise.ingest.summary import Summary, Tally
from milvise.ingest.triage import Triage, scalars

_ITEMS_AHEAD = 512
_BATCHES_AHEAD = 2
_PROGRESS_S = 0.2
_WRITE_ROWS = 128
_WRITE_S = 2.0
"""Milvus takes many rows at once faster than few; they wait for each other no longer than this."""

Progress = Callable[[Tally], None]


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
        Whether stored files are read and hashed though their size and time of modification are as they were.
    """

    index: IndexSpec = IndexSpec("auto")
    batch_size: int | None = None
    prune: bool = False
    dry_run: bool = False
    verify_content: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture that was read: its pixels, and the file that they came from."""

    item: Item
    digest: str
    picture: Picture
    state: State | None


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Pictures with their vectors, each (n, width)."""

    read: list[_Read]
    visual: Floats
    joint: Floats | None


def ingest_images(
    store: Store,
    sources: Sequence[Source],
    plan: Plan,
    *,
    quarantine: Path,
    options: Options = Options(),
    progress: Progress = lambda tally: None,
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
    store.indexes.require(options.index, dim=plan.visual.dim)
    run = _Run(store, plan, options, Quarantine(quarantine), progress)
    try:
        run.load(sources)
    finally:
        run.close()
    return run.summary(time.monotonic() - started)


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
        self._seen = Seen()
        self._known = KnownFiles(store.connection.uri, plan.visual.collection)
        self._decoders = ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="milvise-decode")
        self._encoder = plan.encoder

    def close(self) -> None:
        self._decoders.shutdown(cancel_futures=True)
        self._quarantine.close()
        self._seen.close()
        self._known.close()

    def summary(self, seconds: float) -> Summary:
        unseen = self._seen.unseen
        return Summary(
            self._plan.gallery,
            self._encoder.info.engine,
            **asdict(self._tally),
            passed_over=dict(unseen.passed_over.most_common()),
            links_passed_over=unseen.links_passed_over,
            rows=self._rows,
            seconds=seconds,
            quarantine=str(self._quarantine.path) if self._quarantine.count else None,
            dry_run=self._options.dry_run,
            notes=tuple(self._notes),
        )

    def load(self, sources: Sequence[Source]) -> None:
        pair, stamp = self._open([str(source.root.resolve()) for source in sources])
        triage = Triage(
            pair,
            self._seen,
            None if self._options.verify_content else self._known,
            self._tally,
            self._quarantine,
            untouched=stamp is not None and stamp.untouched,
            writing=not self._options.dry_run,
        )
        self._load(sources, triage, pair)
        self._tell_unseen()
        self._require_any(pair)
        if self._options.prune:
            self._prune(pair)
        if pair is not None and stamp is not None:
            may_go = self._is_gone if self._options.prune else lambda row: False
            self._rows = publish_pair(self._store, pair, self._options.index, may_go=may_go)
            stamp.leave(self._rows)

    def _tell_unseen(self) -> None:
        if told := self._seen.unseen.told():
            self._notes.append(f"Passed over: {told}")

    def _require_any(self, pair: Pair | None) -> None:
        """Leave no empty gallery behind where every picture of a new one ended in the quarantine."""
        if self._tally.embedded or self._tally.unchanged or (pair is not None and pair.visual.count()):
            return
        if pair is not None and not self._options.dry_run:
            withdraw_pair(self._store, pair)
        raise InputError(
            f"none of the {self._tally.quarantined:,} pictures could be loaded, and nothing was made for the gallery"
            f" {self._plan.gallery!r}. Why each could not be is said in {self._quarantine.path}"
        )

    def _open(self, roots: Sequence[str]) -> tuple[Pair | None, Stamp | None]:
        """Return the collections to write to with the gallery's stamp, or in a dry run the visual one if it is there."""
        if self._options.dry_run:
            visual = self._store.find(self._plan.visual)
            return (None if visual is None else Pair(visual)), None
        self._notes += self._plan.remarks
        pair, self._tally.projected, remarks = open_pair(self._store, self._plan, roots)
        self._notes += remarks
        stamp = Stamp(self._store, pair.visual, pair.joint, self._known)
        return replace(pair, before_write=stamp.take), stamp

    def _load(self, sources: Sequence[Source], triage: Triage, pair: Pair | None) -> None:
        batch_size = self._options.batch_size or self._encoder.info.batch
        with Ahead(triage.new(sources), depth=_ITEMS_AHEAD, name="triage") as new:
            read = self._read(new, triage, window=(_BATCHES_AHEAD + 1) * batch_size)
            if pair is None or self._options.dry_run:
                for _ in read:
                    self._tally.add(embedded=1)
                    self._progress(self._tally)
                return
            embedded = self._embed(read, triage, batch_size)
            with (
                Ahead(embedded, depth=_BATCHES_AHEAD, name="embed") as done,
                Ahead(self._write(done, pair), depth=1, name="write") as written,
            ):
                for _ in written.or_every(_PROGRESS_S):
                    self._progress(self._tally)
        self._progress(self._tally)

    def _read(self, items: Iterable[Item], triage: Triage, *, window: int) -> Iterator[_Read]:
        for item, result in mapped(self._decoders, self._decode, items, window=window):
            if isinstance(result, ImageError):
                triage.reject(item.uri, str(result))
            else:
                yield result

    def _decode(self, item: Item) -> _Read | ImageError:
        info = self._encoder.info
        state = state_of(item.path)
        try:
            picture, digest = decode_file(item.path, size=info.size, rule=info.rule)
        except ImageError as error:
            # Without its traceback, which would keep the file and the picture in memory.
            return ImageError(str(error))
        except BaseException as error:
            error.add_note(f"While {item.path} was read.")
            raise
        return _Read(item, digest, picture, state)

    def _embed(self, read: Iterable[_Read], triage: Triage, batch_size: int) -> Iterator[_Embedded]:
        for batch in chunks(read, batch_size):
            vectors = encode_images(self._encoder, np.stack([one.picture.pixels for one in batch]))
            visual, joint = vectors[VISUAL], vectors.get(JOINT)
            good = [bool(np.isfinite(vector).all() and vector.any()) for vector in visual]
            for one, is_good in zip(batch, good, strict=True):
                if not is_good:
                    triage.reject(one.item.uri, "the encoder gave a vector that is zero or not finite")
            kept = [one for one, is_good in zip(batch, good, strict=True) if is_good]
            if kept:
                yield _Embedded(kept, visual[good], None if joint is None else joint[good])

    def _write(self, embedded: Iterable[_Embedded], pair: Pair) -> Iterator[int]:
        pending: list[_Embedded] = []
        oldest = 0.0
        try:
            for batch in embedded:
                oldest = oldest if pending else time.monotonic()
                pending.append(batch)
                if sum(len(each.read) for each in pending) >= _WRITE_ROWS or time.monotonic() - oldest > _WRITE_S:
                    batches, pending = pending, []
                    yield self._written(batches, pair)
        finally:
            # Also where another stage failed or somebody pressed Ctrl-C: what was computed is kept.
            if pending:
                self._written(pending, pair)

    def _written(self, batches: list[_Embedded], pair: Pair) -> int:
        read = [one for batch in batches for one in batch.read]
        visual = np.concatenate([batch.visual for batch in batches])
        joint = [batch.joint for batch in batches if batch.joint is not None]
        rows = [
            {**scalars(one.item, one.digest, one.picture), "vector": vector}
            for one, vector in zip(read, visual, strict=True)
        ]
        count = pair.write(rows, np.concatenate(joint) if joint else None)
        self._known.remember(
            (row["id"], Known(one.state, one.digest, entry_of(one.item.label, one.item.meta)))
            for row, one in zip(rows, read, strict=True)
            if one.state is not None
        )
        self._tally.add(embedded=count)
        return count

    def _prune(self, pair: Pair | None) -> None:
        for rows in chunks(pair.visual.scan(["id", "uri"]), 1_000) if pair is not None else ():
            missing = set(self._seen.unknown([row["id"] for row in rows]))
            gone = [row["id"] for row in rows if row["id"] in missing and not self._seen.unseen.hides(row["uri"])]
            self._tally.add(removed=len(gone), kept_unseen=len(missing) - len(gone))
            if gone and pair is not None and not self._options.dry_run:
                pair.delete(gone)
                self._known.forget(gone)
        if self._tally.kept_unseen:
            self._notes.append(
                f"{self._tally.kept_unseen:,} stored pictures are in none of the sources as far as these can be seen, and were"
                " kept: a folder, a link or a line of a manifest could not be read where they may be."
            )

    def _is_gone(self, row: Row) -> bool:
        return not self._seen.has(row["id"]) and not self._seen.unseen.hides(row["uri"])
