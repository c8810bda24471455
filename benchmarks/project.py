"""What re-projecting a gallery costs beside embedding it again, and how long training a head takes.

    python benchmarks/project.py --pictures FOLDER --words VECTORS [--uri URI] [--rows 20000]

In one run: FOLDER is loaded, with the clock running; a head is trained on its labels; the gallery is projected with that
head, and back. Then the same with a gallery of ``--rows`` stored vectors, which are those of the pictures over and over:
embedding that many is reckoned from the pictures per second of this run. The ratio is the time of a projection divided by
the time of embedding, indexes and checks included in both. Without ``--uri`` a Milvus Lite file is used.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import milvise
from milvise.adapter import Collection, IndexSpec
from milvise.core.records import record_id


def copies(visual: Collection, count: int) -> Iterator[dict[str, Any]]:
    """Yield so many rows, made of the stored ones over and over, each with a name of its own."""
    rows = list(visual.scan([*visual.room.fields, "vector"]))
    for number, row in enumerate(islice(cycle(rows), count)):
        uri = f"{number}/{row['uri']}"
        yield {**row, "uri": uri, "id": record_id(uri)}


def timed(db: milvise.Database, gallery: str, head: str) -> float:
    started = time.monotonic()
    db.gallery(gallery).project(head)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path, help="a file of weights instead of the pretrained ones")
    parser.add_argument("--uri")
    parser.add_argument("--rows", type=int, default=20_000)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        milvise.connect(arguments.uri or f"{folder}/p.db", create=True) as db,
    ):
        db.ingest_words(arguments.words, replace=True)
        summary = db.ingest_images(
            arguments.pictures, gallery="bench", backbone=arguments.backbone, weights=arguments.weights, head="conse",
            engine="keras", quarantine=Path(folder, "quarantine.jsonl"),
        )  # fmt: skip
        print(f"Milvus {db.store.connection.version}, {arguments.backbone}")
        print(
            f"embedded   {summary.embedded:>7,} pictures in {summary.seconds:7.2f} s: {summary.images_per_second} pictures/s"
        )
        head = Path(folder, "head.keras")
        trained = db.gallery("bench").train(head)
        pictures = sum(trained.record["trained_on"]["labels"].values())
        print(f"trained on {pictures:>7,} vectors  in {trained.seconds['total']:7.2f} s (residual, cosine)")
        visual = db.store.live("bench_visual")
        assert visual is not None
        made = db.store.build(visual.manifest.changed(alias="many_visual"))
        made.upsert(copies(visual, arguments.rows))
        db.store.publish(db.store.finish(made, IndexSpec("flat")))
        for gallery, rows in (("bench", summary.rows), ("many", arguments.rows)):
            embedding = summary.seconds * rows / summary.embedded
            for name, spec in (("trained head", str(head)), ("conse", "conse")):
                seconds = timed(db, gallery, spec)
                print(
                    f"projected  {rows:>7,} vectors  in {seconds:7.2f} s: {seconds / embedding:7.4f} of embedding them"
                    f" ({embedding:.0f} s), {name}"
                )
        for gallery in ("bench", "many"):
            db.drop(gallery)


if __name__ == "__main__":
    main()
