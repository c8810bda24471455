"""The steps of a load from pictures to a gallery that is searched, each with its time and what it waits for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from milvise.adapter import IndexSpec
from milvise.adapter.index_spec import segment_rows
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
    listed = figures["list_per_s"]
    return (
        Step("list", pictures / listed.value, "the disk", listed),
        _embed(pictures, fleet, known),
        _write(pictures, fleet, figures["write_per_s"]),
        _import(pictures, fleet, known),
        _in_milvus("index", pictures, known, lambda space: _index_cost(indexes[space], known), nodes=fleet.nodes),
        _in_milvus("load", pictures, known, lambda _: known.costs["load"], nodes=1),
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


def _write(pictures: int, fleet: Fleet, rate: Figure) -> Step:
    shards = math.ceil(pictures / fleet.shard_rows)
    return Step("write", pictures / (min(shards, fleet.workers) * rate.value), "the disks of the workers", rate)


def _import(pictures: int, fleet: Fleet, known: Calibration) -> Step:
    by_client = fleet.by_upserts or known.milvus == LITE
    cost = known.costs["insert" if by_client else "import"]
    found = _in_milvus("import", pictures, known, lambda _: cost, nodes=1 if by_client else fleet.nodes)
    sending = pictures * known.figures["shard_bytes"].value / fleet.bandwidth
    if not by_client and sending > found.seconds:
        per_s = fleet.bandwidth / known.figures["shard_bytes"].value
        return Step("import", sending, "the object store", Figure(per_s, "pictures/s", ARITHMETIC))
    return found


def _in_milvus(
    name: str, pictures: int, known: Calibration, cost_of: Callable[[str], Cost | None], *, nodes: int
) -> Step:
    """Return a step that both collections go through, one after the other."""
    taken, sources = 0.0, []
    for space, dim in known.spaces.items():
        cost = cost_of(space)
        if cost is not None:
            taken += cost.seconds(pictures, dim, together=segment_rows(dim), nodes=nodes)
            sources.append(cost.source)
    rate = Figure(pictures / taken if taken else 0.0, "pictures/s", "; ".join(dict.fromkeys(sources)) or ARITHMETIC)
    return Step(name, taken, "Milvus", rate)


def _index_cost(spec: IndexSpec, known: Calibration) -> Cost | None:
    if spec.kind == "flat":
        return None
    return known.costs["index.ivf" if spec.kind in _BY_CLUSTERS else "index.hnsw"]
