"""The steps of a load from pictures to a gallery that is searched, each with its time and what it waits for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milvise.adapter import IndexSpec
from milvise.adapter.index_spec import SEALED_SHARE, segment_rows
from milvise.operations.capacity.calibration import LITE, Calibration
from milvise.operations.capacity.figures import ARITHMETIC, Cost, Figure

_BY_CLUSTERS = ("ivf_flat", "ivf_sq8", "ivf_pq", "ivf_rabitq", "scann")


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes
    ----------
    name : str
        ``list``, ``embed``, ``write``, ``import``, ``index`` or ``load``.
    seconds : float
    waits_for : str
        What makes it no faster: ``the disk``, ``the workers``, ``the object store``, ``Milvus``.
    rate : Figure
        What its time was reckoned with.
    """

    name: str
    seconds: float
    waits_for: str
    rate: Figure

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "name": self.name, "seconds": round(self.seconds, 1), "waits_for": self.waits_for, "rate": self.rate.to_json(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fleet:
    """What there is to work with.

    Attributes
    ----------
    workers : int
        Processes that embed, each on a machine (or a share of one) like the one of the calibration.
    nodes : int
        Nodes of Milvus that import and index.
    bandwidth : float
        Bytes a second that the store of the pictures gives to all workers together.
    shard_rows : int
        Pictures of a shard, which is one task of a worker.
    by_upserts : bool
        Whether rows are upserted by a client, and not imported in bulk.
    """

    workers: int
    nodes: int
    bandwidth: float
    shard_rows: int
    by_upserts: bool


def steps_of(pictures: int, fleet: Fleet, known: Calibration, indexes: Mapping[str, IndexSpec]) -> tuple[Step, ...]:
    """Return the steps in their order.

    Parameters
    ----------
    indexes : mapping of str to IndexSpec
        The index of each collection.
    """
    figures = known.figures
    listed, loading = figures["list_per_s"], known.costs["load"]
    return (
        Step("list", pictures / listed.value, "the disk", listed),
        _embed(pictures, fleet, known),
        _write(pictures, fleet, known),
        _import(pictures, fleet, known),
        _index(pictures, fleet, known, indexes),
        _in_milvus("load", pictures, sum(loading.seconds(pictures, dim) for dim in known.spaces.values()), (loading,)),
    )


def embedding_seconds(pictures: int, workers: int, per_s: float, start_s: float, shard_rows: int) -> float:
    """Return how long workers take that each do one shard after another, of which the last may be a short one."""
    whole, last = divmod(pictures, shard_rows)
    rounds, left = divmod(whole, workers)
    return start_s + (rounds * shard_rows + (shard_rows if left else last)) / per_s


def balance_point(pictures: int, known: Calibration, others_s: float) -> int:
    """Return from how many workers on embedding takes no longer than import, index and load together."""
    per_s = known.figures["embed_per_s"].value
    return max(1, math.ceil(pictures / (per_s * max(others_s, 1.0))))


def _embed(pictures: int, fleet: Fleet, known: Calibration) -> Step:
    rate, start = known.figures["embed_per_s"], known.figures["start_s"]
    working = embedding_seconds(pictures, fleet.workers, rate.value, start.value, fleet.shard_rows)
    fetching = pictures * known.figures["picture_bytes"].value / fleet.bandwidth
    if fetching > working:
        per_s = fleet.bandwidth / known.figures["picture_bytes"].value
        return Step("embed", fetching, "the object store", Figure(per_s, "pictures/s", ARITHMETIC))
    return Step("embed", working, "the workers", rate)


def _write(pictures: int, fleet: Fleet, known: Calibration) -> Step:
    cost = known.costs["write"]
    shards = math.ceil(pictures / fleet.shard_rows)
    seconds = sum(cost.seconds(pictures, dim) for dim in known.spaces.values()) / min(shards, fleet.workers)
    return Step(
        "write", seconds, "the disks of the workers", Figure(pictures / seconds if seconds else 0.0, "pictures/s", cost.source)
    )  # fmt: skip


def _import(pictures: int, fleet: Fleet, known: Calibration) -> Step:
    in_file = rows_of_file(fleet, known)
    by_client = in_file is None
    cost = known.costs["insert" if by_client else "import"]
    seconds = sum(_filling(cost, pictures, dim, in_file, fleet.nodes) for dim in known.spaces.values())
    sending = pictures * known.figures["shard_bytes"].value / fleet.bandwidth
    if not by_client and sending > seconds:
        per_s = fleet.bandwidth / known.figures["shard_bytes"].value
        return Step("import", sending, "the object store", Figure(per_s, "pictures/s", ARITHMETIC))
    return _in_milvus("import", pictures, seconds, (cost,))


def _filling(cost: Cost, pictures: int, dim: int, in_file: int | None, nodes: int) -> float:
    """Return the seconds until a collection has its rows: a node imports one file after another."""
    if in_file is None:
        return cost.seconds(pictures, dim)
    whole, last = divmod(pictures, in_file)
    rounds = math.ceil(whole / nodes)
    # The last file, which is smaller, is somebody's beside whole ones where these do not come out even.
    alone = last and whole % nodes == 0
    return rounds * cost.seconds(in_file, dim) + (cost.seconds(last, dim) if alone else 0.0)


def _index(pictures: int, fleet: Fleet, known: Calibration, indexes: Mapping[str, IndexSpec]) -> Step:
    seconds, costs = 0.0, []
    for space, dim in known.spaces.items():
        kind = indexes[space].kind
        if kind == "flat":
            continue
        by_clusters = kind in _BY_CLUSTERS
        cost = known.costs["index.ivf" if by_clusters else "index.hnsw"]
        together = _indexed_together(dim, rows_of_file(fleet, known), by_clusters=by_clusters)
        seconds += cost.seconds(pictures, dim, together=together, nodes=fleet.nodes)
        costs.append(cost)
    return _in_milvus("index", pictures, seconds, costs)


def rows_of_file(fleet: Fleet, known: Calibration) -> int | None:
    """Return how many rows a server imports from one file, of which it makes a segment; None where a client sends them."""
    return None if fleet.by_upserts or known.milvus == LITE else fleet.shard_rows


def _indexed_together(dim: int, in_file: int | None, *, by_clusters: bool) -> float:
    """Return how many rows of a width an index is built over when they have just come."""
    whole = segment_rows(dim)
    if in_file is not None:
        return min(in_file, whole)
    # A segment is sealed, and gets its graph, before it is full. Clusters are counted for a full one.
    return whole if by_clusters else SEALED_SHARE * whole


def _in_milvus(name: str, pictures: int, seconds: float, costs: Sequence[Cost]) -> Step:
    sources = dict.fromkeys(cost.source for cost in costs)
    return Step(
        name, seconds, "Milvus", Figure(pictures / seconds if seconds else 0.0, "pictures/s", "; ".join(sources) or ARITHMETIC)
    )  # fmt: skip
