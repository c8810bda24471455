"""The memory that a gallery's two collections take of a server, and what lies on disks, by size and index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from milvise.adapter.choose_index import HEADROOM, Choice, choose_index, loaded_bytes
from milvise.adapter.index_memory import ADVISED, SCALAR_BYTES, disk_bytes, footprint
from milvise.adapter.index_spec import IndexSpec
from milvise.adapter.versions import version_of
from milvise.operations.capacity.calibration import LITE, Calibration
from milvise.operations.capacity.figures import ARITHMETIC, Figure


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """One collection of a gallery.

    Attributes
    ----------
    name : str
        ``visual`` or ``joint``.
    dim : int
    index : str
        With all its parameters.
    memory : Figure
        Of a loaded collection, its scalars included.
    keep : Figure
        What is to be there for it: with room for searches and new rows.
    advised : Figure
        What is advised for its index, without scalars.
    disk : Figure
        Of the object store: vectors and index.
    fits : bool
        Whether `keep` is within its part of the budget.
    """

    name: str
    dim: int
    index: str
    memory: Figure
    keep: Figure
    advised: Figure
    disk: Figure
    fits: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        figures = {name: getattr(self, name).to_json() for name in ("memory", "keep", "advised", "disk")}
        return {"name": self.name, "dim": self.dim, "index": self.index, "fits": self.fits, **figures}


def collections_of(
    pictures: int, known: Calibration, *, memory: int | None, index: IndexSpec, together: int | None
) -> tuple[CollectionPlan, ...]:
    """Return the collections of a gallery of so many pictures.

    Parameters
    ----------
    memory : int, optional
        The budget in bytes for both, which they share by what a row of each takes.
    index : IndexSpec
        What is asked for; ``auto`` is decided as a load decides it.
    together : int, optional
        As `milvise.adapter.IndexSpec.resolve`.
    """
    # As `milvise.gallery.pair` shares it.
    sizes = {name: dim + SCALAR_BYTES[name] for name, dim in known.spaces.items()}
    shares = {
        name: None if memory is None else round(memory * size / sum(sizes.values())) for name, size in sizes.items()
    }
    return tuple(
        _planned(
            name, dim, pictures, _chosen(name, dim, pictures, shares[name], index, together, known.milvus), known.milvus
        )
        for name, dim in known.spaces.items()
    )


def specs(collections: tuple[CollectionPlan, ...]) -> Mapping[str, IndexSpec]:
    """Return the index of each collection by its name."""
    return {one.name: IndexSpec.parse(one.index) for one in collections}


def _chosen(
    name: str, dim: int, rows: int, memory: int | None, index: IndexSpec, together: int | None, milvus: str
) -> Choice:
    scalars = SCALAR_BYTES[name]
    if index.kind == "auto" and milvus != LITE:
        return choose_index(
            rows=rows,
            dim=dim,
            scalar_bytes=scalars,
            memory=memory,
            version=version_of(milvus),
            has_diskann=lambda: True,
            together=together,
        )
    spec = index.resolve(rows=rows, dim=dim, is_lite=milvus == LITE, together=together)
    taken = HEADROOM * loaded_bytes(spec, rows=rows, dim=dim, scalar_bytes=scalars)
    return Choice(spec, taken, memory is None or taken <= memory)


def _planned(name: str, dim: int, rows: int, choice: Choice, milvus: str) -> CollectionPlan:
    spec = choice.spec
    loaded = loaded_bytes(spec, rows=rows, dim=dim, scalar_bytes=SCALAR_BYTES[name])
    if milvus == LITE:
        # It holds the vectors themselves too.
        loaded += 4.0 * dim * rows
    most = rows * footprint(spec.kind, dim=dim, params=spec.params, mapped=spec.is_mapped).high
    disk = rows * (disk_bytes(spec.kind, dim=dim, params=spec.params) + SCALAR_BYTES[name])
    return CollectionPlan(
        name, dim, str(spec),
        Figure(loaded, "bytes", ARITHMETIC),
        Figure(max(loaded, choice.bytes), "bytes", f"{ARITHMETIC}, times {HEADROOM}"),
        Figure(most, "bytes", ADVISED),
        Figure(disk, "bytes", f"{ARITHMETIC}: the vectors in the log, and the index"),
        choice.fits,
    )  # fmt: skip
