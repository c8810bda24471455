"""Precision@10 and accuracy of every head, on labels that it was trained on and on labels that it never saw.

    python benchmarks/heads.py --pictures FOLDER --words VECTORS

FOLDER holds ``manifest.csv`` as for ``benchmarks/zero_shot.py``. Heads are trained on the ``train`` pictures of Caltech 101
and on three of every four pictures of each Tiny ImageNet label; the fourth ones and Caltech's ``val`` pictures are the seen
sets. The unseen sets are Caltech's ``dev-unseen`` labels, scenes, clothing, groceries and CIFAR-10. No head is trained on a
label that shares a word with a label of an unseen set.

P@10 is, for each word of a set searched among the set's pictures, the relevant ones among the first 10 divided by 10 or by
how many there are, whichever is less. Accuracy is the share of pictures whose own word is the closest among the set's
words. Words that are not in the vocabulary are left out. H is the harmonic mean of the means over the seen and the unseen
sets. Every head is trained, projected and searched through milvise, on one gallery in Milvus Lite.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import milvise
from milvise.embeddings.words.phrases import tokens
from milvise.errors import UnknownWordError
from milvise.ingest.sources import Item, LocalFile
from milvise.training.score import harmonic_mean

K = 10
SEEN = ("caltech val", "tiny imagenet")
UNSEEN = {
    "caltech": ("caltech101", "dev-unseen"),
    "scenes": ("intel-scenes", "dev-unseen"),
    "clothing": ("clothing", "dev-unseen"),
    "groceries": ("grocery", "dev-unseen"),
    "cifar10": ("cifar10", "ci-smoke"),
}
HEADS = [("conse", ""), *((kind, loss) for kind in ("linear", "mlp", "residual") for loss in ("cosine", "hinge_rank"))]

Figures = dict[str, tuple[float, float]]


def read_rows(root: Path) -> list[dict[str, str]]:
    """Return the manifest's rows that take part, each with its ``part``: ``train``, or the name of a set."""
    with (root / "manifest.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["path"])
    unseen = {key: name for name, key in UNSEEN.items()}
    counts: dict[str, int] = {}
    parted = []
    for row in rows:
        key = (row["set"], row["role"])
        part = unseen.get(key) or {("caltech101", "train"): "train", ("caltech101", "val"): SEEN[0]}.get(key)
        if key == ("tiny-imagenet", "train"):
            counts[row["label"]] = counts.get(row["label"], -1) + 1
            part = "train" if counts[row["label"]] % 4 else SEEN[1]
        if part is not None:
            parted.append(row | {"part": part})
    return parted


def kept_from_training(rows: list[dict[str, str]]) -> tuple[str, ...]:
    """Return the labels to hold out: those that share a word with a label of an unseen set."""
    tested = {row["word"] for row in rows if row["part"] in UNSEEN}
    trained = {row["label"]: row["word"] for row in rows if row["part"] == "train"}
    return tuple(
        sorted(label for label, word in trained.items() if tested & {word, *(t.lower() for t in tokens(label))})
    )


class Rows:
    """The manifest's pictures as a source."""

    def __init__(self, root: Path, rows: list[dict[str, str]]) -> None:
        self.root = root
        self.location = str(root.resolve())
        self.rows = rows

    def __iter__(self) -> Iterator[Item]:
        for row in self.rows:
            meta = {"part": row["part"], "word": row["word"]}
            yield Item(row["path"], LocalFile(self.root / row["path"]), row["label"], meta)


def figures(db: milvise.Database, rows: list[dict[str, str]]) -> Figures:
    """Return P@10 and accuracy of each set, for the head that the gallery is projected with."""
    gallery, joint = db.gallery("h"), db.store.live("h_joint")
    assert joint is not None
    vectors = {row["uri"]: np.asarray(row["vector"], np.float32) for row in joint.scan(["uri", "vector"])}
    return {
        name: _figures(db, gallery, [row for row in rows if row["part"] == name], vectors) for name in (*SEEN, *UNSEEN)
    }


def _figures(
    db: milvise.Database, gallery: milvise.Gallery, rows: list[dict[str, str]], vectors: dict[str, np.ndarray]
) -> tuple[float, float]:
    precisions, known = [], {}
    for word in sorted({row["word"] for row in rows}):
        try:
            hits = gallery.search(
                word, space="joint", limit=K, filter=f'meta["part"] == "{rows[0]["part"]}"', by="meaning"
            )
        except UnknownWordError:
            continue
        relevant = sum(row["word"] == word for row in rows)
        precisions.append(sum(hit.meta["word"] == word for hit in hits) / min(K, relevant))
        known[word] = db.words.vector(word)
    words, targets = list(known), np.stack(list(known.values()))
    right = [
        words[int((targets @ vectors[row["path"]]).argmax())] == row["word"] for row in rows if row["word"] in known
    ]
    return float(np.mean(precisions)), float(np.mean(right))


def mean_of(found: list[Figures]) -> Figures:
    return {
        part: (float(np.mean([one[part][0] for one in found])), float(np.mean([one[part][1] for one in found])))
        for part in found[0]
    }


def print_row(name: str, seconds: float, found: Figures) -> None:
    means = []
    for metric in (0, 1):
        seen, unseen = (float(np.mean([found[part][metric] for part in parts])) for parts in (SEEN, UNSEEN))
        means.append((seen, unseen, harmonic_mean(seen, unseen)))
    cells = [*zip(*means, strict=True), *found.values()]
    print(
        f"{name:<20} {seconds:>6.1f}  " + "  ".join(f"{precision:.3f}/{accuracy:.3f}" for precision, accuracy in cells)
    )


def print_difference(name: str, found: list[Figures], base: Figures) -> None:
    """Print how far a head lies from the untrained one, in the mean over the seeds and at its worst."""
    mean = mean_of(found)
    for parts, what in ((SEEN, "seen"), (UNSEEN, "unseen")):
        change = np.mean([np.subtract(mean[part], base[part]) for part in parts], axis=0)
        worst = np.min([np.subtract(mean[part], base[part]) for part in parts], axis=0)
        seed = np.min([np.subtract(one[part], base[part]) for one in found for part in parts], axis=0)
        print(
            f"{name:<20} {what:<7} mean {change[0]:+.3f}/{change[1]:+.3f}, lowest set {worst[0]:+.3f}/{worst[1]:+.3f},"
            f" lowest set of any seed {seed[0]:+.3f}/{seed[1]:+.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--seeds", type=int, default=4, help="train with so many seeds, and print the means")
    arguments = parser.parse_args()
    rows = read_rows(arguments.pictures)
    hold_out = kept_from_training(rows)
    rows = [row for row in rows if row["part"] not in SEEN or row["label"] not in hold_out]
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/h.db", create=True) as db:
        db.ingest_words(arguments.words, index="flat", replace=True)
        db.ingest_images(
            Rows(arguments.pictures, rows), gallery="h", backbone=arguments.backbone, head="conse", engine="keras",
            index="flat", quarantine=Path(folder, "quarantine.jsonl"),
        )  # fmt: skip
        made_by = {entry["alias"]: entry["fingerprint"] for entry in db.status()}
        print(f"words {made_by['words']}\nbackbone {made_by['h_visual']}\nnot trained on: {', '.join(hold_out)}\n")
        gallery = db.gallery("h")
        columns = ("seen", "unseen", "H", *SEEN, *UNSEEN)
        results: dict[str, list[Figures]] = {}
        seconds: dict[str, list[float]] = {}
        for seed in range(arguments.seeds):
            for kind, loss in HEADS if seed == 0 else HEADS[1:]:
                name = f"{kind} {loss}".strip()
                head, started = Path(folder, "head.keras"), time.monotonic()
                if loss:
                    where = 'meta["part"] == "train"'
                    trained = gallery.train(head, head=kind, loss=loss, hold_out=hold_out, seed=seed, filter=where)
                seconds.setdefault(name, []).append(time.monotonic() - started)
                gallery.project(head if loss else "conse", index="flat")
                results.setdefault(name, []).append(figures(db, rows))
            on = trained.record["trained_on"]["labels"]
            print(f"seed {seed}: trained on {sum(on.values())} pictures of {len(on)} labels", flush=True)
        print(f"\n{'P@10/accuracy':<20} {'train':>6}  " + "  ".join(f"{name:<11}" for name in columns))
        print(f"{'':<20} {'s':>6}")
        for name, found in results.items():
            print_row(name, float(np.mean(seconds[name])), mean_of(found))
        (base,) = results["conse"]
        print("\nless conse")
        for name, found in results.items():
            if name != "conse":
                print_difference(name, found, base)


if __name__ == "__main__":
    main()
