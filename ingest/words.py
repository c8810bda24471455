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
from milvise.embeddings.words.load import Words
from milvise.errors import InputError, UsageError
from milvise.gallery.names import WORDS_ALIAS
from milvise.gallery.word_users import galleries_made_with

_KEPT = 20_000
_NAMED = 5


@dataclass(frozen=True, slots=True)
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
    examples: tuple[str, ...]
    index: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {**asdict(self), "seconds": round(self.seconds, 3), "examples": list(self.examples)}


def ingest_words(
    store: Store,
    words: Words,
    *,
    source: str,
    index: IndexSpec,
    replace: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> WordsSummary:
    """Load words into Milvus: built beside the words that are there, then put in their place.

    Parameters
    ----------
    replace : bool
        Whether they take the place of words that galleries were made with, or of more than twice as many words. Nothing is
        written before that is looked at.

    Raises
    ------
    UnsupportedError
        If the connected Milvus does not have the index.
    InputError
        If no words are left that can be stored.
    UsageError
        If the words that are there would be lost to worse ones, or galleries made with them could no longer be searched by
        word, and not `replace`.
    """
    started = time.monotonic()
    store = store.patient()
    dim = int(words.vectors.shape[1])
    store.indexes.require(index, dim=dim)
    manifest = Manifest(WORDS_ALIAS, "words", dim, words.fingerprint, sources=(source,))
    live = store.live(WORDS_ALIAS, made_as=manifest)
    ranks = _storable(words)
    if not ranks:
        raise InputError(f"{source} holds no words that can be stored. Nothing was changed.")
    same = live is not None and live.name == manifest.collection
    unchanged = live is not None and same and _is_complete(live, len(ranks))
    if live is not None and unchanged:
        collection = live
    else:
        if live is not None and not same and not replace:
            _require_no_worse(store, live, len(ranks))
        store.discard(manifest)
        collection = store.build(manifest)
        collection.upsert(_reported(_rows(words, ranks), progress))
    finished = store.finish(collection, index)
    store.publish(finished)
    if finished.is_lite:
        KeptVectors(finished.name).put(zip(words.words[:_KEPT], words.vectors, strict=False))
    skipped = words.skipped
    return WordsSummary(
        finished.count(), dim, unchanged, skipped.malformed, skipped.duplicates, tuple(skipped.examples),
        finished.manifest.index, time.monotonic() - started,
    )  # fmt: skip


def _require_no_worse(store: Store, live: Collection, count: int) -> None:
    galleries, stand = galleries_made_with(store, live.manifest), live.count()
    if galleries:
        names = ", ".join(galleries[:_NAMED]) + (", …" if len(galleries) > _NAMED else "")
        commands = "\n".join(f"  milvise project --gallery {name} --head conse" for name in galleries[:_NAMED])
        raise UsageError(
            f"the {stand:,} words that are loaded are those that these galleries were made with: {names}."
            f"\nReceived: {count:,} other words\nNothing was changed. To load them all the same, add --replace, and then"
            f" move each gallery to them (a trained head is trained anew):\n{commands}"
        )
    if 2 * count < stand:
        raise UsageError(
            f"the {stand:,} words that are loaded would be replaced by fewer than half as many.\nReceived: {count:,} words"
            "\nNothing was changed. To load them all the same, add --replace."
        )


def _is_complete(live: Collection, count: int) -> bool:
    """Return whether no row was lost: what is damaged is removed by `milvise verify --repair`, and loaded again here."""
    return live.count() == (live.manifest.rows or count)


def _storable(words: Words) -> list[int]:
    """Return the ranks of the words that Milvus can store; the others are counted."""
    ranks = []
    for rank, word in enumerate(words.words):
        problem = row_problem({"word": word}, WORDS)
        if problem is None:
            ranks.append(rank)
        else:
            words.skipped.add("malformed", problem)
    return ranks


def _rows(words: Words, ranks: list[int]) -> Iterator[dict[str, Any]]:
    for rank in ranks:
        yield {"word": words.words[rank], "rank": rank, "vector": words.vectors[rank]}


def _reported(rows: Iterator[dict[str, Any]], progress: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    for done, row in enumerate(rows, start=1):
        yield row
        if done % 1_000 == 0:
            progress(done)
