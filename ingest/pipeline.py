"""Start here: pictures from their sources into a gallery.

    source -> hash -> what is stored already? -> decode -> backbone -> head -> joint collection -> visual collection

Milvus is the only record of what is done. A picture is done when the *visual* collection has its row, which is written
last; a run that was killed at any moment is therefore continued by running the same command again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import IndexSpec, Store
from milvise.adapter.rows import row_problem
from milvise.adapter.schema import VISUAL
from milvise.chunks import chunks
from milvise.embeddings.backbones import BATCH_SIZE
from milvise.embeddings.conse import ConseHead
from milvise.embeddings.pictures import Picture, decode
from milvise.errors import ImageError, InputError
from milvise.ingest.files import hash_file, read_file
from milvise.ingest.pair import Pair, open_pair, publish_pair
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.seen import Seen
from milvise.ingest.sources import Item, Rejected, Source
from milvise.ingest.summary import Summary
from milvise.ingest.target import Plan
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
        self._decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="milvise-decode")

    def close(self) -> None:
        self._decoders.shutdown(cancel_futures=True)
        self._quarantine.close()
        self._seen.close()
        self._summary.quarantine = str(self._quarantine.path) if self._quarantine.count else None

    def load(self, sources: Sequence[Source]) -> None:
        pair = self._open([str(source.root.resolve()) for source in sources])
        for chunk in chunks(self._items(sources), _LOOKUP_ROWS):
            self._load_chunk(chunk, pair)
            self._progress(self._summary)
        if self._options.prune:
            self._prune(pair)
        if pair is not None and not self._options.dry_run:
            self._summary.rows = publish_pair(self._store, pair, self._options.index, may_lose=self._options.prune)

    def _open(self, roots: Sequence[str]) -> Pair | None:
        """Return the collections to write to, or in a dry run those that are there."""
        if self._options.dry_run:
            visual = self._store.find(self._plan.visual)
            return None if visual is None else Pair(visual)
        names = self._plan.head.unnamed if isinstance(self._plan.head, ConseHead) else ()
        if names:
            listed = ", ".join(names[:5])
            self._summary.notes.append(f"{len(names)} classes without any known word take no part: {listed} …")
        pair, self._summary.projected = open_pair(self._store, self._plan, roots)
        return pair

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

    def _load_chunk(self, chunk: list[Item], pair: Pair | None) -> None:
        hashed = [(item, digest) for item in chunk if (digest := self._hash(item)) is not None]
        stored = pair.stored([record_id(item.uri) for item, _ in hashed]) if pair is not None else {}
        new = []
        for item, digest in hashed:
            row = stored.get(record_id(item.uri))
            if row is None:
                new.append(item)
            elif pair is not None and row["sha256"] != digest:
                other = pair.other_owner(item.uri, item.path)
                if other is None:
                    self._summary.replaced += 1
                    new.append(item)
                else:
                    reason = f"the gallery has {other} under the same source-relative URI; load the folder above both"
                    self._reject(item.uri, reason)
            else:
                self._keep(item, row, pair)
        for batch in chunks(new, self._options.batch_size):
            self._embed(batch, pair)
            self._progress(self._summary)

    def _hash(self, item: Item) -> str | None:
        try:
            problem = row_problem(_scalars(item, "", None), VISUAL)
            if problem is not None:
                raise ImageError(problem)
            return hash_file(item.path)
        except ImageError as error:
            self._reject(item.uri, str(error))
            return None

    def _keep(self, item: Item, row: Mapping[str, Any], pair: Pair | None) -> None:
        self._summary.unchanged += 1
        if (row["label"], row["meta"]) != (item.label, dict(item.meta)):
            self._summary.relabelled += 1
            if pair is not None and not self._options.dry_run:
                pair.relabel(record_id(item.uri), item.label, item.meta)

    def _embed(self, items: list[Item], pair: Pair | None) -> None:
        good: list[tuple[Item, str, Picture]] = []
        for item, result in zip(items, self._decoders.map(self._decode, items), strict=True):
            if isinstance(result, ImageError):
                self._reject(item.uri, str(result))
            else:
                good.append((item, *result))
        if pair is None or self._options.dry_run or not good:
            self._summary.embedded += len(good)
            return
        pixels = np.stack([picture.pixels for _, _, picture in good])
        vectors = self._plan.backbone.embed(pixels, batch_size=self._options.batch_size)
        self._summary.embedded += pair.write(
            [
                {**_scalars(item, digest, picture), "vector": vector}
                for (item, digest, picture), vector in zip(good, vectors, strict=True)
                if self._has_direction(item, vector)
            ]
        )

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

    def _prune(self, pair: Pair | None) -> None:
        if self._summary.seen == 0:
            raise InputError(
                "the sources hold no pictures, and --prune would remove the whole gallery. Is the disk mounted?"
            )
        for batch in chunks((row["id"] for row in pair.visual.scan(["id"])), 1_000) if pair is not None else ():
            gone = self._seen.unknown(batch)
            self._summary.removed += len(gone)
            if gone and pair is not None and not self._options.dry_run:
                pair.delete(gone)


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
