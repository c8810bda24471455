"""What kind of index a collection gets, and with which parameters it is built and searched.

Milvus Lite accepts any parameter silently and a server's answers differ by version, so names and ranges are checked
here, against the tables of Milvus' documentation ("In-memory Index", "On-disk Index").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milvise.errors import IndexSpecError, UnsupportedError

SMALL = 5_000
"""Up to so many rows an exact search takes milliseconds, so that `auto` builds no index for them."""

LITE_SEGMENT_ROWS = 40_000
"""How many rows Milvus Lite keeps together; k-means complains where it gets fewer than an index of all rows needs."""

_WIDE = 512
_NLIST = ("nlist", 1, 65_536)
_NPROBE = ("nprobe", 1, 65_536)
_Range = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class _Kind:
    milvus: str
    build: tuple[_Range, ...] = ()
    search: tuple[_Range, ...] = ()
    on_lite: bool = False


_KINDS = {
    "flat": _Kind("FLAT", on_lite=True),
    "ivf_flat": _Kind("IVF_FLAT", (_NLIST,), (_NPROBE,), on_lite=True),
    "ivf_sq8": _Kind("IVF_SQ8", (_NLIST,), (_NPROBE,), on_lite=True),
    "ivf_pq": _Kind("IVF_PQ", (_NLIST, ("m", 1, 65_536), ("nbits", 1, 16)), (_NPROBE,)),
    "hnsw": _Kind("HNSW", (("M", 2, 2_048), ("efConstruction", 1, 65_536)), (("ef", 1, 32_768),), on_lite=True),
    "scann": _Kind("SCANN", (_NLIST,), (_NPROBE, ("reorder_k", 1, 16_384))),
    "diskann": _Kind("DISKANN", (), (("search_list", 1, 65_535),)),
}
_AT_LEAST_LIMIT = ("ef", "search_list", "reorder_k")


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index as a user asks for it, such as ``hnsw`` or ``ivf_flat:nlist=1024,nprobe=32``.

    Attributes
    ----------
    kind : str
        One of ``auto``, ``flat``, ``ivf_flat``, ``ivf_sq8``, ``ivf_pq``, ``hnsw``, ``scann``, ``diskann``.
    params : mapping of str to int
        Build and search parameters; those not given get defaults in `resolve`.
    """

    kind: str
    params: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> IndexSpec:
        """Read ``kind`` or ``kind:name=value,…``.

        Raises
        ------
        IndexSpecError
            If the kind or a parameter is unknown, is not a whole number, or lies outside its range.
        """
        kind, _, rest = text.strip().partition(":")
        kind = kind.lower()
        if kind not in _KINDS and kind != "auto":
            raise IndexSpecError(f"unknown index kind.\nExpected: auto, {', '.join(_KINDS)}\nReceived: {text}")
        allowed = {name: (low, high) for name, low, high in _parameters(kind)}
        params: dict[str, int] = {}
        for part in filter(None, rest.split(",")):
            name, _, value = part.partition("=")
            name = name.strip()
            if name not in allowed:
                known = ", ".join(allowed) or "no parameters"
                raise IndexSpecError(
                    f"{kind} does not have the parameter {name!r}.\nExpected: {known}\nReceived: {text}"
                )
            params[name] = _whole_number(name, value, *allowed[name], text)
        return cls(kind, params)

    @classmethod
    def described(cls, described: Mapping[str, Any]) -> IndexSpec | None:
        """Return the kind and build parameters of an index as Milvus describes it, None for a kind that milvise lacks."""
        for kind, known in _KINDS.items():
            if known.milvus == described.get("index_type"):
                # Milvus Lite gives numbers below `params`, servers texts beside it.
                given = {**described, **dict(described.get("params") or {})}
                return cls(kind, {name: int(given[name]) for name, _, _ in known.build if name in given})
        return None

    def __str__(self) -> str:
        params = ",".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.kind}:{params}" if params else self.kind

    def require(self, *, is_lite: bool, dim: int | None = None) -> None:
        """Check that the connected Milvus has this index and that it fits vectors of this width.

        Raises
        ------
        UnsupportedError
            If Milvus Lite does not have the kind.
        IndexSpecError
            If ``m`` of ``ivf_pq`` does not divide the width.
        """
        if self.kind != "auto" and is_lite and not _KINDS[self.kind].on_lite:
            have = ", ".join(kind for kind, known in _KINDS.items() if known.on_lite)
            raise UnsupportedError(
                f"Milvus Lite does not have the index {self.kind}; it has {have}. Use a Milvus server."
            )
        m = self.params.get("m")
        if dim is not None and m is not None and dim % m:
            raise IndexSpecError(f"m of ivf_pq must divide the width of the vectors, {dim}.\nReceived: m={m}")

    def resolve(self, *, rows: int, dim: int, is_lite: bool) -> IndexSpec:
        """Return the spec with its kind decided and every parameter given, for so many rows of this width."""
        kind = self.kind if self.kind != "auto" else _automatic(rows, dim, is_lite=is_lite)
        # Milvus Lite builds one index for each of its segments, not one for all rows.
        defaults = _defaults(kind, min(rows, LITE_SEGMENT_ROWS) if is_lite else rows, dim)
        return IndexSpec(kind, {**defaults, **self.params} if kind == self.kind else defaults)

    @property
    def milvus_kind(self) -> str:
        """The name that Milvus has for the kind, such as ``HNSW``."""
        return _KINDS[self.kind].milvus

    @property
    def build_params(self) -> dict[str, int]:
        """The parameters that building needs."""
        return {name: self.params[name] for name, _, _ in _KINDS[self.kind].build}

    def search_params(self, limit: int) -> dict[str, int]:
        """Return the search parameters for `limit` hits; a beam narrower than that would cut the answer short."""
        params = {name: self.params[name] for name, _, _ in _KINDS[self.kind].search}
        return {name: max(value, limit) if name in _AT_LEAST_LIMIT else value for name, value in params.items()}

    def widened(self, factor: int) -> IndexSpec:
        """Return the spec with `factor` times as many clusters probed, for searches that fetch many candidates."""
        probes = self.params.get("nprobe")
        if probes is None:
            return self
        return IndexSpec(self.kind, {**self.params, "nprobe": min(probes * factor, self.params["nlist"])})


