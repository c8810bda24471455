"""Peak memory and time of decoding one large picture of each format, in a process of its own.

``picture_memory.py [--megapixels 48] [--pillow]``; with ``--pillow`` it is Pillow's own ``load`` alone, which is what
``embeddings/pictures/limits.py`` adds up.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

DECODES = """
import sys, time
from PIL import Image
from milvise.embeddings.pictures.decode import decode_file
from milvise.errors import ImageError
Image.init()
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
before, started, remark = peak(), time.perf_counter(), ""
try:
    if sys.argv[2] == "pillow":
        Image.open(sys.argv[1]).load()
    else:
        decode_file(sys.argv[1], size=224, rule="crop")
except ImageError as error:
    remark = str(error)
print(peak() - before, time.perf_counter() - started, remark)
"""


def write(folder: Path, megapixels: float) -> None:
    """Write a smooth picture in every format that Pillow writes."""
    Image.init()
    height = int((megapixels * 1e6 * 3 / 4) ** 0.5)
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 4), dtype=np.uint8)
    clear = Image.fromarray(noise).resize((height * 4 // 3, height), Image.Resampling.BICUBIC)
    image = clear.convert("RGB")
    wide = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    image.save(folder / "rgb.png", compress_level=1)
    clear.save(folder / "rgba.png", compress_level=1)
    wide.save(folder / "16-bit.png", compress_level=1)
    image.quantize(64).save(folder / "palette.png", compress_level=1)
    image.save(folder / "baseline.jpg")
    image.save(folder / "progressive.jpg", progressive=True, subsampling=0)
    image.convert("CMYK").save(folder / "cmyk-progressive.jpg", progressive=True, subsampling=0)
    clear.save(folder / "rgba.webp", quality=30, method=0)
    if "AVIF" in Image.SAVE:
        clear.save(folder / "rgba.avif", quality=30, speed=10)
    image.save(folder / "rgb.jp2", quality_mode="rates", quality_layers=[50])
    image.save(folder / "raw.tif")
    image.save(folder / "lzw.tif", compression="tiff_lzw")
    image.save(folder / "one-strip.tif", compression="tiff_lzw", tiffinfo={278: height})
    for ending in ("bmp", "tga", "sgi", "pcx", "ppm"):
        image.save(folder / f"rgb.{ending}")
    image.quantize(64).save(folder / "palette.gif")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=48)
    parser.add_argument("--pillow", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), arguments.megapixels)
        print("| file | bytes per pixel | MB | s | |\n| --- | ---: | ---: | ---: | --- |")
        for path in sorted(Path(folder).iterdir()):
            command = [sys.executable, "-c", DECODES, str(path), "pillow" if arguments.pillow else "milvise"]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(maxsplit=2)
            peak, seconds, remark = int(answer[0]), float(answer[1]), "".join(answer[2:]).strip()
            share = peak / arguments.megapixels / 1e6
            print(f"| {path.name} | {share:.1f} | {peak / 1e6:.0f} | {seconds:.1f} | {remark} |", flush=True)


if __name__ == "__main__":
    main()
