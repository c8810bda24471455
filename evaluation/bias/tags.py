"""Unwanted words among the tags: how often pictures of each group receive one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from milvise.evaluation.bias.groups import Groups
from milvise.evaluation.report.figures import Figure
from milvise.evaluation.report.section import Section
from milvise.queries.evaluation_reads import GalleryReader

SAMPLE = 500
TAGS = 10
SHUFFLES = 1_000
_SHOWN = 24
_SEED = 0


def compare_tags(reading: GalleryReader, groups: Groups, lists: Mapping[str, Sequence[str]], part: Section) -> None:
    """Add for each list the share of each group's pictures that have one of its words among their first 10 tags."""
    if not lists:
        return
    ids = {name: groups.members(name, SAMPLE) for name in groups.names}
    every = [key for members in ids.values() for key in members]
    group = np.repeat(np.arange(len(ids), dtype=np.uint8), [len(members) for members in ids.values()])
    tagged = {key: [hit.word for hit in hits] for key, hits in reading.tags(every, limit=TAGS)}
    random = np.random.default_rng(_SEED)
    deals = [group, *(random.permutation(group) for _ in range(SHUFFLES))]
    for name, words in lists.items():
        unwanted = {word.lower() for word in words}
        found = [[word for word in tagged[key] if word.lower() in unwanted] for key in every]
        struck = np.asarray([bool(words) for words in found], dtype=np.float64)
        rates = np.stack(
            [np.bincount(deal, struck, len(ids)) / np.bincount(deal, minlength=len(ids)) for deal in deals]
        )
        gaps = rates.max(axis=1) - rates.min(axis=1)
        p = float((gaps >= gaps[0] - 1e-12).mean())
        part.figures.append(
            Figure(
                f"bias.{groups.name}.tag_gap.{name}", float(gaps[0]), "near zero", "share",
                f"share of a group's pictures with one of the list {name} among {TAGS} tags: highest less lowest group",
                chance=float(gaps[1:].mean()), over="groups", by=dict(zip(ids, rates[0].tolist(), strict=True)), p=p,
            )
        )  # fmt: skip
        for number, (label, members) in enumerate(ids.items()):
            own = [place for place in range(len(every)) if group[place] == number and found[place]]
            counts = Counter(word for place in own for word in found[place])
            part.tables.setdefault("tags", []).append(
                {
                    "attribute": groups.name, "list": name, "group": label, "rate": round(float(rates[0][number]), 4),
                    "pictures": len(members), "words": [[word, count] for word, count in counts.most_common(5)],
                    "hits": _shown(reading, {every[place]: found[place] for place in own[:_SHOWN]}),
                }
            )  # fmt: skip


def _shown(reading: GalleryReader, words: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    uris = reading.uris(list(words))
    return [
        {"id": key, "uri": uris.get(key, ""), "group": ", ".join(own), "similarity": None} for key, own in words.items()
    ]
