"""What the default search finds after training, on pictures that neither the head nor the choice of its share saw.

    python benchmarks/trained_search.py --pictures FOLDER --words VECTORS

FOLDER holds ``manifest.csv`` as for ``benchmarks/zero_shot.py``. Each set is a gallery of its own. Of each label 10 pictures are kept for
the test, or half of them where it has no more than 10. A residual head is trained on the others, which also choose whether the joint
space alone answers. Each label is then searched among the test pictures, by meaning. Figures are the relevant ones among the first 10
divided by 10 or by how many there are, whichever is less: by default and in each space alone. They are means over several choices of
the test pictures, called splits. *difference* is the default search less the space that is better on average, with its standard error over
the splits. The shares are those chosen, "-" where the untrained ones stay.

The form of the rule in `milvise.training.share` and the number of folds were chosen on the splits 100 to 106; the default ones are others.
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
from milvise.embeddings.words.phrases import tokens
from milvise.errors import UnknownWordError
from milvise.ingest.sources import Item, LocalFile

K = 10
TEST = 10
SPLITS = (300, 301, 302)
SETS = ("caltech101", "tiny-imagenet", "grocery", "clothing", "cifar10", "intel-scenes")
COLUMNS = {"default": None, "joint": "joint", "visual": "visual"}

Row = dict[str, Any]
Array = np.ndarray[Any, np.dtype[np.float64]]


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
        self.location = str(root.resolve())
        self.rows = rows

    def __iter__(self) -> Iterator[Item]:
        for row in self.rows:
            parts = {f"part{split}": part for split, part in enumerate(row["parts"])}
            yield Item(row["path"], LocalFile(self.root / row["path"]), row["label"], {"word": row["word"], **parts})


def found(gallery: milvise.Gallery, words: Sequence[str], split: int, space: str | None) -> float:
    """Return the capped precision@10 of words, as often in the sequence as there are test pictures of them."""
    labels = sorted(set(words))
    answers = gallery.search_many(
        [f'"{word}"' for word in labels], space=space, limit=K, by="meaning", filter=in_part(split, "t")
    )
    precisions = [
        sum(hit.meta["word"] == word for hit in hits) / min(K, words.count(word))
        for word, hits in zip(labels, answers, strict=True)
    ]
    return float(np.mean(precisions))


def measure(
    db: milvise.Database, rows: list[Row], name: str, split: int, head: Path
) -> tuple[float | None, list[float]]:
    """Return the chosen share and the figures of one set in one split."""
    gallery, test = db.gallery(name), [row["word"] for row in rows if row["parts"][split] == "t"]
    record = gallery.train(head, filter=in_part(split, "r")).record
    gallery.project(head, index="flat")
    known = {word for word in set(test) if is_known(gallery, word)}
    words = [word for word in test if word in known]
    return record["joint_share"]["share"], [found(gallery, words, split, space) for space in COLUMNS.values()]


def is_known(gallery: milvise.Gallery, word: str) -> bool:
    """Return whether a label can be searched for."""
    try:
        return bool(gallery.classes_of(f'"{word}"'))
    except UnknownWordError:
        return False


def in_part(split: int, part: str) -> str:
    """Return a filter for the test pictures (``t``) of a split, or for the rest (``r``)."""
    return f'meta["part{split}"] == "{part}"'


def told(shares: Sequence[float | None], figures: Array) -> str:
    """Return a row of the table.

    Parameters
    ----------
    figures : ndarray of shape (splits, columns)
    """
    default, *alone = figures.T
    lost = default - max(alone, key=np.mean)
    error = lost.std(ddof=1) / len(lost) ** 0.5 if len(lost) > 1 else float("nan")
    chosen = " ".join("-" if share is None else f"{share:.0f}" for share in shares)
    return (
        f"{chosen:<12} "
        + " ".join(f"{mean:>7.3f}" for mean in figures.mean(axis=0))
        + f" {lost.mean():>+11.3f} {error:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--splits", type=int, nargs="+", default=SPLITS, help="numbers of choices of the test pictures")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    arguments = parser.parse_args()
    rows = read_rows(arguments.pictures, arguments.splits, arguments.sets)
    print(f"{'set':<14} {'shares':<12} " + " ".join(f"{name:>7}" for name in COLUMNS) + f" {'difference':>11} error")
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/t.db", create=True) as db:
        db.ingest_words(arguments.words, index="flat", replace=True)
        for name in arguments.sets:
            gallery, own = name.replace("-", "_"), [row for row in rows if row["set"] == name]
            db.ingest_images(
                Rows(arguments.pictures, own), gallery=gallery, backbone=arguments.backbone, head="conse", engine="keras",
                index="flat", quarantine=Path(folder, "quarantine.jsonl"),
            )  # fmt: skip
            head, splits = Path(folder, "head.keras"), range(len(arguments.splits))
            measured = [measure(db, own, gallery, split, head) for split in splits]
            figures = np.asarray([figures for _, figures in measured])
            print(f"{name:<14} {told([share for share, _ in measured], figures)}", flush=True)


if __name__ == "__main__":
    main()
