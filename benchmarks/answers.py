"""What the further requests find, on labelled pictures, in one table.

    python benchmarks/answers.py --pictures FOLDER --words VECTORS

FOLDER holds ``manifest.csv`` as for ``zero_shot.py``, whose precision@10 is used: relevant pictures among the first 10, of
as many as there can be. All pictures stand in one gallery, and each set is searched with a filter. Seeds are fixed.

``text``        a label's word, in each space. The shares and the temperature of the fused space were chosen on these sets.
``completion``  three random pictures of a label are given; its others are to be found.
``feedback``    the first 10 of a text search are judged by their labels; precision@10 of what was not judged, before and after.
``focus``       two pictures of different labels side by side, of which one is wanted: with and without its word as focus.
``confidence``  AUC of labels' words against the same vectors with their components shuffled.
``duplicates``  cosines of altered copies with their originals, and of pictures with the closest other picture.
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from results import leave
from zero_shot import SETS, Rows

import milvise
from milvise.core.records import Hit
from milvise.embeddings.pictures.decode import decode
from milvise.embeddings.runtimes.engines import load_network
from milvise.errors import UnknownWordError
from milvise.queries.evaluation_reads import read_gallery
from milvise.queries.ranking.confidence import sample_background

K = 10
SPACES = ("joint", "visual", "fused")
DEV = [name for name in SETS if name != "caltech101, val"]
GIVEN, PAIRS, COPIES = 3, 200, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--only", nargs="*", default=[part.__name__ for part in PARTS], help="some of these parts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/r.db", create=True) as db:
        fill_words(db, arguments.words)
        rows = everything(arguments.pictures)
        fill_gallery(db, "r", arguments.pictures, rows, Path(folder))
        world = World(db, arguments.pictures, rows)
        figures: dict[str, Any] = {}
        for part in (part for part in PARTS if part.__name__ in arguments.only):
            figures[part.__name__] = part(world)
    leave("answers", figures)


def everything(root: Path) -> list[dict[str, str]]:
    with (root / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        own = [name for name, (part, role) in SETS.items() if row["set"] == part and role in (None, row["role"])]
        row["part"] = own[0] if own else row["set"]
    return rows


def fill_words(db: milvise.Database, words: str) -> None:
    db.ingest_words(words, index="flat", replace=True)


def fill_gallery(db: milvise.Database, name: str, root: Path, rows: list[dict[str, str]], folder: Path) -> None:
    db.ingest_images(
        Rows(root, rows), gallery=name, backbone="efficientnet_lite0", head="conse", index="flat",
        quarantine=folder / f"{name}.jsonl",
    )  # fmt: skip


class World:
    """The gallery and what its pictures show."""

    def __init__(self, db: milvise.Database, root: Path, rows: list[dict[str, str]]) -> None:
        self.db, self.root, self.gallery = db, root, db.gallery("r")
        self.word = {row["path"]: row["word"] for row in rows}
        self.of: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            self.of[row["part"]][row["word"]].append(row["path"])

    def words(self, part: str) -> list[str]:
        """Return the labels' words that the vocabulary knows."""
        return [word for word in sorted(self.of[part]) if self.knows(word)]

    def knows(self, word: str) -> bool:
        """Return whether the vocabulary has a word."""
        try:
            self.db.words.vector(word)
        except UnknownWordError:
            return False
        return True

    def precision(self, hits: Iterable[Hit], word: str, possible: int) -> float:
        """Return precision@10 where so many relevant pictures are possible."""
        return sum(self.word[hit.uri] == word for hit in list(hits)[:K]) / min(K, possible)


def only(part: str) -> str:
    return f'meta["part"] == "{part}"'


def table(title: str, columns: list[str], rows: dict[str, list[float]]) -> None:
    print(f"\n{title:34}" + "".join(f"{name:>20}" for name in columns))
    for name, values in rows.items():
        print(f"{name:34}" + "".join(f"{value:20.3f}" for value in values), flush=True)


