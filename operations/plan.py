"""What a gallery of so many pictures takes: its index, memory and disk, the time of each step, and what limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.adapter import IndexSpec
from milvise.adapter.index_memory import SCALAR_BYTES
from milvise.adapter.versions import version_of
from milvise.core.config import DEFAULT_BACKBONE
from milvise.core.sizes import read_count, read_size, shown_size
from milvise.errors import UsageError
from milvise.operations.capacity.calibration import LITE, Calibration, kept_path, read_calibration, usual
from milvise.operations.capacity.figures import ARITHMETIC, Figure
from milvise.operations.capacity.memory import CollectionPlan, collections_of, specs
from milvise.operations.capacity.steps import Fleet, Step, balance_point, rows_of_file, steps_of
from milvise.operations.checks import index_within, require_count, require_index
from milvise.operations.progress import Progress, notes, silent

NEWEST = "2.6"
"""The server that is planned for where none is named and none was measured."""

BANDWIDTH = "1.25GB"
"""A network of ten gigabits a second."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned for; `milvise.plan` says what each value means.

    Raises
    ------
    UsageError, IndexSpecError
        If a value cannot be.
    """

    pictures: str | int
    backbone: str = DEFAULT_BACKBONE
    memory: str | int | None = None
    workers: int = 1
    nodes: int = 1
    milvus: str | None = None
    index: str = "auto"
    bandwidth: str | int = BANDWIDTH
    shard_rows: int = 100_000
    upserts: bool = False
    head: bool = True
    calibration: Path | None = None

    def __post_init__(self) -> None:
        read_count(str(self.pictures), what="the number of pictures")
        read_size(str(self.bandwidth), what="a bandwidth")
        require_index(self.index)
        for name in ("workers", "nodes", "shard_rows"):
            require_count(name, getattr(self, name), 1)
        if self.milvus not in (None, LITE) and version_of(str(self.milvus)) is None:
            raise UsageError(f"unknown Milvus.\nExpected: lite, or a version such as 2.6\nReceived: {self.milvus}")
        spec = index_within(self.index if self.index != "auto" else None, self.memory if self.index == "auto" else None)
        if spec is not None and self.milvus is not None:
            spec.require(is_lite=self.milvus == LITE, version=self.milvus)


@dataclass(frozen=True, slots=True)
class Planned:
    """What it takes.

    Attributes
    ----------
    pictures : int
    backbone, milvus : str
    measured_on : str
        What the calibration says of its machine; ``""`` where nothing was measured.
    budget : int, optional
        The memory that there is, in bytes.
    collections : tuple of CollectionPlan
    steps : tuple of Step
    seconds : float
        Of all steps, one after the other.
    scalars, shards, sources : Figure
        Bytes: of what a server holds beside the vectors, of the shards, and of the picture files.
    limits : tuple of str
        What limits, in sentences, the first one first.
    """

    pictures: int
    backbone: str
    milvus: str
    measured_on: str
    budget: int | None
    collections: tuple[CollectionPlan, ...]
    steps: tuple[Step, ...]
    scalars: Figure
    shards: Figure
    sources: Figure
    limits: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Of all steps, one after the other."""
        return sum(step.seconds for step in self.steps)

    def step(self, name: str) -> Step:
        """Return a step by its name."""
        return next(step for step in self.steps if step.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "pictures": self.pictures, "backbone": self.backbone, "milvus": self.milvus, "measured_on": self.measured_on,
            "memory_budget": self.budget, "collections": [one.to_json() for one in self.collections],
            "disk": {name: getattr(self, name).to_json() for name in ("shards", "sources")}, "scalars": self.scalars.to_json(),
            "steps": [step.to_json() for step in self.steps], "seconds": round(self.seconds, 1), "limits": list(self.limits),
        }  # fmt: skip


def plan(request: Plan, progress: Progress = silent) -> Planned:
    """Reckon what a gallery takes; nothing is asked and nothing is done. Errors as `milvise.plan`."""
    notes(progress)(f"Reckoning with {request.calibration or 'what is known'} …")
    known = _known(request)
    pictures = read_count(str(request.pictures))
    budget = None if request.memory is None else read_size(str(request.memory))
    fleet = Fleet(
        request.workers, request.nodes, read_size(str(request.bandwidth)), request.shard_rows, request.upserts
    )
    collections = collections_of(
        pictures, known, memory=budget, index=IndexSpec.parse(request.index), together=rows_of_file(fleet, known)
    )
    steps = steps_of(pictures, fleet, known, specs(collections))
    return Planned(
        pictures, known.backbone, known.milvus, str(known.machine.get("name", "")), budget, collections, steps,
        Figure(pictures * sum(SCALAR_BYTES[name] for name in known.spaces), "bytes", ARITHMETIC),
        _times(pictures, known.figures["shard_bytes"]),
        _times(pictures, known.figures["picture_bytes"]),
        tuple(_limits(pictures, fleet, known, collections, steps, budget)),
    )  # fmt: skip


def _known(request: Plan) -> Calibration:
    """Return the figures to reckon with: those of a file, those that were measured on this machine, or the usual ones."""
    if request.calibration is not None:
        found: Calibration | None = read_calibration(request.calibration)
    else:
        kept = kept_path(request.backbone)
        found = read_calibration(kept) if kept.is_file() else None
    if found is None:
        return usual(request.backbone, milvus=request.milvus or NEWEST, joint=request.head)
    found = found if request.head else found.without_joint()
    return found if request.milvus is None else found.on(request.milvus)


def _limits(
    pictures: int,
    fleet: Fleet,
    known: Calibration,
    collections: tuple[CollectionPlan, ...],
    steps: tuple[Step, ...],
    budget: int | None,
) -> list[str]:
    total = sum(step.seconds for step in steps)
    longest = max(steps, key=lambda step: step.seconds)
    said = [f"Time: {longest.name} takes {longest.seconds / total:.0%} of it, and waits for {longest.waits_for}."]
    behind = sum(step.seconds for step in steps if step.name in ("import", "index", "load"))
    point = balance_point(pictures, known, behind)
    said.append(f"Workers: from {point:,} on, embedding takes no longer than import, index and load together.")
    shards = math.ceil(pictures / fleet.shard_rows)
    if shards < fleet.workers:
        said.append(
            f"Shards: there are {shards:,} of {fleet.shard_rows:,} pictures, and {fleet.workers - shards:,} workers have none."
        )
    needed = sum(one.keep.value for one in collections)
    if budget is not None and not all(one.fits for one in collections):
        said.insert(
            0,
            f"Memory: {shown_size(needed)} are needed, and there are {shown_size(budget)}. No index that this Milvus has fits.",
        )
    elif budget is not None:
        said.append(f"Memory: {shown_size(needed)} of {shown_size(budget)} are taken.")
    else:
        said.append(f"Memory: {shown_size(needed)} are needed.")
    return said


def _times(pictures: int, each: Figure) -> Figure:
    return Figure(
        pictures * each.value, each.unit, f"{ARITHMETIC}, with {each.value:,.0f} bytes a picture ({each.source})"
    )
