"""What `milvise plan` says beside what was measured.

    python benchmarks/plan_check.py MEASURED.json [MEASURED.json ...] [--calibration FILE] [--milvus lite] [--upserts] [--uri URI]

Each file is an object with ``pictures``, ``dim`` (of the visual vectors) and ``steps``: the seconds of ``list``, ``embed``, ``write``, ``import``, ``index`` and
``load``, or of some of them. It may say ``backbone``, ``joint_dim`` (0 for none), ``workers`` (machines like the calibrated one), ``shard_rows``, ``milvus``, ``index``, ``upserts`` and ``top_classes`` (false where rows do not hold what a backbone saw) too. What
`benchmarks/shard_pictures.py` and `benchmarks/shard_rows.py` leave in ``benchmarks/results`` is such a file. Compared are the steps
that take more than 5 % of the measured time, and all of them together. With ``--uri`` what Milvus takes is measured first, for vectors as wide as those
of each file: rows of 100 values take twice as long to index as rows of 96. The script fails where a ratio is further from one than `--within`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from results import leave

import milvise
from milvise.core.config import DEFAULT_BACKBONE
from milvise.operations.capacity.calibration import kept_path, read_calibration, usual, write_calibration
from milvise.operations.capacity.figures import Cost
from milvise.operations.capacity.measure_milvus import FEW, MANY, NARROW, WIDE, measure_milvus
from milvise.operations.plan import NEWEST, Plan, plan

SHARE = 0.05
"""Of the measured time; what takes less is left out of the comparison."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", nargs="+", type=Path)
    parser.add_argument("--calibration", type=Path)
    parser.add_argument("--milvus")
    parser.add_argument("--upserts", action="store_true")
    parser.add_argument("--uri", help="a Milvus server that is measured for these widths")
    parser.add_argument("--within", type=float, default=0.25)
    arguments = parser.parse_args()
    rows = [
        row
        for path in arguments.measured
        for row in compared(
            json.loads(path.read_text("utf-8")), calibration=arguments.calibration, milvus=arguments.milvus, upserts=arguments.upserts,
            uri=arguments.uri,
        )
    ]  # fmt: skip
    print(f"{'pictures':>12} {'step':<8} {'measured':>10} {'planned':>10} {'ratio':>6}")
    for row in rows:
        print(
            f"{row['pictures']:>12,} {row['step']:<8} {row['measured']:>8.1f} s {row['planned']:>8.1f} s {row['ratio']:>6.2f}"
        )
    leave("plan_check", {"within": arguments.within, "rows": rows})
    outside = [row for row in rows if abs(row["ratio"] - 1) > arguments.within]
    if outside:
        sys.exit(
            f"{len(outside)} of {len(rows)} figures are further than {arguments.within:.0%} from what was measured."
        )


def compared(
    measured: dict[str, Any],
    *,
    calibration: Path | None = None,
    milvus: str | None = None,
    upserts: bool = False,
    uri: str | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each step that counts, and one for all that were measured."""
    planned = _planned(measured, calibration, milvus, upserts, uri)
    known = {step.name for step in planned.steps}
    taken = {name: float(seconds) for name, seconds in measured["steps"].items() if name in known}
    total = sum(taken.values())
    reckoned = {name: planned.step(name).seconds for name in taken}
    counted = {name: (seconds, reckoned[name]) for name, seconds in taken.items() if seconds > SHARE * total}
    counted["all"] = (total, sum(reckoned.values()))
    return [
        {"pictures": planned.pictures, "step": name, "measured": seconds, "planned": said, "ratio": said / seconds}
        for name, (seconds, said) in counted.items()
    ]


def _planned(
    measured: dict[str, Any], calibration: Path | None, milvus: str | None, upserts: bool, uri: str | None
) -> Any:
    backbone = measured.get("backbone", DEFAULT_BACKBONE)
    path = calibration or kept_path(backbone)
    milvus = milvus or measured.get("milvus")
    known = read_calibration(path) if path.is_file() else usual(backbone, milvus=milvus or NEWEST)
    joint = measured.get("joint_dim", known.spaces.get("joint", 0))
    spaces = {"visual": int(measured["dim"])} | ({"joint": int(joint)} if joint else {})
    if uri is not None:
        known = replace(known, costs={**known.costs, **_costs(uri, spaces, measured.get("top_classes", True))})
    fitting = Path(f"{path}.plan_check.json") if calibration else kept_path("plan_check")
    write_calibration(replace(known, spaces=spaces), fitting)
    try:
        return plan(
            Plan(
                int(measured["pictures"]), backbone, workers=measured.get("workers", 1), milvus=milvus, index=measured.get("index", "auto"),
                shard_rows=measured.get("shard_rows", 100_000), upserts=upserts or measured.get("upserts", False), calibration=fitting,
                bandwidth="1000TB",
            )
        )  # fmt: skip
    finally:
        fitting.unlink()


def _costs(uri: str, spaces: dict[str, int], top_classes: bool) -> dict[str, Cost]:
    """Return what Milvus takes for vectors of these widths."""
    rows = (FEW, MANY, WIDE if spaces["visual"] > 4 * NARROW else MANY)
    with milvise.connect(uri) as db, tempfile.TemporaryDirectory() as folder:
        return measure_milvus(db.store.patient(), spaces, print, Path(folder), top_classes=top_classes, rows=rows)


if __name__ == "__main__":
    main()
