"""Start here: pictures from their sources into a gallery.

    source -> hash -> what is stored already? -> decode -> backbone -> head -> joint collection -> visual collection

Milvus is the only record of what is done. A picture is done when the *visual* collection has its row, which is written
last; a run that was killed at any moment is therefore continued by running the same command again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Collection, IndexSpec, Store
from milvise.adapter.rows import row_problem
from milvise.adapter.schema import VISUAL
from milvise.embeddings.backbones import BATCH_SIZE
from milvise.embeddings.pictures import Picture, decode
from milvise.errors import ImageError, InputError
from milvise.ingest.files import hash_file, read_file
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.seen import Seen
from milvise.ingest.sources import Item, Rejected, Source
from milvise.ingest.summary import Summary
from milvise.ingest.target import Plan, load_classes, project_missing
from milvise.records import record_id

_LOOKUP_ROWS = 256
_DECODERS = 2

Progress = Callable[[Summary], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a run behaves.

    Attributes
    ----------
    index : IndexSpec
        For both collections.
    batch_size : int
        Pictures for each pass through the backbone, and for each write.
    prune : bool
        Whether stored pictures that are in none of the sources are removed.
    dry_run : bool
        Whether nothing is written.
    """

    index: IndexSpec = IndexSpec("auto")
    batch_size: int = BATCH_SIZE
    prune: bool = False
    dry_run: bool = False


def ingest_images(
    store: Store,
    sources: Sequence[Source],
    plan: Plan,
    *,
    quarantine: Path,
    options: Options = Options(),
    progress: Progress = lambda summary: None,
) -> Summary:
    """Load pictures into a gallery; see the module's description.

    Raises
    ------
    UnsupportedError
        If the connected Milvus does not have the index.
    InputError
        If ``prune`` finds the sources empty, or another backbone would lose pictures that the sources lack.
    """
    started = time.monotonic()
    store.require_index(options.index, dim=plan.backbone.dim)
    summary = Summary(plan.gallery, dry_run=options.dry_run)
    run = _Run(store, plan, options, Quarantine(quarantine), summary, progress)
    try:
        run.load(sources)
    finally:
        run.close()
        summary.seconds = time.monotonic() - started
    return summary


