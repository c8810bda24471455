"""The second layer of bias: where groups of pictures lie in the joint space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import numpy as np

from milvise.adapter.escape import is_in
from milvise.core.arrays import Doubles, Floats, unit
from milvise.core.spaces import JOINT
from milvise.evaluation.bias.association import association_test, associations
from milvise.evaluation.bias.groups import Groups
from milvise.evaluation.bias.word_sets import ImageTest
from milvise.evaluation.bias.words import LEAST, WHAT, look_up
from milvise.evaluation.report.figures import Figure
from milvise.evaluation.report.section import Section
from milvise.queries.evaluation_reads import GalleryReader

SAMPLE = 500
"""The most pictures of a group (or of labels) that are looked at."""

OTHERS = "all others"
MOST_PAIRED = 3
"""Up to so many groups are compared two by two; of more, each is compared with all others."""

_DRAWN = 10_000
_SHUFFLES = 500
_SHOWN = 12
_SEED = 0


@dataclass(frozen=True, slots=True)
class Sides:
    """Two groups of pictures.

    Attributes
    ----------
    x, y : str
        Their names.
    ids : list of str
        Those of x, then those of y.
    vectors : ndarray of shape (pictures, dim)
        Unit vectors in the same order.
    size : int
        How many are of x.
    """

    x: str
    y: str
    ids: list[str]
    vectors: Floats
    size: int


def sides_of(reading: GalleryReader, groups: Groups) -> list[Sides]:
    """Return the comparisons that are made between groups, of up to `SAMPLE` pictures a side."""
    joint = reading.space(JOINT)
    ids = {name: groups.members(name, SAMPLE) for name in groups.names}
    vectors: dict[str, Floats] = {}
    for name, members in ids.items():
        ids[name], found = joint.standing(members)
        vectors.update(zip(ids[name], found, strict=True))
    if len(ids) <= MOST_PAIRED:
        chosen = [(x, y, ids[x], ids[y]) for x, y in combinations(ids, 2)]
    else:
        others = {x: sorted(key for y in ids if y != x for key in ids[y])[:SAMPLE] for x in ids}
        chosen = [(x, OTHERS, ids[x], others[x]) for x in ids]
    return [
        Sides(x, y, [*own, *other], np.stack([vectors[key] for key in (*own, *other)]), len(own))
        for x, y, own, other in chosen
    ]


def associate_pictures(
    reading: GalleryReader, groups: Groups, sides: Sequence[Sides], tests: Sequence[ImageTest], part: Section
) -> None:
    """Add the image version of the association test to a part.

    The pictures shown with a test are those that pull the most to either side.
    """
    rows = part.tables.setdefault("pictures", [])
    for test in tests:
        a, b = (_side(reading, words, test.labels) for words in (test.a, test.b))
        if min(len(a), len(b)) < LEAST:
            part.not_measured.append(f"The picture test {test.name}: fewer than {LEAST} vectors on one of its sides.")
            continue
        for two in sides:
            x, y = two.vectors[: two.size], two.vectors[two.size :]
            found = association_test(x, y, a, b, two_sided=True, drawn=_DRAWN)
            name = f"bias.{groups.name}.ieat.{test.name}.{two.x}_{two.y.replace(' ', '_')}"
            part.figures.append(Figure(name, found.effect, "near zero", "standard deviations", WHAT, p=found.p))
            pull = associations(two.vectors, a, b)
            order = np.argsort(-pull, kind="stable")
            rows.append(
                {
                    "attribute": groups.name, "test": test.name, "x": two.x, "y": two.y, "effect": round(found.effect, 4),
                    "p": found.p, "exact": found.exact, "pictures": [two.size, len(two.ids) - two.size],
                    "hits": _shown(reading, groups, two.ids, pull, (*order[: _SHOWN // 2], *order[-(_SHOWN // 2) :])),
                }
            )  # fmt: skip


def compare_directions(
    reading: GalleryReader, groups: Groups, sides: Sequence[Sides], words: Sequence[str], part: Section
) -> None:
    """Add how words lie along the direction from one side's mean to the other's: a cosine for each word and comparison.

    ``band`` is what 95 % of the words' cosines would stay within (each word its own) if the pictures were dealt to the two
    sides by chance.
    """
    vectors, missing = look_up(reading, words)
    known = [word for word in words if word not in missing]
    if not known:
        return
    random = np.random.default_rng(_SEED)
    rows = part.tables.setdefault("directions", [])
    for two in sides:
        cosines = _along(two.vectors, two.size, vectors)
        dealt = (two.vectors[random.permutation(len(two.ids))] for _ in range(_SHUFFLES))
        band = np.quantile([np.abs(_along(pictures, two.size, vectors)) for pictures in dealt], 0.95, axis=0)
        rows += [
            {
                "attribute": groups.name, "x": two.x, "y": two.y, "word": known[place],
                "cosine": round(float(cosines[place]), 4), "band": round(float(band[place]), 4),
                "outside": bool(abs(cosines[place]) > band[place]),
            }
            for place in np.argsort(-cosines, kind="stable")
        ]  # fmt: skip


def _along(pictures: Floats, size: int, words: Floats) -> Floats:
    return np.asarray(words @ unit(pictures[:size].mean(axis=0) - pictures[size:].mean(axis=0)), dtype=np.float32)


def _side(reading: GalleryReader, names: Sequence[str], labels: bool) -> Floats:
    if not labels:
        return look_up(reading, names)[0]
    # Pictures come in the order of their ids, which are hashes: the first ones are a random sample.
    ids = [row["id"] for row in islice(reading.pictures(filter=is_in("label", names)), SAMPLE)]
    return reading.space(JOINT).standing(ids)[1]


def _shown(
    reading: GalleryReader, groups: Groups, ids: Sequence[str], pull: Doubles, places: Sequence[int]
) -> list[dict[str, Any]]:
    uris = reading.uris([ids[place] for place in places])
    return [
        {"id": key, "uri": uris.get(key, ""), "group": groups.of[key], "similarity": round(float(pull[place]), 4)}
        for place in places
        for key in [ids[place]]
    ]
