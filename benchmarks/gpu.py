"""A network on a GPU: half against single precision, and loading pictures against the bare network. Says so where there is none.

    python benchmarks/gpu.py --pictures FOLDER [--backbone efficientnet_lite0] [--weights FILE] [--limit 4000]

``KERAS_BACKEND`` chooses between tensorflow, jax and torch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from pictures import Loader, readable
from results import leave

import milvise
from milvise.embeddings.devise.backbones import load_backbone
from milvise.embeddings.runtimes import gpu
from milvise.embeddings.runtimes.engines import load_network
from milvise.embeddings.words.load import PACKAGED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--limit", type=int, default=4_000)
    arguments = parser.parse_args()
    if not (gpu.may_be_there() and gpu.is_seen()):
        print("This machine has no GPU that Keras sees: nothing was measured.")
        return
    exact = load_backbone(arguments.backbone, weights=arguments.weights)
    network = load_network(arguments.backbone, weights=arguments.weights, engine="keras")
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/b.db", create=True) as db:
        db.ingest_words(PACKAGED, limit=20_000, index="flat", replace=True)
        pictures, pixels = readable(arguments.pictures, Path(folder, "pictures"), network, arguments.limit)
        batch = network.usual_batch
        half, single = rate(network, pixels, batch), rate(exact, pixels, batch)
        summary = Loader(db, network, arguments, Path(folder))(pictures, "gpu")
        some, others = network.embed(pixels[:64], batch_size=64), exact.embed(pixels[:64], batch_size=64)
    cosines = (some * others).sum(1) / np.linalg.norm(some, axis=1) / np.linalg.norm(others, axis=1)
    print(
        f"{arguments.backbone}, batches of {batch}: {half:.0f} pictures/s in half precision, {half / single:.2f} times single"
    )
    print(
        f"ingest {summary.images_per_second:.0f} pictures/s, ratio to the bare network {summary.images_per_second / half:.2f}"
    )
    print(f"least cosine between half and single precision {cosines.min():.6f}")
    figures = {"batch": batch, "half": half, "single": single, "ingest": summary.images_per_second}
    leave(f"gpu-{arguments.backbone}", {**figures, "least_cosine": float(cosines.min())})


def rate(network: Any, pixels: Any, batch: int) -> float:
    network.embed(pixels[:batch], batch_size=batch)
    started = time.perf_counter()
    network.embed(pixels, batch_size=batch)
    return len(pixels) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
