"""What to do about a report, in sentences: the first thing that its reader sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from milvise.evaluation.report.document import Report

_GOOD_RECALL = 0.95
_SURE = 0.01


def findings(report: Report) -> list[str]:
    """Return what stands out and what can be done about it, the gravest kind first."""
    return [*_gates(report), *_bias(report), *_accuracy(report), *_index(report), *_changes(report)]


def _gates(report: Report) -> Iterator[str]:
    for gate in report.gates:
        if not gate["kept"]:
            value = gate["remark"] if gate["value"] is None else f"it is {gate['value']:.3f}"
            yield f"The limit on {gate['figure']}, {gate['limit']}, is not kept: {value}."


def _accuracy(report: Report) -> Iterator[str]:
    rows = _table(report, "accuracy", "labels")
    lost = [row for row in rows if row["capped_p@10"] < 0.2]
    if lost:
        worst = "; ".join(
            f"{row['label']} (instead: {', '.join(name for name, _ in row['instead']) or 'nothing'})"
            for row in lost[:5]
        )
        yield (
            f"{len(lost)} of {len(rows)} labels can hardly be found by their name, fewer than 2 of the first 10: {worst}."
            " More than one word, a synonym, or a head trained on them (milvise train) may help."
        )
    seen, unseen = report.figures.get("seen.capped_p@10"), report.figures.get("zero_shot.capped_p@10")
    if seen and unseen and seen.value - unseen.value > 0.2:
        yield (
            f"Labels that no model was trained on are found much less well: {unseen.value:.2f} against {seen.value:.2f} of the"
            " first 10. Searches for things that are not in the training data should be expected to fail more often."
        )


def _index(report: Report) -> Iterator[str]:
    for name, figure in report.figures.items():
        if name.startswith("index.") and ".recall@" in name and figure.value < _GOOD_RECALL:
            space = name.split(".")[1]
            yield (
                f"The {space} index misses {1 - figure.value:.1%} of the closest results: milvise tune --gallery"
                f" {report.gallery['name']} --recall {_GOOD_RECALL}"
            )


def _bias(report: Report) -> Iterator[str]:
    beyond = [row for row in _table(report, "bias", "results") if row["beyond_chance"]]
    for row in beyond[:5]:
        group = max(row["skew"], key=lambda name: row["skew"][name])
        yield (
            f"A search for {row['query']!r} shows {group} ({row['attribute']}) in {row['share'][group]:.0%} of its first"
            " results, more often than chance: look at the pictures."
        )
    if len(beyond) > 5:
        yield f"{len(beyond) - 5} more neutral searches show a group more often than chance."
    for name, figure in report.figures.items():
        if ".tag_gap." in name and figure.p is not None and figure.p <= _SURE:
            highest = max(figure.by, key=lambda group: figure.by[group])
            yield (
                f"Pictures of {highest} are tagged with words of the list {name.split('.')[-1]} more often than those of other"
                f" groups: {figure.by[highest]:.1%}."
            )
    names = [
        name
        for name, figure in report.figures.items()
        if ".ieat." in name and figure.p is not None and figure.p <= _SURE
    ]
    if names:
        yield f"Groups of pictures lie differently towards word sets in {len(names)} tests: {', '.join(names[:4])}{' …' if names[4:] else ''}"


def _changes(report: Report) -> Iterator[str]:
    worse = [row["figure"] for row in report.changes if row["verdict"] == "worse"]
    better = [row["figure"] for row in report.changes if row["verdict"] == "better"]
    if report.changes:
        yield f"Since the older report, beyond noise: {len(worse)} figures are worse, {len(better)} better."
    if worse:
        yield f"Worse: {', '.join(worse[:8])}{' …' if worse[8:] else ''}"


def _table(report: Report, part: str, name: str) -> list[dict[str, Any]]:
    return next((found.tables.get(name, []) for found in report.parts if found.name == part), [])
