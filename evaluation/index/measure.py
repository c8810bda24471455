"""Start here for index recall: how much of the exact answer a gallery's index finds, and how fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.adapter import IndexSpec
from milvise.core.arrays import Floats
from milvise.evaluation.index.exact_search import Questions, exact_cosines, found_cosines, recalls
from milvise.evaluation.index.libraries import MOST_BYTES, build, installed
from milvise.evaluation.index.sampled_queries import questions_for
from milvise.evaluation.index.search_parameters import grid
from milvise.evaluation.index.speed import CLIENTS, Speed, time_searches
from milvise.evaluation.report.figures import Figure, interval, mean_figure
from milvise.evaluation.report.section import Section
from milvise.queries.evaluation_reads import GalleryReader, StoredSpace
from milvise.queries.index_copy import copied


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """What to evaluate.

    Attributes
    ----------
    k : int
        How many results count.
    queries : int
        How many queries in each space.
    kinds : tuple of IndexSpec
        Further indexes, tried on copies that are dropped.
    seconds : float
        The longest that one setting is timed for, by one client and again by eight.
    """

    k: int = 10
    queries: int = 200
    kinds: tuple[IndexSpec, ...] = ()
    seconds: float = 1.0


def evaluate_index(reading: GalleryReader, options: IndexOptions, note: Callable[[str], None]) -> Section:
    """Measure recall against exact search on the gallery's own vectors, latency and throughput.

    Raises
    ------
    UnsupportedError, IndexSpecError
        If the connected Milvus does not have an index that was asked for.
    """
    part = Section("index", facts={"k": options.k})
    if reading.joint is None:
        part.not_measured.append("The joint index: the gallery has no joint vectors.")
    for name in reading.spaces:
        for kind in options.kinds:
            # What Milvus does not have is said before minutes of measuring.
            reading.database.store.indexes.require(kind, dim=reading.space(name).dim)
    for name in reading.spaces:
        _evaluate_space(reading, name, options, part, note)
    return part


def _evaluate_space(
    reading: GalleryReader, name: str, options: IndexOptions, part: Section, note: Callable[[str], None]
) -> None:
    space = reading.space(name)
    questions, _ = questions_for(reading, name, options.queries)
    if not len(questions):
        part.not_measured.append(f"The {name} index: there are too few pictures to ask with.")
        return
    part.facts |= {f"{name} vectors": space.rows, f"{name} width": space.dim, f"{name} queries": len(questions)}
    note(f"Computing exact answers over {space.rows:,} {name} vectors …")
    exact = exact_cosines(space, questions, options.k)
    rows = part.tables.setdefault(name, [])
    if _copies_for_each(space):
        part.not_measured.append(
            f"Eight clients at once on the {name} vectors: Milvus Lite copies them for each search, which would fill the memory."
        )
    for setting in grid(space.index, options.k, coarse=True):
        row = _row(space.searched_with(setting), questions, exact, options, note)
        rows.append({**row, "in_use": setting == space.index})
        if setting == space.index:
            part.figures += _figures(name, row, options.k)
    for kind in options.kinds:
        note(f"Building {kind} over a copy of {space.rows:,} {name} vectors …")
        with copied(reading, name, kind) as copy:
            for setting in grid(copy.index, options.k, coarse=True):
                row = _row(copy.searched_with(setting), questions, exact, options, note)
                rows.append({**row, "in_use": False})
    _libraries(space, name, questions, exact, options, part, note)


def _row(
    space: StoredSpace, questions: Questions, exact: Floats, options: IndexOptions, note: Callable[[str], None]
) -> dict[str, Any]:
    note(f"Searching with {space.index} …")
    found = recalls(found_cosines(space, questions, options.k), exact)

    def search(number: int) -> object:
        place = number % len(questions)
        return space.nearest(questions.vectors[place : place + 1], limit=options.k)

    together = not _copies_for_each(space)
    speed = time_searches(search, most=len(questions), seconds=options.seconds, together=together)
    return _setting(str(space.index), space.index.kind, found, speed)


def _copies_for_each(space: StoredSpace) -> bool:
    # Milvus Lite gathers all vectors for each search, picks the valid ones, and scales them to unit length.
    return space.is_lite and CLIENTS * 3 * 4 * space.rows * space.dim > MOST_BYTES


def _setting(index: str, family: str, found: list[float], speed: Speed) -> dict[str, Any]:
    low, high = interval(found)
    return {
        "index": index, "family": family, "recall": round(float(np.mean(found)), 4), "low": low, "high": high,
        "worst": round(float(min(found)), 4), **speed.to_json(), "by": [round(float(value), 4) for value in found],
    }  # fmt: skip


def _figures(name: str, row: dict[str, Any], k: int) -> list[Figure]:
    by = {f"query {number}": value for number, value in enumerate(row["by"])}
    what = f"of the exact {k} closest the share that the index in use finds, a mean over queries"
    return [
        mean_figure(f"index.{name}.recall@{k}", by, what=what, over="queries"),
        *(
            Figure(
                f"index.{name}.{percentile}", row[percentile], "lower", "ms", f"one client, {row['searches']} searches"
            )
            for percentile in ("p50_ms", "p95_ms", "p99_ms")
        ),
        Figure(f"index.{name}.qps_1", row["qps_1"], "higher", "queries/s", "one client"),
        *(
            Figure(f"index.{name}.qps_8", speed, "higher", "queries/s", "eight clients, threads of one process")
            for speed in [row["qps_8"]]
            if speed is not None
        ),
    ]


def _libraries(
    space: StoredSpace,
    name: str,
    questions: Questions,
    exact: Floats,
    options: IndexOptions,
    part: Section,
    note: Callable[[str], None],
) -> None:
    if not installed():
        part.not_measured.append(
            f"Other libraries on the {name} vectors: none of faiss, hnswlib and annoy is installed."
        )
        return
    # The vectors, the library's own, and what building its index takes.
    if 3 * 4 * space.rows * space.dim > MOST_BYTES:
        part.not_measured.append(
            f"Other libraries on the {name} vectors: they would take more than {MOST_BYTES // 2**20} MiB of memory."
        )
        return
    ids: list[str] = []
    vectors = np.empty((space.rows, space.dim), np.float32)
    for keys, chunk in space.vectors():
        # What was written meanwhile was not asked about.
        place = len(ids)
        ids += keys[: space.rows - place]
        vectors[place : len(ids)] = chunk[: space.rows - place]
    vectors = vectors[: len(ids)]
    for library in installed():
        row = _library_row(library, vectors, ids, questions, exact, options, note)
        part.tables[name].append({**row, "in_use": False})


def _library_row(
    name: str,
    vectors: Floats,
    ids: list[str],
    questions: Questions,
    exact: Floats,
    options: IndexOptions,
    note: Callable[[str], None],
) -> dict[str, Any]:
    # One library is in memory at a time.
    library = build(name, vectors)
    note(f"Searching with {library.name} …")
    found = [_answer(library.search, vectors, ids, questions, place, options.k) for place in range(len(questions))]

    def search(number: int) -> object:
        return library.search(questions.vectors[number % len(questions)], options.k)

    speed = time_searches(search, most=len(questions), seconds=options.seconds)
    return _setting(library.name, "library", recalls(found, exact), speed)


def _answer(
    search: Callable[[Floats, int], list[int]],
    vectors: Floats,
    ids: list[str],
    questions: Questions,
    place: int,
    k: int,
) -> list[float]:
    own = questions.own[place] if questions.own else ""
    places = [
        row for row in search(questions.vectors[place], min(len(ids), k + bool(own))) if row >= 0 and ids[row] != own
    ]
    return [float(cosine) for cosine in vectors[places[:k]] @ questions.vectors[place]]