def _parameters(kind: str) -> tuple[_Range, ...]:
    return () if kind == "auto" else _KINDS[kind].build + _KINDS[kind].search


def _whole_number(name: str, value: str, low: int, high: int, text: str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise IndexSpecError(f"{name} must be a whole number.\nReceived: {text}") from None
    if not low <= number <= high:
        raise IndexSpecError(f"{name} must lie between {low} and {high}.\nReceived: {text}")
    return number


def _automatic(rows: int, dim: int, *, is_lite: bool) -> str:
    if rows <= SMALL:
        return "flat"
    # Milvus Lite takes minutes to build HNSW over many narrow rows and gains little from it (docs/decisions/0003).
    return "hnsw" if not is_lite or dim >= _WIDE else "ivf_flat"


def _defaults(kind: str, rows: int, dim: int) -> dict[str, int]:
    # 4 * sqrt(rows) clusters, as Milvus advises, but no more than k-means can place: it wants 39 rows for each.
    nlist = max(1, min(65_536, 4 * math.isqrt(rows), rows // 39))
    nprobe = min(nlist, max(16, nlist // 8))
    clusters = {"nlist": nlist}
    match kind:
        case "hnsw":
            return {"M": 16, "efConstruction": 200, "ef": 256}
        case "ivf_flat" | "ivf_sq8":
            return {**clusters, "nprobe": nprobe}
        case "ivf_pq":
            m = next(m for m in range(min(dim, max(1, dim // 4)), 0, -1) if dim % m == 0)
            return {**clusters, "m": m, "nbits": 8, "nprobe": nprobe}
        case "scann":
            return {**clusters, "nprobe": nprobe, "reorder_k": 256}
        case "diskann":
            return {"search_list": 128}
    return {}
