"""What everyday words find, on labelled pictures, beside what they found before.

    python benchmarks/everyday.py --pictures FOLDER --words VECTORS [--before FILE] [--out FILE] [--weights]

FOLDER is that of ``zero_shot.py``. All photos stand in one gallery and each set is searched with a filter, by meaning alone. The figure of
a text is precision@10 capped: right pictures among the first 10 / min(10, right pictures in the set). A text with an unknown word
counts 0, but in "known words", where it is left out. Words are halved by their CRC-32: weights are chosen on one half ("chosen
on") and reported on the other. Everything is seeded. ``--out`` keeps the figures, ``--before`` prints those of an earlier run beside the
new ones; the script runs on the state before confidence, class hierarchy and typed words too, and leaves out what that has not.

``labels``      the labels' words.
``variants``    the same words in the plural, with capitals, in sentences, misspelt by one letter; labels of several words as they stand.
``groups``      24 words for many classes; a picture is right if WordNet says that its synset is a kind of the word, in any sense.
``everyday``    84 words over all photos: of those with 10 right pictures or more, which find 5 right ones among the first 10.
``confidence``  each set as a gallery of its own: AUC of the first hit's confidence between labels and classes that are absent; and
                *cat*, *dog* and *horse* with and without theirs.
``expansion``   by the number of right pictures: the default search with and without its part ``alike``.
``candidates``  how many pictures are ordered again.
``weights``     one constant changed at a time; only with ``--weights``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from answers import K, World, auc, everything, fill_gallery, fill_words
from everyday_asked import Question, allowed, ask, by_half, by_part, labels, mean
from everyday_words import EVERYDAY, GROUPS, SENTENCES, Shown, misspelt, plural
from results import leave
from zero_shot import SETS

import milvise
from milvise.embeddings.wordnet.nouns import load_nouns
from milvise.errors import UnknownWordError

TINY, SAMPLE = "tiny-imagenet", "imagenet-sample"
PARTS = (*SETS, TINY)
DRAWN = 100
"""So many labels and absent classes of a gallery are searched for."""

Figures = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--before", type=Path, help="figures of an earlier run")
    parser.add_argument("--out", type=Path, help="where to keep the figures")
    parser.add_argument(
        "--weights", action="store_true", help="also change each constant of the ranking: 18 more passes"
    )
    arguments = parser.parse_args()
    before = json.loads(arguments.before.read_text()) if arguments.before else {}
    rows = [row for row in everything(arguments.pictures) if not row["set"].startswith("emoji")]
    shown = Shown(load_nouns())
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/r.db", create=True) as db:
        fill_words(db, arguments.words)
        fill_gallery(db, "r", arguments.pictures, rows, Path(folder))
        world = World(db, arguments.pictures, rows)
        plain, grouped = labels(world, PARTS), groups(shown, rows)
        parts: dict[str, Callable[[], Figures]] = {
            "labels": lambda: _halves(world, plain),
            "groups": lambda: _halves(world, grouped),
            "each group": lambda: _each(world, grouped),
            "variants": lambda: variants(world, plain, rows),
            "everyday": lambda: everyday(world, shown, rows),
            "confidence": lambda: confidence(db, arguments.pictures, rows, shown, folder),
        }
        if find_spec("milvise.queries.ranking.score"):
            import everyday_weights as ranked

            parts["expansion"] = lambda: ranked.expansion(world, [*plain, *grouped])
            parts["candidates"] = lambda: ranked.candidates(world, plain, grouped)
            if arguments.weights:
                parts["weights"] = lambda: ranked.weights(world, plain, grouped)
        for name, part in parts.items():
            figures[name] = part()
            table(name, figures[name], before.get(name, {}))
    leave("everyday", figures)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n")


def _halves(world: World, questions: Sequence[Question]) -> Figures:
    return {part: by_half(own) for part, own in by_part(ask(world, questions)).items()}


def _each(world: World, questions: Sequence[Question]) -> Figures:
    found: Figures = defaultdict(dict)
    for one in ask(world, questions):
        found[one.question.word][one.question.part] = one.precision
    return found


def groups(shown: Shown, rows: Sequence[dict[str, str]]) -> list[Question]:
    found = []
    for part in (SAMPLE, TINY):
        kinds = {row["path"]: shown.kinds(row) for row in rows if row["part"] == part}
        for word in GROUPS:
            roots = shown.any_sense(word)
            if right := frozenset(path for path, above in kinds.items() if roots & above):
                found.append(Question(word, part, word, right))
    return found


def variants(world: World, plain: Sequence[Question], rows: Sequence[dict[str, str]]) -> Figures:
    def said(text: Any) -> list[Question]:
        return [Question(text(one.word), one.part, one.word, one.right) for one in plain]

    phrases: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row["part"] in (*PARTS, SAMPLE) and "_" in row["label"]:
            phrases[row["part"], row["label"].replace("_", " ")].add(row["path"])
    asked = {
        "bare": plain,
        "plural": said(plural),
        "Capital": said(str.capitalize),
        "CAPITALS": said(str.upper),
        **{line: said(lambda word, line=line: line.format(one=word, more=plural(word))) for line in SENTENCES},
        "one letter wrong": said(misspelt),
        "label of several words": [
            Question(label, part, label, frozenset(right)) for (part, label), right in phrases.items()
        ],
    }  # fmt: skip
    found: Figures = {}
    for name, questions in asked.items():
        answers = ask(world, questions, fix=name == "one letter wrong")
        found[name] = {part: mean(own) for part, own in by_part(answers).items()}
        found[name] |= {"all texts": mean(answers), "unknown": float(np.mean([not one.known for one in answers]))}
    return found


def everyday(world: World, shown: Shown, rows: Sequence[dict[str, str]]) -> Figures:
    kinds = {row["path"]: shown.kinds(row) for row in rows}
    asked = []
    for word in EVERYDAY:
        roots = shown.word(word)
        asked.append(Question(word, "", word, frozenset(path for path, above in kinds.items() if roots & above)))
    return {
        one.question.word: {"right of the first 10": one.found, "right": len(one.question.right)}
        for one in ask(world, asked)
        if len(one.question.right) >= K
    }


def confidence(db: milvise.Database, root: Path, rows: Sequence[dict[str, str]], shown: Shown, folder: str) -> Figures:
    told: Figures = defaultdict(dict)
    for number, part in enumerate((*PARTS, SAMPLE)):
        own = [row for row in rows if row["part"] == part]
        fill_gallery(db, f"own{number}", root, own, Path(folder))
        gallery = db.gallery(f"own{number}")
        kinds = {row["label"]: shown.kinds(row) for row in own}
        words = sorted({row["word"] for row in own})
        absent = shown.unlike(gallery.classes(), words, kinds.values())
        drawn = np.random.default_rng(0)
        trusted = [
            [value for word in some if (value := first(gallery, word)) is not None]
            for some in (_some(words, drawn), _some(absent, drawn))
        ]
        told[part] = {
            "AUC": auc(np.asarray(trusted[0]), np.asarray(trusted[1])),
            "labels at 0.5 or more": float(np.mean(np.asarray(trusted[0]) >= 0.5)),
            "absent under 0.5": float(np.mean(np.asarray(trusted[1]) < 0.5)),
        }
        for word in ("cat", "dog", "horse"):
            roots = shown.word(word)
            having = sorted(label for label, above in kinds.items() if roots & above)
            without = f"not (label in {json.dumps(having)})" if having else ""
            told[part][f"{word}, none there"] = first(gallery, word, without)
            if having:
                told[part][f"{word}, some there"] = first(gallery, word)
    return told


def first(gallery: milvise.Gallery, word: str, filter: str = "") -> float | None:
    """Return the confidence of the first hit, None where a word is unknown."""
    text = f'"{word}"' if " " in word else word
    try:
        hits = gallery.search(text, limit=1, filter=filter, min_confidence=0.0, **allowed(gallery.search, by="meaning"))
    except UnknownWordError:
        return None
    return float(hits[0].confidence or 0.0) if hits else 0.0


def _some(words: Sequence[str], drawn: np.random.Generator) -> list[str]:
    return [words[place] for place in sorted(drawn.permutation(len(words))[:DRAWN].tolist())]


def table(title: str, found: Figures, before: Figures) -> None:
    """Print figures as a Markdown table, each as ``before / now`` where there is a figure from before."""
    columns = list(dict.fromkeys(column for row in found.values() for column in row))
    print(f"\n| {title} | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1))
    for name, row in found.items():
        cells = [_cell(before.get(name, {}).get(column), row.get(column)) for column in columns]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _cell(before: float | None, now: float | None) -> str:
    shown = [f"{value:.3f}".replace("0.", ".", 1) if isinstance(value, float) and value < 1 else f"{value:g}"
             for value in (before, now) if value is not None]  # fmt: skip
    return " / ".join(shown)


if __name__ == "__main__":
    main()