def text(world: World) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    for part in SETS:
        words = world.words(part)
        found[part] = [
            float(np.mean([
                world.precision(world.gallery.search(word, space=space, limit=K, filter=only(part), by="meaning"), word, len(world.of[part][word]))
                for word in words
            ]))
            for space in SPACES
        ]  # fmt: skip
    found["mean"] = np.mean(list(found.values()), axis=0).tolist()
    table("text, precision@10", list(SPACES), found)
    held = sum(found[part][2] >= max(found[part][:2]) - 1e-9 for part in DEV)
    print(f"fused is at least as good as the better space on {held} of {len(DEV)} sets ({', '.join(DEV)})")
    return {"precision_at_10": found, "fused_at_least_as_good": held}


def completion(world: World) -> dict[str, Any]:
    random = np.random.default_rng(0)
    found: dict[str, list[float]] = {}
    ways = [(space, to) for to in ("mean", "any") for space in SPACES]
    for part in DEV:
        scores: dict[Any, list[float]] = defaultdict(list)
        sizes = [len(paths) - GIVEN for paths in world.of[part].values()]
        for word, paths in sorted(world.of[part].items()):
            given = random.permutation(paths)[:GIVEN].tolist()
            for space, to in ways:
                hits = world.gallery.complete(given, space=space, to=to, limit=K, filter=only(part))
                scores[space, to].append(world.precision(hits, word, len(paths) - GIVEN))
        chance = float(np.mean([size / min(K, size) * K / (sum(sizes) + GIVEN) for size in sizes]))
        found[part] = [*(float(np.mean(scores[way])) for way in ways), chance]
    found["mean"] = np.mean(list(found.values()), axis=0).tolist()
    table("completion, precision@10", [*(f"{space}, {to}" for space, to in ways), "chance"], found)
    return {"precision_at_10": found}


def feedback(world: World) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    for part in DEV:
        before, after = [], []
        for word in world.words(part):
            hits = world.gallery.search(word, limit=2 * K, filter=only(part), by="meaning")
            liked = [hit.id for hit in hits[:K] if world.word[hit.uri] == word]
            disliked = [hit.id for hit in hits[:K] if world.word[hit.uri] != word]
            left = len(world.of[part][word]) - len(liked)
            if left:
                better = world.gallery.refine(words=word, liked=liked, disliked=disliked, limit=K, filter=only(part))
                before.append(world.precision(hits[K:], word, left))
                after.append(world.precision(better, word, left))
        found[part] = [float(np.mean(before)), float(np.mean(after)), len(before)]
    found["mean"] = np.mean(list(found.values()), axis=0).tolist()
    table("feedback, precision@10 of the rest", ["before", "after one round", "words"], found)
    return {"precision_at_10": found}


def focus(world: World) -> dict[str, Any]:
    random = np.random.default_rng(0)
    parts = ["caltech101", "caltech101, val", "caltech101, unseen"]
    paths = defaultdict(list)
    for part in parts:
        for word in world.words(part):
            paths[word] += world.of[part][word]
    classes = {name.lower() for name in world.gallery.classes()}
    scores: dict[str, list[list[float]]] = {"labels that are classes": [], "labels that are not": []}
    for _ in range(PAIRS):
        wanted, other = random.choice(sorted(paths), 2, replace=False)
        sides = [world.root / random.choice(paths[word]) for word in (wanted, other)]
        collage = side_by_side(sides if random.random() < 0.5 else sides[::-1])
        kind = "labels that are classes" if wanted in classes else "labels that are not"
        own = {str(path.relative_to(world.root)) for path in sides}
        where = 'uri like "caltech101/%"'
        scores[kind].append([
            world.precision(
                [hit for hit in world.gallery.similar(collage, focus=focused, limit=K + 2, filter=where) if hit.uri not in own],
                wanted, len(paths[wanted]) - 1,
            )
            for focused in (None, wanted, f"- {other}")
        ])  # fmt: skip
    found = {f"{kind} ({len(rows)} pairs)": np.mean(rows, axis=0).tolist() for kind, rows in scores.items() if rows}
    found["all"] = np.mean([row for rows in scores.values() for row in rows], axis=0).tolist()
    table("focus, precision@10 of the wanted", ["without", "its word", "minus the other's"], found)
    return {"precision_at_10": found}


