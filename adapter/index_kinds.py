"""The kinds of index that milvise knows: what Milvus calls them, their parameters, and which Milvus has them.

Names, ranges and versions are those of Milvus' documentation ("In-memory Index", "On-disk Index", "HNSW_SQ", "IVF_RABITQ", "MMap-enabled
Data Storage") and of its release notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from milvise.adapter.versions import Version

Range = tuple[str, int, int]
"""A parameter with its least and its greatest value."""

FIRST_MMAP: Version = (2, 4)
"""The first version in which one index can be mapped from the disk; 2.3 knows that for a whole server only."""

MMAP: Range = ("mmap", 0, 1)
_OLDEST: Version = (2, 3)
_NLIST = ("nlist", 1, 65_536)
_NPROBE = ("nprobe", 1, 65_536)
_GRAPH = (("M", 2, 2_048), ("efConstruction", 1, 65_536))
_EF = ("ef", 1, 32_768)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of index.

    Attributes
    ----------
    milvus : str
        What Milvus calls it.
    build, search : tuple of (str, int, int)
        The parameters of building and of searching, with their ranges.
    fixed : mapping
        Further build parameters, which milvise gives always.
    on_lite : bool
        Whether Milvus Lite has it.
    since : tuple of int
        The first version of a server that has it.
    may_map : bool
        Whether it can lie on the disk and be mapped into memory.
    """

    milvus: str
    build: tuple[Range, ...] = ()
    search: tuple[Range, ...] = ()
    fixed: Mapping[str, str | bool] = field(default_factory=dict)
    on_lite: bool = False
    since: Version = _OLDEST
    may_map: bool = True

    @property
    def parameters(self) -> tuple[Range, ...]:
        """All parameters that a user may give."""
        return self.build + self.search + ((MMAP,) if self.may_map else ())


KINDS = {
    "flat": Kind("FLAT", on_lite=True, may_map=False),
    "ivf_flat": Kind("IVF_FLAT", (_NLIST,), (_NPROBE,), on_lite=True),
    "ivf_sq8": Kind("IVF_SQ8", (_NLIST,), (_NPROBE,), on_lite=True),
    "ivf_pq": Kind("IVF_PQ", (_NLIST, ("m", 1, 65_536), ("nbits", 1, 16)), (_NPROBE,)),
    # One bit for each dimension finds candidates, which are compared again with six bits for each: with eight it would take more memory
    # than HNSW over bytes (docs/decisions/0027).
    "ivf_rabitq": Kind(
        "IVF_RABITQ", (_NLIST,), (_NPROBE, ("refine_k", 1, 64)), {"refine": True, "refine_type": "SQ6"}, since=(2, 6)
    ),
    "hnsw": Kind("HNSW", _GRAPH, (_EF,), on_lite=True),
    "hnsw_sq8": Kind("HNSW_SQ", _GRAPH, (_EF,), {"sq_type": "SQ8"}, on_lite=True, since=(2, 5)),
    "scann": Kind("SCANN", (_NLIST,), (_NPROBE, ("reorder_k", 1, 16_384)), may_map=False),
    "diskann": Kind("DISKANN", (), (("search_list", 1, 65_535),), may_map=False),
}
