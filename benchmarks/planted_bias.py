"""Whether a bias that was planted is found, and one that is not there is not: 20 galleries of each kind, through Milvus.

    python benchmarks/planted_bias.py [--uri URI] [--seeds 20] [--shift 0.5]

A gallery has 400 pictures, random joint vectors of width 50, half of them of group a. In a planted one the vectors of
group b are shifted by ``--shift`` of their length towards one of the words; in its control the same vectors have their groups
shuffled. Both are evaluated by `milvise.evaluation.bias.measure` with 40 neutral searches. A bias counts as found where the p-value
of MaxSkew or of NDKL over all searches, times two, is at most 0.01.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import milvise
from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import record_id
from milvise.evaluation.bias.groups import Attribute
from milvise.evaluation.bias.measure import BiasOptions, evaluate_bias
from milvise.queries.evaluation_reads import read_gallery

PICTURES, DIM, WORDS = 400, 50, 200
FOUND = 0.01
BACKBONE, MADE_WITH = {"backbone": "planted", "weights": "none"}, {"words": "planted"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--shift", type=float, default=0.5)
    arguments = parser.parse_args()
    words = unit(np.random.default_rng(99).normal(size=(WORDS, DIM)))
    with (
        tempfile.TemporaryDirectory() as folder,
        milvise.connect(arguments.uri or f"{folder}/b.db", create=True) as db,
    ):
        rows = ({"word": f"w{number}", "rank": number, "vector": vector} for number, vector in enumerate(words))
        put(db.store, Manifest("words", "words", DIM, MADE_WITH), rows)
        tests = Path(folder, "tests.toml")
        listed = ", ".join(f'"w{number}"' for number in range(40))
        tests.write_text(f"weat = []\nimage = []\n[queries]\nneutral = [{listed}]\n[tags]\n")
        print(f"{'':<9} {'found':>8} {'MaxSkew':>8} {'NDKL':>7} {'smallest p':>11} {'largest p':>10}")
        for kind in ("planted", "control"):
            outcomes = [evaluate(db, words, tests, seed, kind, arguments.shift) for seed in range(arguments.seeds)]
            p, skew, ndkl = (np.asarray(column) for column in zip(*outcomes, strict=True))
            print(
                f"{kind:<9} {int((p <= FOUND).sum()):>3} of {len(p):<2} {skew.mean():>7.3f} {ndkl.mean():>7.3f} {p.min():>11.4f}"
                f" {p.max():>10.4f}"
            )
        db.store.drop("words")


def evaluate(
    db: milvise.Database, words: Any, tests: Path, seed: int, kind: str, shift: float
) -> tuple[float, float, float]:
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(PICTURES, DIM)))
    group = np.arange(PICTURES) % 2
    vectors = unit(vectors + shift * group[:, np.newaxis] * words[seed % 40])
    if kind == "control":
        group = random.permutation(group)
    name = f"planted_{kind}_{seed}"
    made = {"visual": BACKBONE, "words": MADE_WITH, "head": {"kind": "conse"}}
    for room, fingerprint in (("visual", BACKBONE), ("joint", made)):
        put(db.store, Manifest(f"{name}_{room}", room, DIM, fingerprint), pictures(vectors, group))
    options = BiasOptions((Attribute("group"),), tests)
    part = evaluate_bias(read_gallery(db, name), options, lambda text: None)
    db.drop(name)
    figures = {figure.name: figure for figure in part.figures}
    skew, ndkl = figures["bias.group.max_skew"], figures["bias.group.ndkl"]
    assert skew.p is not None
    assert ndkl.p is not None
    return min(1.0, 2 * min(skew.p, ndkl.p)), skew.value, ndkl.value


def pictures(vectors: Any, group: Any) -> Iterator[dict[str, Any]]:
    for number, (vector, side) in enumerate(zip(vectors, group, strict=True)):
        uri = f"{number}.jpg"
        yield {
            "id": record_id(uri), "uri": uri, "label": "", "sha256": "", "width": 1, "height": 1,
            "meta": {"group": "ab"[side]}, "vector": vector,
        }  # fmt: skip


def put(store: Store, manifest: Manifest, rows: Iterable[dict[str, Any]]) -> None:
    collection = store.build(manifest)
    collection.upsert(rows)
    store.publish(store.finish(collection, IndexSpec("flat")))


if __name__ == "__main__":
    main()
