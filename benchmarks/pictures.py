"""Loading pictures into Milvus Lite, against the bare network and against the loop that one would write first.

    python benchmarks/pictures.py --pictures FOLDER [--backbone efficientnet_lite0] [--weights FILE] [--limit 4000]

``bare`` is OpenVINO alone, in single precision as milvise runs it, on the same pictures decoded beforehand, before and after.
``ingest`` is from files to searchable rows: both collections, settled and published; ``steady`` leaves out what happens
once a run, before the first and after the last write. ``plain loop`` is ``load_img``, ``predict`` and ``insert`` for one
picture after another. ``unchanged`` is the same ingest again, over as many copies of small files as ``--unchanged`` says.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from results import leave

import milvise
from milvise.adapter import IndexSpec
from milvise.adapter.schema import VISUAL, schema
from milvise.core.records import record_id
from milvise.embeddings.devise.backbones import load_backbone
from milvise.embeddings.runtimes.engines import load_network
from milvise.embeddings.words.load import PACKAGED
from milvise.errors import ImageError
from milvise.gallery.plan import make_plan
from milvise.ingest.pipeline import LoadOptions, ingest_images
from milvise.ingest.sources import Item, open_source
from milvise.ingest.sources.read_content import decode_content
from milvise.ingest.summary import Counts, Summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--limit", type=int, default=4_000)
    parser.add_argument("--plain", type=int, default=60, help="pictures for the plain loop")
    parser.add_argument(
        "--unchanged", type=int, default=20_000, help="files that a second run finds unchanged; 0 for none"
    )
    arguments = parser.parse_args()
    network = load_network(arguments.backbone, weights=arguments.weights, engine="openvino")
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/b.db", create=True) as db:
        os.environ["MILVISE_CACHE"] = f"{folder}/cache"
        db.ingest_words(PACKAGED, limit=20_000, index="flat", replace=True)
        load = Loader(db, network, arguments, Path(folder))
        pictures, pixels = readable(arguments.pictures, Path(folder, "pictures"), network, arguments.limit)
        before = bare(network, pixels)
        marks: list[tuple[float, int]] = []
        summary = load(pictures, "ingest", marks)
        after = bare(network, pixels)
        rate = (before + after) / 2
        steady = (marks[-1][1] - marks[0][1]) / (marks[-1][0] - marks[0][0])
        print(f"{arguments.backbone}, {summary.embedded:,} pictures")
        print(
            f"bare {before:.1f} and {after:.1f}, ingest {summary.images_per_second:.1f}, steady {steady:.1f} pictures/s"
        )
        print(f"ratio to bare {summary.images_per_second / rate:.3f}, steady {steady / rate:.3f}", flush=True)
        plain = plain_loop(pictures, arguments)
        print(f"plain loop {plain:.1f} pictures/s, ratio to it {summary.images_per_second / plain:.2f}", flush=True)
        figures = {
            "backbone": arguments.backbone, "pictures": summary.embedded, "bare": [before, after],
            "ingest": summary.images_per_second, "steady": steady, "plain": plain,
            "ratio_to_bare": summary.images_per_second / rate, "ratio_to_plain": summary.images_per_second / plain,
        }  # fmt: skip
        if arguments.unchanged:
            figures["unchanged"] = unchanged(load, pixels, Path(folder, "many"), arguments.unchanged)
        leave(f"ingest-{arguments.backbone}", figures)


class Loader:
    """Loads a folder into a gallery."""

    def __init__(self, db: milvise.Database, network: Any, arguments: argparse.Namespace, folder: Path) -> None:
        self.db, self.network, self.arguments, self.folder = db, network, arguments, folder

    def __call__(self, pictures: Path, gallery: str, marks: list[tuple[float, int]] | None = None) -> Summary:
        """Load it; `marks` are the times at which so many were written."""
        weights = self.arguments.weights
        recipe = {"backbone": self.arguments.backbone, "weights": weights and str(weights)}
        plan = make_plan(self.db.store, gallery=gallery, backbone=self.network, head="conse", recipe=recipe, names=None)

        def progress(counts: Counts) -> None:
            if marks is not None and counts.embedded and (not marks or marks[-1][1] != counts.embedded):
                marks.append((time.perf_counter(), counts.embedded))

        return ingest_images(
            self.db.store, [open_source(str(pictures))], plan, quarantine=self.folder / "q.jsonl",
            options=LoadOptions(IndexSpec("flat")), progress=progress,
        )  # fmt: skip


def readable(source: Path, folder: Path, network: Any, limit: int) -> tuple[Path, Any]:
    """Copy so many pictures that can be read into a folder, and return them decoded."""
    folder.mkdir()
    pixels: list[Any] = []
    items = (entry for entry in open_source(str(source)) if isinstance(entry, Item))
    for item in islice(items, limit):
        try:
            pixels.append(decode_content(item.content, size=network.size, rule=network.rule)[0].pixels)
        except ImageError:
            continue
        shutil.copy(str(item.content), folder / f"{len(pixels):06d}{Path(item.uri).suffix}")
    return folder, np.stack(pixels)


def bare(network: Any, pixels: Any) -> float:
    """Return the pictures per second of the network alone, all of them in one queue."""
    network.embed(pixels[:64], batch_size=64)
    started = time.perf_counter()
    network.embed(pixels, batch_size=len(pixels))
    return len(pixels) / (time.perf_counter() - started)


def plain_loop(pictures: Path, arguments: argparse.Namespace) -> float:
    import keras
    from pymilvus import MilvusClient

    backbone = load_backbone(arguments.backbone, weights=arguments.weights)
    with tempfile.TemporaryDirectory() as folder:
        client = MilvusClient(f"{folder}/plain.db")
        client.create_collection("plain", schema=schema(VISUAL, backbone.dim))
        paths = sorted(pictures.iterdir())[: arguments.plain + 5]
        for number, path in enumerate(paths):
            if number == 5:
                started = time.perf_counter()
            image = keras.utils.load_img(path, target_size=(backbone.size, backbone.size))
            batch = backbone.preprocess(np.asarray(image, dtype=np.float32)[np.newaxis])
            vector = backbone.model.predict(batch, verbose=0)[0]
            row = {
                "id": record_id(path.name),
                "uri": path.name,
                "label": "",
                "sha256": "",
                "width": 1,
                "height": 1,
                "meta": {},
            }
            client.insert("plain", [{**row, "vector": vector}])
        client.flush("plain")
        return arguments.plain / (time.perf_counter() - started)


def unchanged(load: Loader, pixels: Any, folder: Path, count: int) -> dict[str, float]:
    """Return files per second of a run that finds `count` files as they were, and of the second such run by content."""
    from PIL import Image

    folder.mkdir()
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels[number % len(pixels)][:16, :16]).save(path)
        os.utime(path, (1e9, 1e9))
    load(folder, "many")
    rates = []
    for _ in range(3):
        summary = load(folder, "many")
        assert summary.unchanged == count
        rates.append(count / summary.seconds)
    print(f"unchanged {', '.join(f'{rate:,.0f}' for rate in rates)} files/s of {count:,}")
    return {"files": count, "per_second": max(rates)}


if __name__ == "__main__":
    main()
