"""Pictures that a gallery holds more than once: the same files, or pictures that look the same.

Groups are yielded as they are found. What is held is a thousand rows at a time and the groups themselves; the hashes of
all files lie in a temporary file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.core.chunks import chunks
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
        for (sha256,) in several.fetchall():
            same = files.execute("SELECT id, uri FROM files WHERE sha256 = ? ORDER BY uri", (sha256,)).fetchall()
            yield DuplicateGroup(exact=True, similarity=1.0, pictures=tuple(same))


def visual_groups(visual: Collection, *, similarity: float, filter: str) -> Iterator[DuplicateGroup]:
    """Yield groups of pictures that are tied together by pairs that are at least so similar.

    Calls to Milvus: one pass over the rows, one search for each hundred of them, and for pictures with neighbours that are
    as close one read and one search more.

    Raises
    ------
    UsageError
        If the similarity is not in (0, 1].
    """
    check_similarity(similarity)
    grouped: set[str] = set()
    for rows in chunks(visual.scan(["id", "uri", "sha256", "vector"], filter=filter), _AT_ONCE):
        start = {row["id"]: row for row in rows if row["id"] not in grouped}
        for group in _groups(visual, start, similarity, filter):
            grouped.update(key for key, _ in group.pictures)
            yield group


def _groups(visual: Collection, start: dict[str, Row], similarity: float, filter: str) -> Iterator[DuplicateGroup]:
    """Yield the groups that hold any of these rows."""
    rows = dict(start)
    ties: dict[str, list[tuple[str, float]]] = {}
    frontier = list(start)
    while frontier:
        beyond: dict[str, Row] = {}
        for batch in chunks(frontier, _AT_ONCE):
            vectors = [np.asarray(rows[key].pop("vector"), dtype=np.float32) for key in batch]
            for key, hits in zip(batch, _neighbours(visual, vectors, similarity, filter), strict=True):
                ties[key] = [(row["id"], score) for row, score in hits if row["id"] != key]
                beyond.update((row["id"], row) for row, _ in hits if row["id"] not in rows)
        vectors_of = visual.vectors(list(beyond)) if beyond else {}
        frontier = list(vectors_of)
        rows.update((key, {**beyond[key], "vector": vectors_of[key]}) for key in frontier)
    left = dict.fromkeys(key for key, found in ties.items() if found)
    while left:
        members = _connected(next(iter(left)), ties)
        for key in members:
            left.pop(key, None)
        if len(members) > 1:
            yield _group([rows[key] for key in members], [score for key in members for _, score in ties[key]])


def _neighbours(
    visual: Collection, vectors: list[np.ndarray[Any, Any]], similarity: float, filter: str
) -> list[list[tuple[Row, float]]]:
    found: dict[int, list[tuple[Row, float]]] = {}
    count = _NEIGHBOURS
    while len(found) < len(vectors):
        open_ = [place for place in range(len(vectors)) if place not in found]
        fields = ["uri", "sha256"]
        answers = visual.search([vectors[place] for place in open_], limit=count, fields=fields, filter=filter)
        for place, hits in zip(open_, answers, strict=True):
            # Where even the last is close enough there may be more.
            if len(hits) < count or count == MOST_HITS or hits[-1][1] < similarity:
                found[place] = [(row, score) for row, score in hits if score >= similarity]
        count = min(MOST_HITS, count * _STEP)
    return [found[place] for place in range(len(vectors))]


def _connected(start: str, ties: dict[str, list[tuple[str, float]]]) -> list[str]:
    members, waiting = {start: None}, [start]
    while waiting:
        for key, _ in ties[waiting.pop()]:
            if key not in members and key in ties:
                members[key] = None
                waiting.append(key)
    return list(members)


def _group(rows: list[Row], scores: list[float]) -> DuplicateGroup:
    files = {row["sha256"] for row in rows}
    pictures = sorted(((row["id"], row["uri"]) for row in rows), key=lambda picture: picture[1])
    return DuplicateGroup(len(files) == 1 and "" not in files, min(1.0, *scores), tuple(pictures))
