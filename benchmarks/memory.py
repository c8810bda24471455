"""Peak memory of ingesting 1,000 and 5,000 pictures, each in a process of its own.

    python benchmarks/memory.py [--small 1000] [--large 5000] [--uri URI]

The pictures are generated, 320 x 240 pixels, all different. The figure is the largest resident set of the process as the
operating system counts it. Without --uri the process holds Milvus Lite too, whose engine keeps rows in memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=5_000)
    parser.add_argument("--uri")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peaks = {}
        for count in (arguments.small, arguments.large):
            pictures = Path(folder, str(count))
            generate(pictures, count)
            uri = arguments.uri or f"{folder}/{count}.db"
            milvise = [sys.executable, "-m", "milvise", "--uri", uri, "-q"]
            subprocess.run([*milvise, "ingest", "words", "glove-6b-50d", "--limit", "20000"], check=True, stdout=-3)
            command = [*milvise, "--json", "ingest", "images", str(pictures), "--gallery", f"memory_{count}"]
            peaks[count] = peak_mib(command)
            print(f"{count:>6} pictures: {peaks[count]:,.0f} MiB", flush=True)
            subprocess.run([*milvise, "drop", "--gallery", f"memory_{count}", "--yes"], check=True, stdout=-3)
        print(f"ratio {peaks[arguments.large] / peaks[arguments.small]:.3f}")


def generate(folder: Path, count: int) -> None:
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        small.resize((320, 240), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=85)


def peak_mib(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
