"""Which index ``auto`` builds: by the number of rows, their width, what the Milvus has, and the memory that there is.

The kinds are tried from what searches best to what takes least: HNSW, HNSW over bytes, IVF over bytes, IVF over bits whose candidates are
compared again with six bits, DiskANN, and IVF over bytes that lies on the disk. The first one that fits is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from milvise.adapter.index_kinds import FIRST_MMAP, KINDS, MMAP
from milvise.adapter.index_memory import footprint, mapped_part
from milvise.adapter.index_spec import SMALL, IndexSpec
from milvise.adapter.versions import Version

HEADROOM = 1.2
"""Of the memory that an index takes by arithmetic, so much is to be there: searches and new rows take some too."""

SERVER_SHARE = 0.7
"""Which part of the memory that a server says it has may be taken, where no budget is given."""

WIDE_ENOUGH_FOR_BITS = 256
"""In narrower vectors, bits and six bits lose too much (``benchmarks/quantised_recall.py``)."""

_PREFERRED = ("hnsw", "hnsw_sq8", "ivf_sq8", "ivf_rabitq")
_OLDEST: Version = (2, 3)


@dataclass(frozen=True, slots=True)
class Choice:
    """An index that was chosen.

    Attributes
    ----------
    spec : IndexSpec
        With all its parameters.
    bytes : float
        What the collection then takes of a server's memory, its scalars and `HEADROOM` included.
    fits : bool
        Whether that is within the budget; no index was found that is, otherwise.
    """

    spec: IndexSpec
    bytes: float
    fits: bool


def choose_index(
    *,
    rows: int,
    dim: int,
    scalar_bytes: float,
    memory: int | None,
    version: Version | None,
    has_diskann: Callable[[], bool],
    together: int | None = None,
) -> Choice:
    """Return the index that ``auto`` stands for on a Milvus server.

    Parameters
    ----------
    scalar_bytes : float
        What a row takes beside its vector.
    memory : int, optional
        The bytes that the collection may take; without one, the first kind is taken.
    version : tuple of int, optional
        The server's; one that says none is taken for the oldest.
    has_diskann : callable
        Asked only where everything before DiskANN is too large: whether the server builds it, which takes seconds to find out.
    together : int, optional
        As `milvise.adapter.IndexSpec.resolve`.
    """
    if rows <= SMALL:
        return _choice(IndexSpec("flat"), rows, dim, scalar_bytes, memory, together)
    last: Choice | None = None
    for spec in _candidates(version or _OLDEST, dim, has_diskann):
        last = _choice(spec, rows, dim, scalar_bytes, memory, together)
        if last.fits:
            break
    assert last is not None
    return last


def loaded_bytes(spec: IndexSpec, *, rows: int, dim: int, scalar_bytes: float) -> float:
    """Return what a collection with this index, all its parameters given, takes of a server's memory by arithmetic, without headroom."""
    one = footprint(spec.kind, dim=dim, params=spec.params, mapped=spec.is_mapped)
    return rows * (one.high if spec.is_mapped or spec.kind == "diskann" else one.low) + rows * (
        mapped_part(scalar_bytes) if spec.is_mapped else scalar_bytes
    )


def _candidates(version: Version, dim: int, has_diskann: Callable[[], bool]) -> Iterator[IndexSpec]:
    for kind in _PREFERRED:
        if version >= KINDS[kind].since and (kind != "ivf_rabitq" or dim >= WIDE_ENOUGH_FOR_BITS):
            yield IndexSpec(kind)
    if has_diskann():
        yield IndexSpec("diskann")
    if version >= FIRST_MMAP:
        yield IndexSpec("ivf_sq8", {MMAP[0]: 1})


def _choice(
    spec: IndexSpec, rows: int, dim: int, scalar_bytes: float, memory: int | None, together: int | None
) -> Choice:
    full = spec.resolve(rows=rows, dim=dim, is_lite=False, together=together)
    taken = HEADROOM * loaded_bytes(full, rows=rows, dim=dim, scalar_bytes=scalar_bytes)
    return Choice(full, taken, memory is None or taken <= memory)