def side_by_side(paths: list[Path]) -> Image.Image:
    collage = Image.new("RGB", (448, 224))
    for place, path in enumerate(paths):
        with Image.open(path) as picture:
            collage.paste(picture.convert("RGB").resize((224, 224)), (224 * place, 0))
    return collage.resize((224, 224))


def confidence(world: World) -> dict[str, Any]:
    random = np.random.default_rng(0)
    words = sorted({word for part in SETS for word in world.words(part)})
    vectors = np.stack([world.db.words.vector(word) for word in words])
    reading = read_gallery(world.db, "r")
    frequent = reading.sample_words(200, among=20_000, seed=1)
    joint, vocabulary = world.db.store.live("r_joint"), world.db.store.live("words")
    assert joint is not None
    assert vocabulary is not None
    background = sample_background(joint, vocabulary)

    def trusted(queries: Any) -> Any:
        answers = reading.space("joint").nearest(np.ascontiguousarray(queries, dtype=np.float32), limit=1)
        return np.asarray([background.confidence(hits[0][1]) for hits in answers])

    found = {
        name: [auc(trusted(asked), trusted(random.permuted(asked, axis=1))), float(np.median(trusted(asked)))]
        for name, asked in (("labels' words", vectors), ("frequent words", frequent))
    }
    shuffled = trusted(random.permuted(vectors, axis=1))
    table(
        "confidence, against shuffled vectors",
        ["AUC", "median"],
        {**found, "shuffled": [0.5, float(np.median(shuffled))]},
    )
    return found


def auc(positive: Any, negative: Any) -> float:
    above = positive[:, None] > negative[None, :]
    return float(np.mean(above + 0.5 * (positive[:, None] == negative[None, :])))


ALTERED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG of quality 50": lambda picture: saved(picture, 50),
    "half the size": lambda picture: picture.resize((max(1, picture.width // 2), max(1, picture.height // 2))),
    "5 % cut off each side": lambda picture: picture.crop(
        (
            picture.width // 20,
            picture.height // 20,
            picture.width - picture.width // 20,
            picture.height - picture.height // 20,
        )
    ),
    "brighter by 20 %": lambda picture: picture.point(lambda value: min(255, int(1.2 * value))),
}


def saved(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def duplicates(world: World) -> dict[str, Any]:
    random = np.random.default_rng(0)
    network = load_network("efficientnet_lite0")
    paths = sorted(path for part in ("imagenet-sample", "scenes") for own in world.of[part].values() for path in own)
    chosen = random.permutation(paths)[:COPIES].tolist()
    originals = [Image.open(world.root / path).convert("RGB") for path in chosen]

    def embedded(pictures: list[Image.Image]) -> Any:
        buffers = [io.BytesIO() for _ in pictures]
        for picture, buffer in zip(pictures, buffers, strict=True):
            picture.save(buffer, "PNG")
        pixels = np.stack([decode(one.getvalue(), size=network.size, rule=network.rule).pixels for one in buffers])
        vectors = network.embed(pixels)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    before = embedded(originals)
    rows = {
        name: np.sum(before * embedded([alter(one) for one in originals]), axis=1) for name, alter in ALTERED.items()
    }
    others = [world.gallery.similar(path, limit=1)[0].similarity for path in chosen]
    rows["the closest other picture"] = np.asarray(others)
    found = {
        name: [*np.quantile(values, [0.05, 0.5, 0.95]).tolist(), float((values >= 0.9).mean())]
        for name, values in rows.items()
    }
    table("duplicates, cosine", ["5 %", "median", "95 %", "0.9 or more"], found)
    return found


PARTS = (text, completion, feedback, focus, confidence, duplicates)

if __name__ == "__main__":
    main()
