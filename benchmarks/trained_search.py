"""What the default search finds after training, on pictures that neither the head nor the choice of its share saw.

    python benchmarks/trained_search.py --pictures FOLDER --words VECTORS

FOLDER holds ``manifest.csv`` as for ``benchmarks/zero_shot.py``. Of each set 10 pictures a label are kept for the test, or half of
them where a label has no more than 10. A residual head is trained on the others, which also choose how much the joint space counts. Each
label is then searched among the set's test pictures, by meaning. Figures are the relevant ones among the first 10 divided by 10 or by
how many there are, whichever is less: in each space alone, and by default, before (with the shares of untrained words) and after (with
the share that was chosen). They are means over several choices of the test pictures. The shares are those chosen, "-" where the
untrained ones stay.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import milvise
from milvise.adapter import IndexSpec
from milvise.embeddings.backbones import load_backbone
from milvise.embeddings.phrases import tokens
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
COLUMNS = ("joint", "visual", "before", "after")

Row = dict[str, Any]


def read_rows(root: Path, splits: Sequence[int], sets: Sequence[str] = SETS) -> list[Row]:
    """Return the manifest's rows that take part, each with its ``parts``: a letter a split, ``t`` for test and ``r`` for the rest."""
    with (root / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] in sets]
    rows = [row for row in rows if row["set"] != "caltech101" or row["role"] in ("train", "val")]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        word = " ".join(tokens(row["label"]))
        groups.setdefault((row["set"], word), []).append(row | {"word": word, "parts": ""})
    for group in groups.values():
        for split in splits:
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


def found(db: milvise.Database, rows: list[Row], name: str, split: int, space: str | None) -> float:
    """Return the capped precision@10 of a set's labels among its test pictures."""
    test = [row for row in rows if row["set"] == name and row["parts"][split] == "t"]
    gallery, precisions = db.gallery("t"), []
    for word in sorted({row["word"] for row in test}):
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


def measure(
    db: milvise.Database, rows: list[Row], name: str, split: int, head: Path
) -> tuple[float | None, list[float]]:
    """Return the chosen share and the figures of one set."""
    options = TrainOptions(filter=f'meta["set"] == "{name}" and meta["part{split}"] == "r"')
    share = train_head(db.store, gallery="t", out=head, options=options).record["joint_share"]["share"]
    project(db.store, gallery="t", head=str(head), index=IndexSpec("flat"))
    after = found(db, rows, name, split, None)
    joint = db.store.live("t_joint")
    assert joint is not None
    recipe = {key: value for key, value in joint.manifest.recipe.items() if key not in ("joint_share", "learned")}
    db.store.publish(db.store.record(joint.manifest.changed(recipe=recipe)))
    alone = [found(db, rows, name, split, space) for space in ("joint", "visual", None)]
    return share, [*alone, after]


def tabulate(db: milvise.Database, rows: list[Row], head: Path) -> None:
    """Print a row for each set."""
    print(f"{'set':<14} {'shares':<16} " + " ".join(f"{column:>7}" for column in COLUMNS), flush=True)
    for name in dict.fromkeys(row["set"] for row in rows):
        measured = [measure(db, rows, name, split, head) for split in range(len(rows[0]["parts"]))]
        told = " ".join("-" if share is None else f"{share:.1f}" for share, _ in measured)
        means = np.mean([figures for _, figures in measured], axis=0)
        print(f"{name:<14} {told:<16} " + " ".join(f"{value:>7.3f}" for value in means), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument(
        "--splits", type=int, nargs="+", default=[0, 1, 2], help="numbers of choices of the test pictures"
    )
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    arguments = parser.parse_args()
    rows = read_rows(arguments.pictures, arguments.splits, arguments.sets)
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/t.db", create=True) as db:
        words = load_words(arguments.words)
        ingest_words(db.store, words, source=arguments.words, index=IndexSpec("flat"), replace=True)
        backbone = load_backbone(arguments.backbone)
        plan = make_plan(db.store, gallery="t", backbone=backbone, head="conse", recipe={}, names=None)
        report = Path(folder, "quarantine.jsonl")
        ingest_images(
            db.store, [Rows(arguments.pictures, rows)], plan, quarantine=report, options=Options(IndexSpec("flat"))
        )
        tabulate(db, rows, Path(folder, "head.keras"))


if __name__ == "__main__":
    main()
