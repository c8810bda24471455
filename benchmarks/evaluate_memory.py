"""Peak memory of evaluating a gallery of 100,000 vectors, in a process of its own.

    python benchmarks/evaluate_memory.py --uri URI [--rows 100000] [--dim 1280]

Random vectors around 100 centres, with labels and an attribute, are loaded into a Milvus server with flat indexes; then
``milvise evaluate all`` runs, whose largest resident set and time are printed. With a ``.db`` as URI the figure includes Milvus
Lite, whose engine holds all rows in the same process.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from planted_bias import BACKBONE, put
from report import timed

import milvise
from milvise.adapter import Manifest
from milvise.core.records import record_id
from milvise.embeddings.words.load import load_words

LABELS, WORDS, GALLERY = 100, 20_000, "memory_100k"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=1280)
    arguments = parser.parse_args()
    words = load_words("glove-6b-50d", limit=WORDS)
    width = words.vectors.shape[1]
    made = {"visual": BACKBONE, "words": words.fingerprint, "head": {"kind": "conse"}}
    with milvise.connect(arguments.uri, create=True) as db:
        rows = zip(words.words, words.vectors, strict=True)
        listed = ({"word": word, "rank": rank, "vector": vector} for rank, (word, vector) in enumerate(rows))
        put(db.store, Manifest("words", "words", width, words.fingerprint), listed)
        names = [word for word in words.words[2_000:] if word.isalpha()][:LABELS]
        for room, fingerprint, dim in (("visual", BACKBONE, arguments.dim), ("joint", made, width)):
            manifest = Manifest(f"{GALLERY}_{room}", room, dim, fingerprint)
            put(db.store, manifest, pictures(names, arguments.rows, dim))
    with tempfile.TemporaryDirectory() as folder:
        command = ["milvise", "--uri", arguments.uri, "-q", "evaluate", "all", "--gallery", GALLERY]
        seconds, mib = timed([*command, "--out", str(Path(folder, "out")), "--attribute", "side"])
    print(f"{arguments.rows:,} vectors of width {arguments.dim} and {width}: {mib:,.0f} MiB, {seconds:.0f} s")
    with milvise.connect(arguments.uri) as db:
        db.drop(GALLERY)
        db.store.drop("words")


def pictures(names: list[str], count: int, dim: int) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(0)
    centres = random.normal(size=(len(names), dim)).astype(np.float32)
    for number in range(count):
        label = number % len(names)
        uri = f"{names[label]}/{number}.jpg"
        yield {
            "id": record_id(uri), "uri": uri, "label": names[label], "sha256": f"{number:064x}", "width": 1, "height": 1,
            "meta": {"side": "left" if number // 7 % 2 else "right"},
            "vector": centres[label] + random.standard_normal(dim, dtype=np.float32),
        }  # fmt: skip


if __name__ == "__main__":
    main()
