"""What the default search finds after training, on pictures that neither the head nor the choice of its share saw.

    python benchmarks/trained_search.py --pictures FOLDER --words VECTORS

FOLDER holds ``manifest.csv`` as for ``benchmarks/zero_shot.py``. Of each set 10 pictures a label are kept for the test, or half of
them where a label has no more than 10. A residual head is trained on the others, and holds a tenth of these back itself, to choose how much
the joint space counts. Each label is then searched among the set's test pictures, by meaning. Figures are the relevant ones among the
first 10 divided by 10 or by how many there are, whichever is less: in each space alone, and by default, before (with the shares of
untrained words) and after (with the share that was chosen). They are means over several choices of the test pictures.

The last columns are for the labels of the other sets, which the head did not learn: by default, and if the share counted for them too.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import milvise
from milvise.adapter import IndexSpec
from milvise.embeddings.backbones import load_backbone
from milvise.embeddings.phrases import tokens
from milvise.embeddings.trained_head import load_head
from milvise.embeddings.words import load_words
from milvise.errors import UnknownWordError
from milvise.ingest.pipeline import Options, ingest_images
from milvise.ingest.project import project
from milvise.ingest.sources import Item
from milvise.ingest.target import make_plan
from milvise.ingest.words import ingest_words
from milvise.training.train import Options as TrainOptions
from milvise.training.train import train_head

K = 10
TEST = 10
SETS = ("caltech101", "tiny-imagenet", "grocery", "clothing", "cifar10", "intel-scenes")
OTHERS = ("caltech101", "grocery", "clothing", "cifar10", "intel-scenes")
COLUMNS = ("joint", "visual", "before", "after", "others", "if shared")

Row = dict[str, Any]


def read_rows(root: Path, splits: int) -> list[Row]:
    """Return the manifest's rows that take part, each with its ``parts``: a letter a split, ``t`` for test and ``r`` for the rest."""
    with (root / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] in SETS]
    rows = [row for row in rows if row["set"] != "caltech101" or row["role"] in ("train", "val")]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        word = " ".join(tokens(row["label"]))
        groups.setdefault((row["set"], word), []).append(row | {"word": word, "parts": ""})
    for group in groups.values():
        for split in range(splits):
            group.sort(key=lambda row: hashlib.sha256(f"{split}:{row['path']}".encode()).digest())
            count = TEST if len(group) > TEST else len(group) // 2
            for place, row in enumerate(group):
                row["parts"] += "t" if place < count else "r"
    return [row for group in groups.values() for row in group]


class Rows:
    """The manifest's pictures as a source."""

    def __init__(self, root: Path, rows: list[Row]) -> None:
        self.root = root
        self.rows = rows

    def __iter__(self) -> Iterator[Item]:
        for row in self.rows:
            parts = {f"part{split}": part for split, part in enumerate(row["parts"])}
            yield Item(
                row["path"], self.root / row["path"], row["label"], {"set": row["set"], "word": row["word"], **parts}
            )


def found(db: milvise.Database, rows: list[Row], name: str, split: int, space: str | None, but: set[str]) -> float:
    """Return the capped precision@10 of a set's labels, less those in `but`, among its test pictures."""
    test = [row for row in rows if row["set"] == name and row["parts"][split] == "t"]
    gallery, precisions = db.gallery("t"), []
    for word in sorted({row["word"] for row in test if row["label"] not in but}):
        try:
            hits = gallery.search(
                f'"{word}"', space=space, limit=K, by="meaning",
                filter=f'meta["set"] == "{name}" and meta["part{split}"] == "t"',
            )  # fmt: skip
        except UnknownWordError:
            continue
        relevant = sum(row["word"] == word for row in test)
        precisions.append(sum(hit.meta["word"] == word for hit in hits) / min(K, relevant))
    return float(np.mean(precisions))


def set_recipe(db: milvise.Database, **changed: Any) -> None:
    """Change what the manifest of the joint vectors says of the share; None leaves it out."""
    joint = db.store.live("t_joint")
    assert joint is not None
    recipe = {name: value for name, value in {**joint.manifest.recipe, **changed}.items() if value is not None}
    db.store.publish(db.store.record(joint.manifest.changed(recipe=recipe)))


def measure(db: milvise.Database, rows: list[Row], name: str, split: int, head: Path) -> tuple[Any, list[float]]:
    """Return the chosen share and the figures of one set."""
    options = TrainOptions(filter=f'meta["set"] == "{name}" and meta["part{split}"] == "r"')
    chosen = train_head(db.store, gallery="t", out=head, options=options).record["joint_share"]
    project(db.store, gallery="t", head=str(head), index=IndexSpec("flat"))
    learned = set(load_head(head).learned)
    others = [other for other in OTHERS if other != name]
    after = found(db, rows, name, split, None, set())
    unlearned = float(np.mean([found(db, rows, other, split, None, learned) for other in others]))
    set_recipe(db, learned="" if chosen["share"] is not None else None)
    shared = float(np.mean([found(db, rows, other, split, None, learned) for other in others]))
    set_recipe(db, learned=None, joint_share=None)
    alone = [found(db, rows, name, split, space, set()) for space in ("joint", "visual", None)]
    return chosen["share"], [*alone, after, unlearned, shared]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--splits", type=int, default=3)
    arguments = parser.parse_args()
    rows = read_rows(arguments.pictures, arguments.splits)
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/t.db", create=True) as db:
        words = load_words(arguments.words)
        ingest_words(db.store, words, source=arguments.words, index=IndexSpec("flat"), replace=True)
        backbone = load_backbone(arguments.backbone)
        plan = make_plan(db.store, gallery="t", backbone=backbone, head="conse", recipe={}, names=None)
        report = Path(folder, "quarantine.jsonl")
        ingest_images(
            db.store, [Rows(arguments.pictures, rows)], plan, quarantine=report, options=Options(IndexSpec("flat"))
        )
        print(f"{'set':<14} {'shares':<16} " + " ".join(f"{column:>9}" for column in COLUMNS), flush=True)
        for name in SETS:
            shares, figures = [], []
            for split in range(arguments.splits):
                share, values = measure(db, rows, name, split, Path(folder, "head.keras"))
                shares.append(share)
                figures.append(values)
            told = " ".join("-" if share is None else f"{share:.1f}" for share in shares)
            print(
                f"{name:<14} {told:<16} " + " ".join(f"{value:>9.3f}" for value in np.mean(figures, axis=0)), flush=True
            )


if __name__ == "__main__":
    main()
