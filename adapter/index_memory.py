"""How much memory a loaded index takes, by arithmetic, and what Milvus' people advise to keep for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from milvise.core.spaces import JOINT, VISUAL

ARITHMETIC = "arithmetic"
ADVISED = "multipliers that Milvus' community advises (milvus-io, March 2026)"

SCALAR_BYTES = {VISUAL: 640, JOINT: 290}
"""What a server holds of a row beside its vector: key, URI, label, hash, size, metadata and what the network saw (arithmetic, with 24
bytes for each text)."""

_ID_BYTES = 8
_MAPPED = (0.10, 0.30)
"""Which part of what is mapped from the disk is to be in memory."""

_DISKANN = (0.08, 0.225)
"""PQ codes of an eighth of the vectors, and a cache of a tenth (``DiskIndex.PQCodeBudgetGBRatio`` and ``SearchCacheBudgetGBRatio``)."""

_MOST = {
    "flat": 1.0,
    "ivf_flat": 1.1,
    "hnsw": 1.8,
    "hnsw_sq8": 0.35,
    "ivf_sq8": 0.30,
    "ivf_pq": 0.12,
    "ivf_rabitq": 0.30,
    "scann": 1.3,
}
"""By kind: bytes that are advised to be kept for each byte of the float32 vectors."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one row of an index takes of a server's memory, in bytes.

    Attributes
    ----------
    low : float
        By arithmetic: the codes of its vector, its edges, its id.
    high : float
        With what is advised to be kept free for building and loading.
    """

    low: float
    high: float


def footprint(kind: str, *, dim: int, params: Mapping[str, int], mapped: bool = False) -> Footprint:
    """Return what one row of an index takes.

    Parameters
    ----------
    kind : str
        As in `milvise.adapter.index_kinds.KINDS`.
    params : mapping of str to int
        Its build parameters; those of `IndexSpec.resolve`.
    mapped : bool
        Whether it lies on the disk and is mapped.
    """
    raw = 4.0 * dim
    if kind == "diskann":
        return Footprint(raw * _DISKANN[0], raw * _DISKANN[1])
    low = _row_bytes(kind, dim, params)
    high = max(low, raw * _MOST[kind])
    return Footprint(low * _MAPPED[0], low * _MAPPED[1]) if mapped else Footprint(low, high)


def mapped_part(size: float) -> float:
    """Return which part of scalars that are mapped from the disk is to be in memory, at most."""
    return size * _MAPPED[1]


def disk_bytes(kind: str, *, dim: int, params: Mapping[str, int]) -> float:
    """Return what one row takes of the object store: its vector in a binlog, and its row of the index."""
    raw = 4.0 * dim
    # A DiskANN graph keeps the vector and up to 56 edges of each row, in sectors of the disk.
    index = raw + 56 * 4 if kind == "diskann" else _row_bytes(kind, dim, params)
    return raw + index


def _row_bytes(kind: str, dim: int, params: Mapping[str, int]) -> float:
    # The lowest layer of the graph has 2 M edges of four bytes, those above it about M / 16 more.
    edges = 4.0 * (2 * params.get("M", 16) + params.get("M", 16) / 16)
    match kind:
        case "hnsw":
            return 4.0 * dim + edges + _ID_BYTES
        case "hnsw_sq8":
            return dim + edges + _ID_BYTES
        case "ivf_sq8":
            return dim + _ID_BYTES
        case "ivf_pq":
            return params.get("m", max(1, dim // 4)) * params.get("nbits", 8) / 8 + _ID_BYTES
        case "ivf_rabitq":
            return dim * (1 + 6) / 8 + 2 * _ID_BYTES
        case "scann":
            return 4.5 * dim + _ID_BYTES
    return 4.0 * dim + _ID_BYTES
