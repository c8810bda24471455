"""How fast the connected Milvus takes rows, indexes and loads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from milvise.adapter import IndexSpec, Store
from milvise.adapter.trial import Trial, trial
from milvise.core.spaces import JOINT, VISUAL
from milvise.operations.capacity.figures import HERE, Cost, fitted
from milvise.operations.capacity.measure_embedding import sample_rows
from milvise.operations.capacity.usual import GRAPH_GROWTH, LISTS_GROWTH

FEW, MANY = 1_500, 6_000
"""A server builds no index over fewer than 1,024 rows."""

NARROW = 64
"""Beside a gallery without a narrow collection, rows of so many values are measured."""

_KINDS = {"index.hnsw": IndexSpec("hnsw"), "index.ivf": IndexSpec("ivf_sq8")}


def measure_milvus(
    store: Store, spaces: Mapping[str, int], note: Callable[[str], None], *, few: int = FEW, many: int = MANY
) -> dict[str, Cost]:
    """Insert, index and load rows of a trial, in three sizes; it is dropped at the end.

    Parameters
    ----------
    spaces : mapping of str to int
        The width of each collection.
    note : callable
        Told what comes next.
    """
    wide = spaces[VISUAL]
    narrow = min(spaces.get(JOINT, NARROW), wide // 2)
    taken: dict[str, dict[tuple[int, int], float]] = {}
    for rows, dim in ((few, narrow), (many, narrow), (many, wide)):
        note(f"Milvus: {rows:,} rows of {dim} values …")
        with trial(store, room=VISUAL, dim=dim) as tried:
            for name, seconds in _one(tried, rows, dim, is_lite=store.connection.is_lite).items():
                taken.setdefault(name, {})[rows, dim] = seconds
    is_lite = store.connection.is_lite
    source = f"{HERE}, {'Milvus Lite' if is_lite else 'Milvus'} {store.connection.version}: {many:,} rows of {narrow} and {wide} values"
    # Milvus Lite builds an index for each of its small segments.
    growth = {} if is_lite else {"index.hnsw": GRAPH_GROWTH, "index.ivf": LISTS_GROWTH}
    return {
        name: fitted(measured, source=source, at_rows=many if name in growth else 0, growth=growth.get(name, 0.0))
        for name, measured in taken.items()
    }


def _one(tried: Trial, rows: int, dim: int, *, is_lite: bool) -> dict[str, float]:
    made = sample_rows(dim, rows)
    found = {"insert": tried.insert(made)}
    tried.settle()
    loads = []
    for name, kind in _KINDS.items():
        found[name] = tried.index(kind.resolve(rows=rows, dim=dim, is_lite=is_lite))
        loads.append(tried.load())
    return {**found, "load": min(loads)}
