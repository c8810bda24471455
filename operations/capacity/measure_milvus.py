"""How fast the connected Milvus takes rows, indexes and loads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from milvise.adapter import IndexSpec, Store
from milvise.adapter.address import is_local
from milvise.adapter.schema import room_of
from milvise.adapter.trial import Trial, trial
from milvise.core.spaces import JOINT, VISUAL
from milvise.ingest.shards.rows_file import as_table, write_table
from milvise.operations.capacity.figures import HERE, Cost, fitted
from milvise.operations.capacity.measure_files import sample_rows
from milvise.operations.capacity.usual import GRAPH_GROWTH, LISTS_GROWTH

FEW, MANY, WIDE = 1_500, 24_000, 6_000
"""Narrow rows, a few and many of them, and wide ones. A server builds no index over fewer than 1,024 rows, and needs two seconds for any."""

NARROW = 64
"""Beside a gallery without a narrow collection, rows of so many values are measured."""

_KINDS = {"index.hnsw": IndexSpec("hnsw"), "index.ivf": IndexSpec("ivf_sq8")}


def measure_milvus(
    store: Store,
    spaces: Mapping[str, int],
    note: Callable[[str], None],
    folder: Path,
    *,
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
    rows : tuple of int
        A few and many narrow rows, and wide ones.
    """
    wide = spaces[VISUAL]
    narrow = narrow_of(spaces)
    is_lite = store.connection.is_lite
    taken: dict[str, dict[tuple[int, int], float]] = {}
    for count, dim in zip(rows, (narrow, narrow, wide), strict=True):
        note(f"Milvus: {count:,} rows of {dim} values …")
        with trial(store, room=VISUAL, dim=dim) as tried:
            for name, seconds in _one(tried, count, dim, is_lite=is_lite).items():
                taken.setdefault(name, {})[count, dim] = seconds
        if (importing := _imported(store, count, dim, folder)) is not None:
            taken.setdefault("import", {})[count, dim] = importing
    if len(taken.get("import", {})) < len(rows):
        taken.pop("import", None)
    source = (
        f"{HERE}, {'Milvus Lite' if is_lite else 'Milvus'} {store.connection.version}: {rows[1]:,} rows of {narrow} values and {rows[2]:,}"
        f" of {wide}"
    )
    # Milvus Lite builds an index for each of its small segments.
    growth = {} if is_lite else {"index.hnsw": GRAPH_GROWTH, "index.ivf": LISTS_GROWTH}
    return {name: fitted(measured, source=source, growth=growth.get(name, 0.0)) for name, measured in taken.items()}


def narrow_of(spaces: Mapping[str, int]) -> int:
    """Return the width of narrow rows, beside that of the visual vectors."""
    return min(spaces.get(JOINT, NARROW), spaces[VISUAL] // 2)


def _one(tried: Trial, rows: int, dim: int, *, is_lite: bool) -> dict[str, float]:
    found = {"insert": tried.insert(sample_rows(dim, rows))}
    tried.settle()
    for name, kind in _KINDS.items():
        found[name] = tried.index(kind.resolve(rows=rows, dim=dim, is_lite=is_lite))
    return {**found, "load": tried.load()}


def _imported(store: Store, rows: int, dim: int, folder: Path) -> float | None:
    """Return the seconds of a bulk import, None where the server is not on this machine or cannot read its files."""
    if store.connection.is_lite or not is_local(store.connection.uri):
        return None
    made = sample_rows(dim, rows)
    path = folder / f"import-{rows}-{dim}.parquet"
    write_table(as_table(made, [row["vector"] for row in made], room_of(VISUAL), dim), path, dim)
    with trial(store, room=VISUAL, dim=dim) as tried:
        return tried.import_file(path)
