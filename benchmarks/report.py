"""Two full reports, timed: on drawings of people by gender and skin tone, and on labels that nothing was trained on.

    python benchmarks/report.py --pictures FOLDER --words VECTORS [--uri URI] [--out FOLDER]

FOLDER holds ``manifest.csv`` with the columns ``path``, ``set``, ``role`` and ``label``. The first gallery are the pictures of
the role ``bias-audit``, whose files are called such as ``woman_dark.png``; the second those of the role ``dev-unseen``. Each
is loaded and then evaluated in a process of its own, ``milvise evaluate all``, whose time and largest resident set are printed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GALLERIES = {
    "people": ("bias-audit", ["--attribute", "gender=/(man|woman|person)_", "--attribute", r"skin=_([^/]*)\.png"]),
    "unseen": ("dev-unseen", []),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--uri")
    parser.add_argument("--out", type=Path, help="where to keep the reports")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.out or Path(folder)
        uri = arguments.uri or f"{folder}/r.db"
        milvise = [sys.executable, "-m", "milvise", "--uri", uri, "-q"]
        subprocess.run(
            [*milvise, "ingest", "words", arguments.words, "--replace"], check=True, stdout=subprocess.DEVNULL
        )
        for gallery, (role, options) in GALLERIES.items():
            manifest = write_manifest(arguments.pictures, role, Path(folder, f"{role}.csv"))
            load = [*milvise, "ingest", "images", str(manifest), "--gallery", gallery]
            subprocess.run(load, check=True, stdout=subprocess.DEVNULL, cwd=folder)
            report = out / gallery
            seconds, mib = timed([*milvise, "evaluate", "all", "--gallery", gallery, "--out", str(report), *options])
            document = json.loads((report / "report.json").read_text())
            rows = document["gallery"]["collections"]["visual"]["rows"]
            size = (report / "report.html").stat().st_size / 2**20
            print(
                f"{gallery}: {rows} pictures, {len(document['figures'])} figures in {seconds:.0f} s, {mib:,.0f} MiB, page"
                f" {size:.1f} MiB",
                flush=True,
            )
            subprocess.run([*milvise, "drop", "--gallery", gallery, "--yes"], check=True, stdout=subprocess.DEVNULL)


def write_manifest(pictures: Path, role: str, path: Path) -> Path:
    with (pictures / "manifest.csv").open(newline="") as source, path.open("w", newline="") as target:
        writer = csv.DictWriter(target, ["uri", "label", "set"])
        writer.writeheader()
        for row in csv.DictReader(source):
            if row["role"] == role:
                writer.writerow(
                    {
                        "uri": str((pictures / row["path"]).resolve()),
                        "label": row["word"] or row["label"],
                        "set": row["set"],
                    }
                )
    return path


def timed(command: list[str]) -> tuple[float, float]:
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return time.monotonic() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
