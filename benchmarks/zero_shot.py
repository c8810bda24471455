"""Precision@10 of "class word -> pictures" in the joint space of the untrained conse head, for labelled pictures.

    python benchmarks/zero_shot.py --pictures FOLDER --words VECTORS

FOLDER holds ``manifest.csv`` with the columns ``path``, ``set``, ``role``, ``label`` and ``word`` (the word to search a
label by). For each set, each label's word is searched among the set's pictures only. The figure of a label is

    relevant pictures among the first 10 / min(10, relevant pictures in the set)

so that a label with 8 pictures can reach 1; ``plain`` divides by 10 whatever there is. Labels whose word is not in the
vocabulary are listed, count as 0 in ``all labels`` and are left out of ``known words``. Every search runs through
``milvise.Gallery.search`` on Milvus. ``answers.py`` has the other spaces.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import milvise
from milvise.errors import UnknownWordError
from milvise.ingest.sources import Item, LocalFile

K = 10
SETS = {
    "caltech101, unseen": ("caltech101", "dev-unseen"),
    "caltech101, val": ("caltech101", "val"),
    "scenes": ("intel-scenes", "dev-unseen"),
    "clothing": ("clothing", "dev-unseen"),
    "groceries": ("grocery", "dev-unseen"),
    "cifar10": ("cifar10", None),
}


class Rows:
    """The manifest's pictures as a source, with their set as metadata."""

    def __init__(self, root: Path, rows: list[dict[str, str]]) -> None:
        self.root = root
        self.location = str(root.resolve())
        self.rows = rows

    def __iter__(self) -> Iterator[Item]:
        for row in self.rows:
            yield Item(row["path"], LocalFile(self.root / row["path"]), row["label"], {"part": row["part"]})


def read_rows(root: Path) -> list[dict[str, str]]:
    with (root / "manifest.csv").open(newline="") as file:
        return [
            row | {"part": name}
            for row in csv.DictReader(file)
            for name, (part, role) in SETS.items()
            if row["set"] == part and role in (None, row["role"])
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--remove-components", type=int, default=None)
    arguments = parser.parse_args()
    rows = read_rows(arguments.pictures)
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/z.db", create=True) as db:
        db.ingest_words(arguments.words, components=arguments.remove_components, index="flat", replace=True)
        db.ingest_images(
            Rows(arguments.pictures, rows), gallery="z", backbone=arguments.backbone, head="conse", index="flat",
            quarantine=Path(folder, "quarantine.jsonl"),
        )  # fmt: skip
        made_by = {entry["alias"]: entry["fingerprint"] for entry in db.status()}
        print(f"words {made_by['words']}\nbackbone {made_by['z_visual']}\n")
        print(f"{'set':<20} {'labels':>6} {'known words':>12} {'all labels':>11} {'plain':>7}  words not known")
        for name in SETS:
            print_set(db.gallery("z"), name, [row for row in rows if row["part"] == name])


def print_set(gallery: milvise.Gallery, name: str, rows: list[dict[str, str]]) -> None:
    capped, plain, unknown = [], [], []
    words = {row["label"]: row["word"] for row in rows}
    for label, word in words.items():
        relevant = sum(row["label"] == label for row in rows)
        try:
            hits = gallery.search(word, space="joint", limit=K, filter=f'meta["part"] == "{name}"', by="meaning")
        except UnknownWordError:
            unknown.append(word)
            continue
        right = sum(hit.label == label for hit in hits)
        capped.append(right / min(K, relevant))
        plain.append(right / K)
    everything = [*capped, *(0.0 for _ in unknown)]
    print(
        f"{name:<20} {len(words):>6} {np.mean(capped):>12.3f} {np.mean(everything):>11.3f} {np.mean(plain):>7.3f}"
        f"  {', '.join(unknown)}"
    )


if __name__ == "__main__":
    main()
