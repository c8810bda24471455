"""The tables of docs/capacity.md, as Markdown: what `milvise plan` says for five sizes, with the figures that milvise brings.

    python benchmarks/capacity.py

Nothing is measured, and figures of this machine are not looked at: the tables are the same everywhere.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import milvise
from milvise.core.sizes import shown_size
from milvise.operations.plan import Planned

SIZES = ("100k", "1M", "10M", "100M", "1B")
INDEXES = ("hnsw", "hnsw_sq8", "ivf_sq8", "ivf_sq8:mmap=1")
BUDGETS = ("1TB", "360GB", "260GB", "100GB")
FLEETS = (("100k", 1, 1), ("1M", 4, 1), ("10M", 16, 2), ("100M", 64, 8), ("1B", 128, 32))
VERSIONS = ("2.3", "2.4", "2.5", "2.6")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MILVISE_CACHE"] = folder
        print("\n\n".join("\n".join(table) for table in (sizes(), indexes(), times())))


def sizes() -> Iterator[str]:
    """Yield the table of the memory that is to be there, by size and index, and of disk."""
    yield f"| pictures | {' | '.join(f'`{index}`' for index in INDEXES)} | of it without vectors | advised for `hnsw` | object store | shards |"
    yield "| --- |" + " --- |" * (len(INDEXES) + 4)
    for pictures in SIZES:
        plans = [milvise.plan(pictures, index=index, milvus="2.6") for index in INDEXES]
        keep = [shown_size(summed(one, "keep")) for one in plans]
        first = plans[0]
        others = (summed(first, "advised"), summed(first, "disk"), first.shards.value)
        yield f"| {pictures} | {' | '.join(keep)} | {shown_size(first.scalars.value)} | {' | '.join(map(shown_size, others))} |"


def summed(found: Planned, name: str) -> float:
    return sum(getattr(one, name).value for one in found.collections)


def indexes() -> Iterator[str]:
    """Yield the table of what `auto` builds for a hundred million pictures, by the budget and the server."""
    yield f"| 100M pictures, visual / joint | {' | '.join(VERSIONS)} |"
    yield "| --- |" + " --- |" * len(VERSIONS)
    for budget in BUDGETS:
        found = [milvise.plan("100M", memory=budget, milvus=version) for version in VERSIONS]
        yield f"| {budget.replace('GB', ' GB').replace('TB', ' TB')} | {' | '.join(kinds(one) for one in found)} |"


def times() -> Iterator[str]:
    """Yield the table of times, with as many workers and nodes as fit the size."""
    yield "| pictures | workers | nodes | list | embed | write | import | index | load | all |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for pictures, workers, nodes in FLEETS:
        found = milvise.plan(
            pictures, workers=workers, nodes=nodes, milvus="2.6", shard_rows=25_000 if pictures in ("100k", "1M") else 100_000,
            memory={"100M": "384GB", "1B": "4TB"}.get(pictures), bandwidth="12.5GB" if pictures == "1B" else "1.25GB",
        )  # fmt: skip
        cells = [duration(step.seconds) for step in found.steps]
        yield f"| {pictures} | {workers} | {nodes} | {' | '.join(cells)} | {duration(found.seconds)} |"


def kinds(found: Planned) -> str:
    """Return the indexes of both collections, once where they are the same."""
    names = [
        one.index.partition(":")[0]
        + (" on disk" if "mmap=1" in one.index else "")
        + ("" if one.fits else " (does not fit)")
        for one in found.collections
    ]
    return " / ".join(dict.fromkeys(names))


def duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
