"""What each precision of a network gains and loses: pictures a second, and what searches find then, beside single precision.

    python benchmarks/precision.py --pictures FOLDER --words VECTORS [--backbone efficientnet_lite0]

FOLDER is that of ``zero_shot.py``. All pictures are loaded once in each precision, and each set is searched by its labels' words with a filter.

``speed``       OpenVINO alone on decoded pictures, by turns with single precision.
``precision``   precision@10 of the default search, by set; the mean of the sets' differences with its bootstrap interval over the labels.
``neighbours``  how many of the ten closest pictures of a picture are among the ten closest in single precision (exact, of all pictures).
``confidence``  the mean size of the change of the first hit's probability.

``--precision auto`` takes the fastest one whose mean loses at most `LOSS`; the script fails where it takes one that loses more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from answers import K, World, everything, fill_words
from everyday import PARTS
from everyday_asked import ask as asked
from everyday_asked import by_part, labels, mean
from pictures import readable
from results import leave
from zero_shot import Rows

import milvise
from milvise.core.precision import PRECISIONS, SINGLE
from milvise.embeddings.runtimes.engines import fastest_precision, load_network
from milvise.errors import UnknownWordError
from milvise.evaluation.report.figures import interval

LOSS = 0.005
_TURNS, _SPEED_ROWS = 5, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    given = parser.parse_args()
    rows = everything(given.pictures)
    rates = speeds(given.backbone, given.pictures)
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/p.db", create=True) as db:
        fill_words(db, given.words)
        found = {
            precision: searched(db, precision, given, rows, Path(folder)) for precision in PRECISIONS
        }  # fmt: skip
    figures = {precision: compared(found[precision], found[SINGLE]) | rates[precision] for precision in PRECISIONS}
    show(figures)
    chosen = fastest_precision({"backbone": given.backbone}, "openvino")
    lost = figures[chosen]["lost"]
    print(f"\n--precision auto is {chosen} on this machine; its sets lose {lost:.4f} on the mean (at most {LOSS}).")
    leave(f"precision-{given.backbone}", {"auto": chosen, **figures})
    if lost > LOSS:
        sys.exit(f"{chosen} loses more than {LOSS}.")


def speeds(backbone: str, pictures: Path) -> dict[str, dict[str, float]]:
    """Return pictures a second of the bare network in each precision, and the median of its ratios to single precision, by turns."""
    networks = {precision: load_network(backbone, engine="openvino", precision=precision) for precision in PRECISIONS}
    with tempfile.TemporaryDirectory() as folder:
        _, pixels = readable(pictures, Path(folder, "pictures"), networks[SINGLE], _SPEED_ROWS)
    rates: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for network in networks.values():
        network.embed(pixels[:64], batch_size=64)
    for _ in range(_TURNS):
        for precision, network in networks.items():
            started = time.perf_counter()
            network.embed(pixels, batch_size=len(pixels))
            rates[precision].append(len(pixels) / (time.perf_counter() - started))
    for network in networks.values():
        network.close()
    return {
        precision: {
            "per_s": float(np.median(rates[precision])),
            "speed": float(np.median(np.divide(rates[precision], rates[SINGLE]))),
        }
        for precision in PRECISIONS
    }


def searched(
    db: milvise.Database, precision: str, given: argparse.Namespace, rows: list[dict[str, str]], folder: Path
) -> dict[str, Any]:
    """Load all pictures in a precision; return what their labels find, and what lies next to each picture."""
    name = f"in_{precision}"
    db.ingest_images(
        Rows(given.pictures, rows), gallery=name, backbone=given.backbone, head="conse", index="flat", engine="openvino",
        precision=precision, quarantine=folder / f"{name}.jsonl",
    )  # fmt: skip
    world = World(db, given.pictures, rows)
    world.gallery = db.gallery(name)
    answers = by_part(asked(world, labels(world, PARTS)))
    visual = db.store.live(f"{name}_visual")
    assert visual is not None
    vectors = {row["uri"]: row["vector"] for row in visual.scan(["uri", "vector"])}
    return {
        "answers": answers,
        "confidence": {part: [first(world, one.question) for one in own] for part, own in answers.items()},
        "neighbours": neighbours(vectors),
    }


def first(world: World, question: Any) -> float:
    """Return the probability of the first hit of a label, 0 where the word is not known."""
    try:
        hits = world.gallery.search(
            question.text, limit=1, filter=f'meta["part"] == "{question.part}"', min_confidence=0.0, by="meaning"
        )
    except UnknownWordError:
        return 0.0
    return float(hits[0].confidence or 0.0) if hits else 0.0


def neighbours(vectors: dict[str, Any]) -> dict[str, set[str]]:
    """Return the ten closest other pictures of each picture, by cosine."""
    names = sorted(vectors)
    units = np.asarray([vectors[name] for name in names], np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -1.0)
    best = np.argpartition(-cosines, K, axis=1)[:, :K]
    return {name: {names[place] for place in places} for name, places in zip(names, best, strict=True)}


def compared(ours: dict[str, Any], single: dict[str, Any]) -> dict[str, Any]:
    """Return what one precision finds, and what it loses beside single precision."""
    precision = {part: mean(own) for part, own in ours["answers"].items()}
    differences = [
        before.precision - now.precision
        for part, own in ours["answers"].items()
        for before, now in zip(single["answers"][part], own, strict=True)
    ]
    lost = float(np.mean([mean(single["answers"][part]) - value for part, value in precision.items()]))
    shared = [len(ours["neighbours"][name] & others) / K for name, others in single["neighbours"].items()]
    changes = [
        abs(now - before)
        for part, own in ours["confidence"].items()
        for before, now in zip(single["confidence"][part], own, strict=True)
    ]
    return {
        "precision_at_10": precision, "lost": lost, "lost_by_label": interval(differences), "neighbours": float(np.mean(shared)),
        "confidence_change": float(np.mean(changes)), "labels": len(differences),
    }  # fmt: skip


def show(figures: dict[str, dict[str, Any]]) -> None:
    print(f"{'':26}" + "".join(f"{name:>20}" for name in figures))
    lines = {"pictures/s, bare": "per_s", "times single": "speed"}
    for title, key in lines.items():
        print(f"{title:26}" + "".join(f"{one[key]:>20.2f}" for one in figures.values()))
    for part in figures[SINGLE]["precision_at_10"]:
        values = "".join(f"{one['precision_at_10'][part]:>20.3f}" for one in figures.values())
        print(f"{'precision@10 ' + part:26.26}" + values)
    print(f"{'mean of the sets loses':26}" + "".join(f"{one['lost']:>20.4f}" for one in figures.values()))
    spans = [
        " to ".join("" if edge is None else f"{edge:.4f}" for edge in one["lost_by_label"]) for one in figures.values()
    ]
    print(f"{'a label loses, 95 %':26}" + "".join(f"{span:>20}" for span in spans))
    print(f"{'neighbours kept':26}" + "".join(f"{one['neighbours']:>20.3f}" for one in figures.values()))
    print(f"{'confidence changes by':26}" + "".join(f"{one['confidence_change']:>20.4f}" for one in figures.values()))


if __name__ == "__main__":
    main()
