"""Writes docs/performance.md from what the other benchmarks left in ``benchmarks/results``; `make bench` runs them first.

    python benchmarks/performance.py [--out docs/performance.md]

A table without its figures says which script prints them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from results import FOLDER

Figures = Mapping[str, Any]

_BACKBONE = "efficientnet_lite0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs" / "performance.md")
    given = parser.parse_args()
    given.out.write_text(page(), "utf-8")
    print(given.out)


def page() -> str:
    """Return the page."""
    return f"""# Performance

Ratios of runs of one machine, each within one run of the script that is named. `make bench PICTURES=FOLDER WORDS=FILE` measures anew and writes this page (`benchmarks/performance.py`).

Machine: {machine()}.

## Loading pictures

{part(f"loading-{_BACKBONE}", "loading.py --pictures FOLDER", loading)}

## Precision

{part(f"precision-{_BACKBONE}", "precision.py --pictures FOLDER --words FILE", precision)}

## Searches

On a server, with the head that needs no training:

{part("search-server", "searches.py --uri URI --gallery NAME", searches)}

On a server, with a trained head:

{part("search-server-trained", "searches.py --uri URI --gallery NAME", searches)}

In Milvus Lite:

{part("search-lite", "searches.py --uri FILE.db --gallery NAME", searches)}

## A GPU

{part(f"gpu-{_BACKBONE}", "gpu.py --pictures FOLDER", gpu)}
"""


def part(name: str, script: str, write: Callable[[Figures], str]) -> str:
    """Return what a script measured, or that it did not."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        return f"Not measured here: `python benchmarks/{script}`."
    return f"`benchmarks/{script.split()[0]}`:\n\n{write(json.loads(path.read_text('utf-8')))}"


def machine() -> str:
    """Return what this machine is."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text("utf-8").splitlines() if names.is_file() else []
    name = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    has = [
        title for flag, title in (("avx512f", "AVX-512"), ("avx512_bf16", "BF16"), ("amx_bf16", "AMX")) if flag in flags
    ]
    packages = ", ".join(f"{name} {version(name)}" for name in ("openvino", "keras", "pymilvus", "milvus-lite"))
    return f"{os.cpu_count()} cores, {name}{' with ' + ', '.join(has) if has else ''}; Python {platform.python_version()}, {packages}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def loading(found: Figures) -> str:
    names = [name for name in ("single", "half") if name in found]
    rows = [
        [
            name, f"{one['ingest']:.0f}", f"{one['to_bare']:.2f}", f"{one['process']:.0f}", f"{one['process_to_bare']:.2f}",
            f"{one['to_predict']:.1f}",
        ]
        for name in names
        for one in [found[name]]
    ]  # fmt: skip
    bare = ", ".join(f"{rate:.0f}" for rate in found["rates"]["bare"])
    return (
        f"{found['pictures']:,} pictures into Milvus Lite, both collections, searchable at the end. The bare network in single precision, on decoded pictures, before, between and after: {bare} pictures/s. A loop of"
        f" `predict` with 32 pictures at a time: {found['predict']:.0f} pictures/s, its start included. The load of the machine was {found['load']:.1f} before.\n\n"
        + table(
            [
                "precision",
                "pictures/s",
                "of the bare network",
                "with its start",
                "of the bare network",
                "times `predict`",
            ],
            rows,
        )
        + f"\n\n`--precision auto` is {found['auto']} here. A process that loads one picture into a new gallery takes {found['first_s']:.1f} s from its start to its end."
    )


def precision(found: Figures) -> str:
    names = [name for name in ("single", "half") if name in found]
    some = [found[name] for name in names]
    rows = [
        ["pictures/s of the network alone", *(f"{one['per_s']:.0f}" for one in some)],
        ["times single precision", *(f"{one['speed']:.2f}" for one in some)],
        *(
            [f"precision@10, {name}", *(f"{one['precision_at_10'][name]:.3f}" for one in some)]
            for name in some[0]["precision_at_10"]
        ),
        ["the mean of the sets loses", *(f"{one['lost']:.4f}" for one in some)],
        ["a label loses (95 %)", *(" to ".join(f"{edge:.4f}" for edge in one["lost_by_label"]) for one in some)],
        ["of the ten closest pictures are the same", *(f"{one['neighbours']:.1%}" for one in some)],
        ["the first hit's confidence changes by", *(f"{one['confidence_change']:.4f}" for one in some)],
    ]
    return table(["", *names], rows)


def searches(found: Figures) -> str:
    kinds = [(kind, by) for kind in ("known", "guessed") for by in ("meaning", "both")]
    rows = [
        [
            f"{'a word that classes are kinds of' if kind == 'known' else 'a word that is guessed'}, by {by}",
            f"{found[f'default_{kind}_{by}_p50_ms']:.1f} ms", f"{found[f'default_{kind}_{by}_to_slower']:.2f}",
            f"{found[f'default_{kind}_{by}_to_sum']:.2f}",
        ]
        for kind, by in kinds
        if f"default_{kind}_{by}_p50_ms" in found
    ]  # fmt: skip
    process = (
        f" A process that searches takes {found['process']:.2f} times one that opens the same Milvus with pymilvus, and {found['process_to_searched']:.2f} times one that makes a search there."
        if "process_to_searched" in found
        else ""
    )
    return (
        f"Milvus {found['milvus']}, {found['pictures']:,} pictures, index `{found['index']}`, head {found['head']}. Bare searches are those of pymilvus among visual and among joint vectors.\n\n"
        + table(["default search", "p50", "of the slower bare search", "of the sum of both"], rows)
        + f"\n\n`search_many` of 100 words is {found['many_throughput']:.1f} times as fast as single searches; pymilvus itself is {found['bare_many_throughput']:.1f} times as fast with a hundred vectors at once.{process}"
    )


def gpu(found: Figures) -> str:
    return (
        f"Batches of {found['batch']}: {found['half']:.0f} pictures/s in half precision, {found['half'] / found['single']:.2f} times single; loading"
        f" {found['ingest']:.0f} pictures/s."
    )


if __name__ == "__main__":
    main()
