"""Pictures that a gallery holds more than once: the same files, or pictures that look the same.

Groups are yielded as they are found. What is held is a page of rows and one group at a time: hashes of files, and which pictures are in a group
already, lie in temporary files. Of pictures that all look the same, each is searched for and finds all others, so that a group of m takes m
searches with m hits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.adapter.pages import KeyRange
from milvise.core.chunks import chunks
from milvise.core.disk_keys import DiskKeys
from milvise.core.records import DuplicateGroup, Row
from milvise.errors import UsageError

SIMILARITY = 0.9
"""`benchmarks/answers.py` has the table."""

KINDS = ("exact", "visual")

_AT_ONCE = 100
_NEIGHBOURS = 16
_STEP = 8
_ROWS = 1_000


def check_kind(kind: str) -> None:
    """Raise `UsageError` where `kind` is none of `KINDS`."""
    if kind not in KINDS:
        raise UsageError(f"unknown kind of duplicates.\nExpected: {', '.join(KINDS)}\nReceived: {kind}")


def check_similarity(similarity: float) -> None:
    """Raise `UsageError` where a least cosine is not in (0, 1]."""
    if not 0 < similarity <= 1:
        raise UsageError(f"a similarity of duplicates lies between 0 and 1.\nReceived: {similarity}")


def exact_groups(visual: Collection, *, filter: str) -> Iterator[DuplicateGroup]:
    """Yield groups of pictures whose files are the same. Calls to Milvus: one pass over the rows, without vectors."""
    # A database without a name is a temporary file that nobody else sees.
    with closing(sqlite3.connect("")) as files:
        files.execute("CREATE TABLE files (sha256 TEXT, id TEXT, uri TEXT)")
        for rows in chunks(visual.scan(["id", "uri", "sha256"], filter=filter), _ROWS):
            found = [(row["sha256"], row["id"], row["uri"]) for row in rows if row["sha256"]]
            files.executemany("INSERT INTO files VALUES (?, ?, ?)", found)
        files.execute("CREATE INDEX by_hash ON files (sha256, uri)")
        several = files.execute("SELECT sha256 FROM files GROUP BY sha256 HAVING count(*) > 1 ORDER BY min(uri)")
        for (sha256,) in several:
            same = files.execute("SELECT id, uri FROM files WHERE sha256 = ? ORDER BY uri", (sha256,)).fetchall()
            yield DuplicateGroup(exact=True, similarity=1.0, pictures=tuple(same))


def visual_groups(
    visual: Collection,
    *,
    similarity: float,
    filter: str,
    after: str = "",
    settled: Callable[[str], None] = lambda key: None,
) -> Iterator[DuplicateGroup]:
    """Yield groups of pictures that are tied together by pairs that are at least so similar, ordered by their smallest ids.

    Calls to Milvus: one pass over the rows, one search for each hundred of them, and for pictures with neighbours that are
    as close one read and one search more.

    Parameters
    ----------
    after : str
        Only groups whose ids are all greater: those that are left where a request ended that had settled this id.
    settled : callable
        Told an id when every group with one that is not greater was yielded.

    Raises
    ------
    UsageError
        If the similarity is not in (0, 1].
    """
    check_similarity(similarity)
    with closing(DiskKeys()) as grouped:
        rows_of = visual.scan(["id", "uri", "sha256", "vector"], filter=filter, keys=KeyRange(after=after))
        for rows in chunks(rows_of, _AT_ONCE):
            known = grouped.among([row["id"] for row in rows])
            start = {row["id"]: row for row in rows if row["id"] not in known}
            for group in _groups(visual, start, similarity, filter):
                members = sorted(key for key, _ in group.pictures)
                grouped.add((key, b"") for key in members)
                if members[0] > after:
                    yield group
            settled(rows[-1]["id"])


def _groups(visual: Collection, start: dict[str, Row], similarity: float, filter: str) -> Iterator[DuplicateGroup]:
    """Yield the groups that hold any of these rows."""
    ties, rows = _Ties(), dict(start)
    vectors = {key: np.asarray(row.pop("vector"), dtype=np.float32) for key, row in start.items()}
    frontier, gone = list(start), set[str]()
    while frontier:
        beyond: dict[str, Row] = {}
        for batch in chunks(frontier, _AT_ONCE):
            asked = {key: vectors.pop(key) for key in batch if key in vectors} or visual.vectors(batch)
            gone.update(set(batch) - asked.keys())
            for key, hits in _neighbours(visual, asked, similarity, filter):
                others = [(row["id"], score) for row, score in hits if row["id"] != key]
                ties.add(key, others)
                beyond.update((row["id"], row) for row, _ in hits if row["id"] not in rows)
        rows.update(beyond)
        frontier = list(beyond)
    for members, lowest in ties.groups():
        standing = [rows[key] for key in members if key not in gone]
        if len(standing) > 1:
            yield _group(standing, lowest)


class _Ties:
    """Which pictures are tied together, and by which cosine at least: nothing is kept of a pair.

    References
    ----------
    Tarjan 1975, "Efficiency of a Good But Not Linear Set Union Algorithm".
    """

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._lowest: dict[str, float] = {}

    def add(self, key: str, others: Sequence[tuple[str, float]]) -> None:
        """Note that a picture is tied to others."""
        for other, score in others:
            self._lowest[key] = min(self._lowest.get(key, 1.0), score)
            ours, theirs = self._root(key), self._root(other)
            # The smallest one stands for all.
            self._parent[max(ours, theirs)] = min(ours, theirs)

    def groups(self) -> Iterator[tuple[list[str], float]]:
        """Yield the members of each group with their lowest cosine, by their smallest ones."""
        members: dict[str, list[str]] = {}
        for key in sorted(self._parent):
            members.setdefault(self._root(key), []).append(key)
        for root in sorted(members):
            yield members[root], min(self._lowest.get(key, 1.0) for key in members[root])

    def _root(self, key: str) -> str:
        parent = self._parent.setdefault(key, key)
        while parent != key:
            # Halving the path keeps it short.
            self._parent[key] = self._parent[parent]
            key, parent = parent, self._parent[parent]
        return key


def _neighbours(
    visual: Collection, vectors: dict[str, np.ndarray[Any, Any]], similarity: float, filter: str
) -> Iterator[tuple[str, list[tuple[Row, float]]]]:
    """Yield for each picture those that are close enough; no call answers more than some 16,384 hits."""
    count, left = _NEIGHBOURS, list(vectors)
    while left:
        more: list[str] = []
        for batch in chunks(left, max(1, MOST_HITS // count)):
            answers = visual.search(
                [vectors[key] for key in batch], limit=count, fields=["uri", "sha256"], filter=filter
            )
            for key, hits in zip(batch, answers, strict=True):
                # Where even the last is close enough there may be more.
                if len(hits) < count or count == MOST_HITS or hits[-1][1] < similarity:
                    yield key, [(row, score) for row, score in hits if score >= similarity]
                else:
                    more.append(key)
        left, count = more, min(MOST_HITS, count * _STEP)


def _group(rows: list[Row], lowest: float) -> DuplicateGroup:
    files = {row["sha256"] for row in rows}
    pictures = sorted(((row["id"], row["uri"]) for row in rows), key=lambda picture: picture[1])
    return DuplicateGroup(len(files) == 1 and "" not in files, min(1.0, lowest), tuple(pictures))
