"""Loading pictures in each precision, beside the bare network and beside a loop of `predict`, the start of the processes included and excluded.

    python benchmarks/loading.py --pictures FOLDER [--limit 4800] [--backbone efficientnet_lite0]

``bare`` is OpenVINO alone in single precision on decoded pictures, before and after. ``ingest`` is ``milvise ingest images`` into a Milvus Lite
of its own, both collections, searchable at the end: its own rate, and the rate of the whole process, both with networks that were exported before.
``predict`` is a process that opens pictures with Pillow, calls Keras' ``predict`` with 32 at a time and inserts into Milvus Lite.
``first`` are the seconds of a process that loads one picture into a gallery that is new, until it ends. Everything runs twice (``--turns``), by turns; the best of
each is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pictures import bare, readable
from results import leave

from milvise.core.precision import PRECISIONS, SINGLE
from milvise.embeddings.runtimes.engines import fastest_precision, load_network
from milvise.embeddings.words.load import PACKAGED

_LOOP = Path(__file__).with_name("predict_loop.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--limit", type=int, default=4_800)
    parser.add_argument("--turns", type=int, default=2)
    given = parser.parse_args()
    network = load_network(given.backbone, engine="openvino")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        pictures, pixels = readable(given.pictures, folder / "pictures", network, given.limit)
        one, _ = readable(given.pictures, folder / "one", network, 1)
        command(folder, "ingest", "words", PACKAGED, "--limit", "20000", "--index", "flat")
        # What is made once for a machine is there.
        ingest(folder, one, SINGLE, given.backbone)
        rates: dict[str, list[float]] = {}
        firsts: list[float] = []
        load = os.getloadavg()[0]
        for _ in range(given.turns):
            rates.setdefault("bare", []).append(bare(network, pixels))
            for precision in PRECISIONS:
                for name, rate in ingest(folder, pictures, precision, given.backbone).items():
                    rates.setdefault(f"{name}_{precision}", []).append(rate)
            rates.setdefault("predict", []).append(predicted(folder, pictures, given.backbone, len(pixels)))
            firsts.append(ingest(folder, one, SINGLE, given.backbone)["process_s"])
        rates["bare"].append(bare(network, pixels))
    best = {name: max(found) for name, found in rates.items()}
    auto = fastest_precision({"backbone": given.backbone})
    print(f"{given.backbone}, {len(pixels):,} pictures, load of the machine before {load:.1f}")
    print(f"bare, single precision: {' '.join(f'{rate:.1f}' for rate in rates['bare'])} pictures/s")
    figures: dict[str, Any] = {
        "pictures": len(pixels),
        "backbone": given.backbone,
        "auto": auto,
        "load": load,
        "rates": rates,
    }
    for precision in PRECISIONS:
        inside, whole = best[f"ingest_{precision}"], best[f"process_{precision}"]
        figures[precision] = {"ingest": inside, "process": whole, "to_bare": inside / best["bare"], "process_to_bare": whole / best["bare"], "to_predict": whole / best["predict"]}  # fmt: skip
        print(
            f"ingest, {precision}: {inside:.1f} pictures/s, {inside / best['bare']:.3f} of bare; with its start {whole:.1f},"
            f" {whole / best['bare']:.3f} of bare and {whole / best['predict']:.2f} times predict"
        )
    print(f"predict with 32 at a time, with its start: {best['predict']:.1f} pictures/s")
    print(f"one picture, the whole process: {min(firsts):.2f} s; --precision auto is {auto}")
    leave(f"loading-{given.backbone}", figures | {"predict": best["predict"], "first_s": min(firsts)})


def ingest(folder: Path, pictures: Path, precision: str, backbone: str) -> dict[str, float]:
    """Load a folder into a gallery that is new; return its rate, and that of the whole process."""
    gallery = f"g{time.monotonic_ns()}"
    began = time.perf_counter()
    done = command(
        folder, "ingest", "images", str(pictures), "--gallery", gallery, "--backbone", backbone, "--precision", precision, "--engine", "openvino",
        "--index", "flat", "--labels", "none",
    )  # fmt: skip
    took = time.perf_counter() - began
    command(folder, "drop", "--gallery", gallery, "--yes")
    return {"ingest": done["images_per_second"], "process": done["embedded"] / took, "process_s": took}


def predicted(folder: Path, pictures: Path, backbone: str, count: int) -> float:
    """Return the rate of a loop of `predict`, its start included."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, str(_LOOP), str(pictures), str(folder / "loop.db"), backbone], check=True, capture_output=True
    )
    took = time.perf_counter() - began
    shutil.rmtree(folder / "loop.db")
    return count / took


def command(folder: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "milvise", "--uri", str(folder / "b.db"), "--json", "-q", *arguments],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
