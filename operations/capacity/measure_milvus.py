"""How fast the connected Milvus takes rows, indexes and loads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from milvise.adapter import IndexSpec, Store
from milvise.adapter.address import is_local
from milvise.adapter.schema import room_of
from milvise.adapter.trial import Trial, trial
from milvise.core.spaces import JOINT, VISUAL
from milvise.ingest.shards.rows_file import as_table, write_table
from milvise.operations.capacity.figures import HERE, Cost, fitted
from milvise.operations.capacity.measure_files import rows_hold, sample_rows
from milvise.operations.capacity.usual import GRAPH_GROWTH, LISTS_GROWTH

FEW, MANY, WIDE = 1_500, 24_000, 6_000
"""Narrow rows, a few and many of them, and wide ones. A server builds no index over fewer than 1,024 rows, and needs two seconds for any."""

NARROW = 64
"""Beside a gallery without a narrow collection, rows of so many values are measured."""

_FILE = 4
"""So many times as many rows are in a file."""

_AT_ONCE = 3
"""So many times it is imported at once. Milvus 2.3.5 looks every two seconds which file is in, and begins the next one then."""

_KINDS = {"index.hnsw": IndexSpec("hnsw"), "index.ivf": IndexSpec("ivf_sq8")}
_GROWTH = {"index.hnsw": GRAPH_GROWTH, "index.ivf": LISTS_GROWTH}


def measure_milvus(
    store: Store,
    spaces: Mapping[str, int],
    note: Callable[[str], None],
    folder: Path,
    *,
    top_classes: bool = True,
    rows: tuple[int, int, int] = (FEW, MANY, WIDE),
) -> dict[str, Cost]:
    """Insert, index and load rows of a trial, in three sizes; it is dropped at the end.

    Parameters
    ----------
    spaces : mapping of str to int
        The width of each collection.
    note : callable
        Told what comes next.
    folder : Path
        For files that are not needed afterwards: a server on this machine imports them.
    top_classes : bool
        Whether visual rows hold what a backbone saw.
    rows : tuple of int
        A few and many narrow rows, and wide ones.
    """
    wide, narrow = spaces[VISUAL], narrow_of(spaces)
    is_lite = store.connection.is_lite
    few, many, some = rows
    holding = rows_hold(spaces, top_classes=top_classes)
    imported: dict[str, Cost] = {}
    if not is_lite and is_local(store.connection.uri):
        imported = _imported(
            store, ((few, narrow), (_FILE * many, narrow), (_FILE * some, wide)), holding, note, folder
        )
    taken: dict[str, dict[tuple[int, int], float]] = {}
    for count, dim in ((few, narrow), (many, narrow), (some, wide)):
        note(f"Milvus: {count:,} rows of {dim} values …")
        with trial(store, room=VISUAL, dim=dim, top_classes=holding(dim)) as tried:
            found = {"insert": tried.insert(sample_rows(dim, count, top_classes=holding(dim)))}
            if not imported:
                tried.settle()
                found |= _indexed(tried, count, dim, is_lite=is_lite)
        for name, seconds in found.items():
            taken.setdefault(name, {})[count, dim] = seconds
    source = (
        f"{HERE}, {'Milvus Lite' if is_lite else 'Milvus'} {store.connection.version}: {many:,} rows of {narrow} values and {some:,}"
        f" of {wide}"
    )
    # Milvus Lite builds an index for each of its small segments.
    return _fitted(taken, source, {} if is_lite else _GROWTH) | imported


def narrow_of(spaces: Mapping[str, int]) -> int:
    """Return the width of narrow rows, beside that of the visual vectors."""
    return min(spaces.get(JOINT, NARROW), spaces[VISUAL] // 2)


def _indexed(tried: Trial, rows: int, dim: int, *, is_lite: bool = False, imported: bool = False) -> dict[str, float]:
    """Return the seconds of each index, and of loading."""
    found = {
        name: tried.index(kind.resolve(rows=rows, dim=dim, is_lite=is_lite), imported=imported)
        for name, kind in _KINDS.items()
    }
    return {**found, "load": tried.load()}


def _fitted(
    taken: Mapping[str, Mapping[tuple[int, int], float]], source: str, growth: Mapping[str, float]
) -> dict[str, Cost]:
    return {name: fitted(measured, source=source, growth=growth.get(name, 0.0)) for name, measured in taken.items()}


def _imported(
    store: Store,
    sizes: Sequence[tuple[int, int]],
    holding: Callable[[int], bool],
    note: Callable[[str], None],
    folder: Path,
) -> dict[str, Cost]:
    """Return what it costs to import files, and to index and load rows that were; nothing where the server cannot read files of this machine.

    Such rows lie in one segment, as those of a shard do, and not in several as rows that are sent. What a file takes is found from several that
    the server has at a time, as in a load.
    """
    taken: dict[str, dict[tuple[int, int], float]] = {}
    for count, dim in sizes:
        note(f"Milvus: a file of {count:,} rows of {dim} values …")
        room, rows = room_of(VISUAL, top_classes=holding(dim)), sample_rows(dim, count, top_classes=holding(dim))
        path = folder / f"import-{count}-{dim}.parquet"
        write_table(as_table(rows, [row["vector"] for row in rows], room, dim), path, dim)
        with trial(store, room=VISUAL, dim=dim, top_classes=holding(dim)) as tried:
            if (together := tried.import_file(path, times=_AT_ONCE)) is None:
                return {}
        with trial(store, room=VISUAL, dim=dim, top_classes=holding(dim)) as tried:
            if tried.import_file(path) is None:
                return {}
            seconds = {"import": together / _AT_ONCE, **_indexed(tried, count, dim, imported=True)}
        for name, took in seconds.items():
            taken.setdefault(name, {})[count, dim] = took
    (_, _), (many, narrow), (some, wide) = sizes
    source = f"{HERE}, Milvus {store.connection.version}: files of {many:,} rows of {narrow} values and of {some:,} of {wide}"
    return _fitted(taken, source, _GROWTH)
