"""Word vectors into the collection ``words``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.adapter.kept_vectors import KeptVectors
from milvise.adapter.rows import row_problem
from milvise.adapter.schema import WORDS
from milvise.embeddings.words import Words

_KEPT = 20_000


@dataclass(slots=True)
class WordsSummary:
    """What loading words did.

    Attributes
    ----------
    words : int
        Words in the collection afterwards.
    unchanged : bool
        Whether the same words stood there already, so that nothing was written.
    malformed, duplicates : int
        Entries of the source that were skipped; `examples` shows the first few.
    """

    words: int
    dim: int
    unchanged: bool
    malformed: int
    duplicates: int
    examples: list[str]
    index: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def ingest_words(
    store: Store, words: Words, *, source: str, index: IndexSpec, progress: Callable[[int], None] = lambda done: None
) -> WordsSummary:
    """Load words into Milvus: built beside the words that are there, then put in their place.

    Raises
    ------
    UnsupportedError
        If the connected Milvus does not have the index.
    """
    started = time.monotonic()
    dim = int(words.vectors.shape[1])
    store.require_index(index, dim=dim)
    manifest = Manifest("words", "words", dim, words.fingerprint, sources=(source,))
    live = store.live("words", made_as=manifest)
    unchanged = live is not None and live.name == manifest.collection and _complete(live, words)
    if live is not None and unchanged:
        collection = live
    else:
        store.discard(manifest)
        collection = store.build(manifest)
        collection.upsert(_reported(_rows(words), progress))
    finished = store.finish(collection, index)
    store.publish(finished)
    if finished.is_lite:
        KeptVectors(finished.name).put(zip(words.words[:_KEPT], words.vectors, strict=False))
    skipped = words.skipped
    return WordsSummary(
        finished.count(), dim, unchanged, skipped.malformed, skipped.duplicates, skipped.examples,
        finished.manifest.index, time.monotonic() - started,
    )  # fmt: skip


def _complete(live: Collection, words: Words) -> bool:
    """Return whether no row was lost: what is damaged is removed by `milvise verify --repair`, and loaded again here."""
    expected = live.manifest.rows
    return live.count() == (len(words.words) if expected is None else expected)


def _rows(words: Words) -> Iterator[dict[str, Any]]:
    for rank, (word, vector) in enumerate(zip(words.words, words.vectors, strict=True)):
        row = {"word": word, "rank": rank, "vector": vector}
        problem = row_problem(row, WORDS)
        if problem is None:
            yield row
        else:
            words.skipped.add("malformed", problem)


def _reported(rows: Iterator[dict[str, Any]], progress: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    for done, row in enumerate(rows, start=1):
        yield row
        if done % 1_000 == 0:
            progress(done)
