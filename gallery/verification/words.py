"""The words: whether each rank stands once, with a vector of length one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.adapter.rows import check_vector
from milvise.core.chunks import chunks
from milvise.errors import VectorError
from milvise.gallery.names import WORDS_ALIAS
from milvise.gallery.verification.record import Notes, many

_ROWS = 1_000
_UNIT = 1e-3


@dataclass(slots=True)
class _Ranks:
    """Which ranks were seen, a byte for each."""

    expected: int
    seen: bytearray = field(default_factory=bytearray)
    read: int = 0
    beyond: int = 0
    repeated: int = 0

    def add(self, rank: int) -> bool:
        """Note a rank; return whether it is one that may be, and was not seen before."""
        self.read += 1
        if not self.seen:
            self.seen = bytearray(self.expected)
        if not 0 <= rank < self.expected:
            self.beyond += 1
            return False
        self.repeated += self.seen[rank]
        first, self.seen[rank] = not self.seen[rank], 1
        return first


def check_words(words: Collection, notes: Notes) -> bool:
    """Check all words, read as a stream: a call for each thousand; return whether they are sound."""
    alias, again = (
        words.manifest.alias,
        "Have the damaged rows removed (milvise verify --repair), and load the same words again: " + _loading(words),
    )
    ranks, wrong = _Ranks(_most(words)), 0
    for row, sound in _rows(words):
        ranks.add(int(row["rank"]))
        wrong += not sound
    before = len(notes.problems)
    notes.looked_at("words", ranks.read)
    wanted = words.manifest.rows if words.manifest.rows is not None else words.manifest.fingerprint.get("count")
    counted = words.count()
    if wanted is not None and wanted != counted:
        notes.problem("word_count", f"{alias}: {counted:,} of {many(int(wanted), 'word')} stand. {again}")
    if ranks.repeated or ranks.beyond:
        both = many(ranks.repeated + ranks.beyond, "rank")
        notes.problem("word_rank", f"{alias}: {both} stand twice or are not among 0 to {ranks.expected - 1:,}. {again}")
    if wrong:
        notes.problem("word_vector", f"{alias}: {many(wrong, 'vector')} not finite or not of length one. {again}")
    return len(notes.problems) == before


def remove_damaged_words(words: Collection) -> list[str]:
    """Delete words whose vector or rank cannot be, so that loading the same words puts them back; say how many."""
    ranks, damaged = _Ranks(_most(words)), list[str]()
    repeated = set[int]()
    for row, sound in _rows(words):
        rank = int(row["rank"])
        if not sound or not ranks.add(rank):
            damaged.append(str(row["word"]))
            repeated.add(rank)
    if not damaged:
        return []
    # Of two words with one rank, nobody knows which is right.
    damaged += [str(row["word"]) for row, _ in _rows(words) if int(row["rank"]) in repeated]
    damaged = sorted(set(damaged))
    words.delete(damaged)
    words.settle()
    return [
        f"{words.manifest.alias}: {many(len(damaged), 'damaged word')} removed. Put them back by loading the same words again:"
        f" {_loading(words)}"
    ]


def _rows(words: Collection) -> Iterator[tuple[dict[str, Any], bool]]:
    for batch in chunks(words.scan(["word", "rank", "vector"]), _ROWS):
        for row in batch:
            yield row, _is_unit(row["vector"], words.manifest.dim)


def _is_unit(vector: object, dim: int) -> bool:
    try:
        return bool(abs(np.linalg.norm(check_vector(vector, dim, owner="a word")) - 1) < _UNIT)
    except VectorError:
        return False


def _most(words: Collection) -> int:
    """Return how many ranks there are: words that Milvus cannot store leave theirs empty."""
    return int(words.manifest.fingerprint.get("count") or words.manifest.rows or words.count())


def _loading(words: Collection) -> str:
    if words.manifest.alias != WORDS_ALIAS:
        return "milvise ingest images SOURCE, into a gallery of this encoder"
    return f"milvise ingest words {words.manifest.sources[0] if words.manifest.sources else 'SOURCE'}"
