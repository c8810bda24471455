"""What kind of index a collection gets, and with which parameters it is built and searched.

Milvus Lite accepts any parameter silently and a server's answers differ by version, so names and ranges are checked
here, against the tables of `milvise.adapter.index_kinds`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milvise.adapter.index_kinds import FIRST_MMAP, KINDS, MMAP, Range
from milvise.adapter.versions import version_of
from milvise.core.sizes import exact_size, read_size
from milvise.errors import IndexSpecError, UnsupportedError, UsageError

SMALL = 5_000
"""Up to so many rows an exact search takes milliseconds, so that `auto` builds no index for them."""

LITE_SEGMENT_ROWS = 40_000
"""How many rows Milvus Lite keeps together; k-means complains where it gets fewer than an index of all rows needs."""

SEGMENT_BYTES = 2**30
"""How many bytes of vectors a server keeps together, each with an index of its own (``dataCoord.segment.maxSize``, 1,024 MB)."""

SEALED_SHARE = 0.12
"""Of a segment: when a server seals rows that come one after another, and indexes them (``dataCoord.segment.sealProportion``)."""

_WIDE = 512
_AT_LEAST_LIMIT = ("ef", "search_list", "reorder_k")
_MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index as a user asks for it, such as ``hnsw``, ``ivf_flat:nlist=1024,nprobe=32`` or ``auto:memory=8GiB``.

    Attributes
    ----------
    kind : str
        ``auto``, or one of `milvise.adapter.index_kinds.KINDS`.
    params : mapping of str to int
        Build and search parameters; those not given get defaults in `resolve`. ``mmap=1`` lays the index on the disk. ``auto`` has
        ``memory``, the bytes that the collection may take of a server's memory.
    """

    kind: str
    params: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> IndexSpec:
        """Read ``kind`` or ``kind:name=value,…``.

        Raises
        ------
        IndexSpecError
            If the kind or a parameter is unknown, is no number, or lies outside its range.
        """
        kind, _, rest = text.strip().partition(":")
        kind = kind.lower()
        if kind not in KINDS and kind != "auto":
            raise IndexSpecError(f"unknown index kind.\nExpected: auto, {', '.join(KINDS)}\nReceived: {text}")
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
            params[name] = _size(value, text) if name == _MEMORY else _whole_number(name, value, *allowed[name], text)
        return cls(kind, params)

    @classmethod
    def described(cls, described: Mapping[str, Any]) -> IndexSpec | None:
        """Return the kind and build parameters of an index as Milvus describes it, None for a kind that milvise lacks."""
        for kind, known in KINDS.items():
            if known.milvus == described.get("index_type"):
                # Milvus Lite gives numbers below `params`, servers texts beside it.
                given = {**described, **dict(described.get("params") or {})}
                if any(str(given.get(name, value)) != str(value) for name, value in known.fixed.items()):
                    return None
                return cls(kind, {name: int(given[name]) for name, _, _ in known.build if name in given})
        return None

    def __str__(self) -> str:
        params = ",".join(
            f"{name}={exact_size(value) if name == _MEMORY else value}" for name, value in self.params.items()
        )
        return f"{self.kind}:{params}" if params else self.kind

    @property
    def memory(self) -> int | None:
        """The bytes that ``auto`` may take, None where no budget is given."""
        return self.params.get(_MEMORY)

    @property
    def is_mapped(self) -> bool:
        """Whether it lies on the disk and is mapped into memory."""
        return bool(self.params.get(MMAP[0]))

    def within(self, memory: int | None) -> IndexSpec:
        """Return the spec with a budget in bytes, for all that ``auto`` decides; None leaves it as it is.

        Raises
        ------
        IndexSpecError
            If another index than ``auto`` is asked for.
        """
        if memory is None:
            return self
        if self.kind != "auto":
            raise IndexSpecError(
                f"a budget of memory decides which index is built, and {self.kind} is asked for.\nExpected: the index auto with"
                f" a budget, or {self.kind} without one"
            )
        return IndexSpec(self.kind, {**self.params, _MEMORY: memory})

    def share(self, part: float) -> IndexSpec:
        """Return the spec with a part of its budget, for one of the collections that share it."""
        return self if self.memory is None else self.within(max(1, round(self.memory * part)))

    def require(self, *, is_lite: bool, dim: int | None = None, version: str = "") -> None:
        """Check that the connected Milvus has this index and that it fits vectors of this width.

        Parameters
        ----------
        version : str
            What a server says of itself; where it says nothing that can be read, it is left to refuse by itself.

        Raises
        ------
        UnsupportedError
            If this Milvus does not have the kind, or cannot map it from the disk.
        IndexSpecError
            If ``m`` of ``ivf_pq`` does not divide the width.
        """
        if self.kind != "auto" and is_lite and not KINDS[self.kind].on_lite:
            have = ", ".join(kind for kind, known in KINDS.items() if known.on_lite)
            raise UnsupportedError(
                f"Milvus Lite does not have the index {self.kind}; it has {have}. Use a Milvus server."
            )
        self._require_place(is_lite)
        if not is_lite:
            self._require_version(version)
        m = self.params.get("m")
        if dim is not None and m is not None and dim % m:
            raise IndexSpecError(f"m of ivf_pq must divide the width of the vectors, {dim}.\nReceived: m={m}")

    def resolve(self, *, rows: int, dim: int, is_lite: bool, together: int | None = None) -> IndexSpec:
        """Return the spec with its kind decided and every parameter given, for so many rows of this width.

        Parameters
        ----------
        together : int, optional
            How many rows lie in one segment at most, where they are fewer than Milvus would put there.
        """
        kind = self.kind if self.kind != "auto" else _automatic(rows, dim, is_lite=is_lite)
        # Milvus builds one index for each of its segments, not one for all rows.
        most = LITE_SEGMENT_ROWS if is_lite else segment_rows(dim)
        defaults = _defaults(kind, min(rows, most, together or most), dim)
        return IndexSpec(kind, {**defaults, **self.params} if kind == self.kind else defaults)

    def _require_place(self, is_lite: bool) -> None:
        if is_lite and (self.memory is not None or self.is_mapped):
            raise UnsupportedError(
                "Milvus Lite holds all vectors in memory, whatever the index: it keeps to no budget and maps nothing. Use a Milvus"
                " server, or leave the budget out."
            )

    def _require_version(self, version: str) -> None:
        since = FIRST_MMAP if self.is_mapped else (0, 0)
        since = since if self.kind == "auto" else max(since, KINDS[self.kind].since)
        found = version_of(version)
        if found is not None and found < since:
            raise UnsupportedError(
                f"a Milvus server has the index {self} from version {since[0]}.{since[1]} on.\nReceived: a server of version"
                f" {version}"
            )

    @property
    def milvus_kind(self) -> str:
        """The name that Milvus has for the kind, such as ``HNSW``."""
        return KINDS[self.kind].milvus

    @property
    def build_params(self) -> dict[str, int]:
        """The parameters that building needs."""
        return {name: self.params[name] for name, _, _ in KINDS[self.kind].build}

    @property
    def fixed_params(self) -> dict[str, str | bool]:
        """What building needs beside `build_params`, the same for every index of the kind."""
        return dict(KINDS[self.kind].fixed)

    def stands_as(self, other: IndexSpec) -> bool:
        """Return whether an index of this spec needs not be built again for the other one; both are resolved."""
        return (self.kind, self.build_params, self.is_mapped) == (other.kind, other.build_params, other.is_mapped)

    def search_params(self, limit: int) -> dict[str, int]:
        """Return the search parameters for `limit` hits; a beam narrower than that would cut the answer short."""
        params = {name: self.params[name] for name, _, _ in KINDS[self.kind].search}
        return {name: max(value, limit) if name in _AT_LEAST_LIMIT else value for name, value in params.items()}

    def widened(self, factor: int) -> IndexSpec:
        """Return the spec with `factor` times as many clusters probed, for searches that fetch many candidates."""
        probes = self.params.get("nprobe")
        if probes is None:
            return self
        return IndexSpec(self.kind, {**self.params, "nprobe": min(probes * factor, self.params["nlist"])})


def segment_rows(dim: int) -> int:
    """Return how many vectors of this width a server indexes together, at most."""
    return max(1, SEGMENT_BYTES // (4 * dim))


def _parameters(kind: str) -> tuple[Range, ...]:
    # A size, which has a form of its own.
    return ((_MEMORY, 1, 0),) if kind == "auto" else KINDS[kind].parameters


def _size(value: str, text: str) -> int:
    try:
        return read_size(value, what="the memory of an index")
    except UsageError as error:
        raise IndexSpecError(f"{error}\nReceived: {text}") from None


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
        case "hnsw" | "hnsw_sq8":
            return {"M": 16, "efConstruction": 200, "ef": 256}
        case "ivf_flat" | "ivf_sq8":
            return {**clusters, "nprobe": nprobe}
        case "ivf_pq":
            m = next(m for m in range(min(dim, max(1, dim // 4)), 0, -1) if dim % m == 0)
            return {**clusters, "m": m, "nbits": 8, "nprobe": nprobe}
        case "scann":
            return {**clusters, "nprobe": nprobe, "reorder_k": 256}
        case "ivf_rabitq":
            return {**clusters, "nprobe": nprobe, "refine_k": 4}
        case "diskann":
            return {"search_list": 128}
    return {}