class _Run:
    def __init__(
        self, store: Store, plan: Plan, options: Options, quarantine: Quarantine, summary: Summary, progress: Progress
    ) -> None:
        self._store = store
        self._plan = plan
        self._options = options
        self._quarantine = quarantine
        self._summary = summary
        self._progress = progress
        self._seen = Seen()
        self._roots: list[str] = []
        self._decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="milvise-decode")

    def close(self) -> None:
        self._decoders.shutdown(cancel_futures=True)
        self._quarantine.close()
        self._seen.close()
        self._summary.quarantine = str(self._quarantine.path) if self._quarantine.count else None

    def load(self, sources: Sequence[Source]) -> None:
        self._roots = [str(source.root.resolve()) for source in sources]
        visual, joint = self._open()
        for chunk in _chunks(self._items(sources), _LOOKUP_ROWS):
            self._load_chunk(chunk, visual, joint)
            self._progress(self._summary)
        if self._options.prune:
            self._prune(visual, joint)
        if not self._options.dry_run:
            assert visual is not None
            self._finish(visual, joint)

    def _open(self) -> tuple[Collection | None, Collection | None]:
        """Return the collections to write to, built beside the live ones where these were made otherwise."""
        plan, store = self._plan, self._store
        if self._options.dry_run:
            return store.find(plan.visual), None
        load_classes(store, plan)
        visual = _recorded(store, store.build(plan.visual), self._roots)
        visual.count()
        if plan.joint is None or plan.head is None:
            joint = None
        else:
            live = store.live(plan.joint.alias)
            joint = _recorded(store, store.build(plan.joint), self._roots)
            if live is None or live.name != joint.name:
                self._summary.projected = project_missing(visual, joint, plan.head)
            self._note_unnamed(plan.head.unnamed)
        for collection in (visual, joint):
            if collection is not None and store.live(collection.manifest.alias) is None:
                store.publish(collection)
        return visual, joint

    def _note_unnamed(self, names: tuple[str, ...]) -> None:
        if names:
            listed = ", ".join(names[:5])
            self._summary.notes.append(f"{len(names)} classes without any known word take no part: {listed} …")

    def _items(self, sources: Sequence[Source]) -> Iterator[Item]:
        for source in sources:
            for entry in source:
                self._summary.seen += 1
                if isinstance(entry, Rejected):
                    self._reject(entry.uri, entry.reason)
                elif not self._seen.add(record_id(entry.uri)):
                    self._reject(entry.uri, "another picture of this run has the same source-relative URI")
                else:
                    yield entry

    def _reject(self, uri: str, reason: str) -> None:
        self._quarantine.add(uri, reason)
        self._summary.quarantined += 1

    def _load_chunk(self, chunk: list[Item], visual: Collection | None, joint: Collection | None) -> None:
        hashed = [(item, digest) for item in chunk if (digest := self._hash(item)) is not None]
        keys = [record_id(item.uri) for item, _ in hashed]
        fields = ["sha256", "label", "meta"]
        stored = visual.get(keys, fields=fields, own_writes=True) if visual is not None else {}
        new: list[Item] = []
        for key, (item, digest) in zip(keys, hashed, strict=True):
            row = stored.get(key)
            if row is None:
                new.append(item)
            elif row["sha256"] != digest:
                self._replace(item, new, visual)
            else:
                self._summary.unchanged += 1
                if (row["label"], row["meta"]) != (item.label, dict(item.meta)):
                    self._relabel(item, visual, joint)
        for batch in _chunks(new, self._options.batch_size):
            self._embed(batch, visual, joint)
            self._progress(self._summary)

    def _replace(self, item: Item, new: list[Item], visual: Collection | None) -> None:
        """Take a picture that is stored with other content, unless the stored one is another picture that still exists."""
        for root in visual.manifest.sources if visual is not None else ():
            other = Path(root, item.uri)
            if other.exists() and not other.samefile(item.path):
                reason = (
                    f"the gallery has {other} under the same source-relative URI; load the folder above both instead"
                )
                self._reject(item.uri, reason)
                return
        self._summary.replaced += 1
        new.append(item)

    def _hash(self, item: Item) -> str | None:
        try:
            problem = row_problem(_scalars(item, "", None), VISUAL)
            if problem is not None:
                raise ImageError(problem)
            return hash_file(item.path)
        except ImageError as error:
            self._reject(item.uri, str(error))
            return None

    def _relabel(self, item: Item, visual: Collection | None, joint: Collection | None) -> None:
        """Write the new label and metadata of a picture, with the vectors that it has."""
        self._summary.relabelled += 1
        for collection in () if self._options.dry_run else (joint, visual):
            if collection is not None:
                key = record_id(item.uri)
                row = collection.get([key], fields=[*collection.room.fields, "vector"], own_writes=True)[key]
                collection.upsert([{**row, "label": item.label, "meta": dict(item.meta)}])

    def _embed(self, items: list[Item], visual: Collection | None, joint: Collection | None) -> None:
        decoded = zip(items, self._decoders.map(self._decode, items), strict=True)
        good: list[tuple[Item, str, Picture]] = []
        for item, result in decoded:
            if isinstance(result, ImageError):
                self._reject(item.uri, str(result))
            else:
                good.append((item, *result))
        if self._options.dry_run or not good:
            self._summary.embedded += len(good)
            return
        assert visual is not None
        pixels = np.stack([picture.pixels for _, _, picture in good])
        vectors = self._plan.backbone.embed(pixels, batch_size=self._options.batch_size)
        rows = [
            {**_scalars(item, digest, picture), "vector": vector}
            for (item, digest, picture), vector in zip(good, vectors, strict=True)
            if self._has_direction(item, vector)
        ]
        self._write(rows, visual, joint)

    def _write(self, rows: list[dict[str, Any]], visual: Collection, joint: Collection | None) -> None:
        if not rows:
            return
        if joint is not None and self._plan.head is not None:
            projected = self._plan.head(np.stack([row["vector"] for row in rows]))
            joint.upsert({**row, "vector": vector} for row, vector in zip(rows, projected, strict=True))
        self._summary.embedded += visual.upsert(rows)

    def _has_direction(self, item: Item, vector: np.ndarray[Any, Any]) -> bool:
        if np.isfinite(vector).all() and vector.any():
            return True
        self._reject(item.uri, "the backbone gave a vector that is zero or not finite")
        return False

    def _decode(self, item: Item) -> tuple[str, Picture] | ImageError:
        try:
            data = read_file(item.path)
            backbone = self._plan.backbone
            return hashlib.sha256(data).hexdigest(), decode(data, size=backbone.size, rule=backbone.rule)
        except ImageError as error:
            return error

    def _prune(self, visual: Collection | None, joint: Collection | None) -> None:
        if self._summary.seen == 0:
            raise InputError(
                "the sources hold no pictures, and --prune would remove the whole gallery. Is the disk mounted?"
            )
        if visual is None:
            return
        for batch in _chunks((row["id"] for row in visual.scan(["id"])), 1_000):
            gone = self._seen.unknown(batch)
            self._summary.removed += len(gone)
            if gone and not self._options.dry_run:
                # The visual row goes last: while it stands, the next run finds it and tries again.
                for collection in (joint, visual):
                    if collection is not None:
                        collection.delete(gone)

    def _finish(self, visual: Collection, joint: Collection | None) -> None:
        live = self._store.live(visual.manifest.alias)
        if live is not None and live.name != visual.name and not self._options.prune:
            self._refuse_loss(live, visual)
        for collection in (visual, joint):
            if collection is None:
                continue
            finished = self._store.finish(collection, self._options.index)
            self._store.publish(finished)
            self._summary.rows = finished.count()

    def _refuse_loss(self, live: Collection, made: Collection) -> None:
        for batch in _chunks((row["id"] for row in live.scan(["id"])), 1_000):
            lost = len(batch) - len(made.get(batch, fields=["id"], own_writes=True))
            if lost:
                raise InputError(
                    f"the gallery {self._plan.gallery} holds pictures that none of these sources has, and another"
                    " backbone must see every picture again. Give all its sources:"
                    f" {', '.join(live.manifest.sources)}\nOr let them go: --prune. Nothing was changed."
                )


def _recorded(store: Store, collection: Collection, roots: list[str]) -> Collection:
    """Note in the catalog where the pictures come from."""
    known = tuple(dict.fromkeys([*collection.manifest.sources, *roots]))
    return (
        collection if known == collection.manifest.sources else store.record(collection.manifest.changed(sources=known))
    )


def _scalars(item: Item, digest: str, picture: Picture | None) -> dict[str, Any]:
    return {
        "id": record_id(item.uri),
        "uri": item.uri,
        "label": item.label,
        "sha256": digest,
        "width": picture.width if picture else 0,
        "height": picture.height if picture else 0,
        "meta": dict(item.meta),
    }


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
