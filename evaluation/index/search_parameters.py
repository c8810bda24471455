"""The search parameters that are tried: one number for each kind of index, from cheap to thorough."""

from __future__ import annotations

from milvise.adapter import IndexSpec

WIDEST_BEAM = 1_024
"""The widest beam that is tried."""

_EFFORT = {
    "hnsw": "ef", "hnsw_sq8": "ef", "ivf_flat": "nprobe", "ivf_sq8": "nprobe", "ivf_pq": "nprobe", "ivf_rabitq": "nprobe", "scann": "nprobe",
    "diskann": "search_list",
}  # fmt: skip
_STEPS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096)


def effort(index: IndexSpec) -> str | None:
    """Return the name of the parameter that trades time for recall, None for an exact index."""
    return _EFFORT.get(index.kind)


def grid(index: IndexSpec, k: int, *, coarse: bool = False) -> list[IndexSpec]:
    """Return the index with each effort worth trying, and with its own, ascending.

    The beam of a graph is at least k wide; no more clusters are probed than there are.

    Parameters
    ----------
    coarse : bool
        Whether each effort is about twice the one before it, and not 1.5 times.
    """
    name = effort(index)
    if name is None:
        return [index]
    least, most = (1, index.params["nlist"]) if name == "nprobe" else (k, WIDEST_BEAM)
    steps = [step for step in _STEPS if least < step < most and (not coarse or step.bit_count() == 1)]
    values = sorted({least, *steps, most, index.params[name]})
    return [IndexSpec(index.kind, {**index.params, name: value}) for value in values]
