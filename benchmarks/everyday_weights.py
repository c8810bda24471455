"""What the constants of the ranking do, each changed alone: candidates, the part of pictures alike, and all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from answers import World
from everyday_asked import Answer, Question, ask, by_part, changed, mean
from everyday_words import half

from milvise.queries.plan import class_mixture, load_mixture
from milvise.queries.ranking import score as ranking
from milvise.queries.ranking import search as ranked
from milvise.queries.ranking.score import GUESSED, KNOWN

_SIZES = (5, 10, 15, 10_000)
_FACTORS = (0.5, 2.0)


def expansion(world: World, questions: Sequence[Question]) -> dict[str, Any]:
    """Return the precision of words whose classes are a guess, by how many pictures are right, without and with ``alike``."""
    asked = [one for one in questions if _guessed(world, one.word)]
    with changed(ranking, GUESSED=replace(GUESSED, alike=0.0)):
        without = ask(world, asked)
    both = list(zip(without, ask(world, asked), strict=True))
    rows: dict[str, Any] = {}
    for least, most in zip((0, *_SIZES), _SIZES, strict=False):
        pairs = [(one.precision, other.precision) for one, other in both if least < len(one.question.right) <= most]
        if pairs:
            told = np.mean(pairs, axis=0).tolist()
            title = f"more than {least}" if most == _SIZES[-1] else f"{least + 1} to {most}"
            rows[f"{title} right pictures"] = {"words": len(pairs), "without": told[0], "with": told[1]}
    return rows


def candidates(world: World, labels: Sequence[Question], grouped: Sequence[Question]) -> dict[str, Any]:
    rows = {}
    for count in (20, 50, 100, 200):
        with changed(ranked, CANDIDATES=count):
            rows[str(count)] = _row(ask(world, labels), ask(world, grouped))
    return rows


def weights(world: World, labels: Sequence[Question], grouped: Sequence[Question]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, change in {"as it is": [], **dict(_variations())}.items():
        with ExitStack() as stack:
            for module, constants in change:
                stack.enter_context(changed(module, **constants))
            stack.enter_context(_made_again(world))
            rows[name] = _halves(ask(world, labels), ask(world, grouped))
        print(name, rows[name], flush=True)
    return rows


def _variations() -> Iterator[tuple[str, list[tuple[Any, dict[str, Any]]]]]:
    for module, name in (
        (class_mixture, "TEMPERATURE"), (class_mixture, "TREE"), (class_mixture, "OTHER_NAME"), (load_mixture, "_BROADER"),
    ):  # fmt: skip
        for factor in _FACTORS:
            value = getattr(module, name) * factor
            yield f"{name} {value:g}", [(module, {name: value})]
    for name, trust in (("KNOWN", KNOWN), ("GUESSED", GUESSED)):
        for part in ("joint", "classes", "alike"):
            own = getattr(trust, part)
            for factor in _FACTORS if own else ():
                yield (
                    f"{name} {part} {own * factor:.3g}",
                    [(ranking, {name: replace(trust, **{part: own * factor})})],
                )


@contextmanager
def _made_again(world: World) -> Iterator[None]:
    """Make the classes among the words again, which hold constants, and leave what this machine keeps alone."""

    def swap(now: Any) -> Any:
        kept = now.mixture
        made = load_mixture._fetched(now.classes, now.words, now.hierarchy)
        now.parts.made["mixture"] = (now.parts.made["mixture"][0], made)
        return kept

    kept = world.gallery._parts.answered(swap)
    try:
        yield
    finally:
        parts = world.gallery._parts
        parts.made["mixture"] = (parts.made["mixture"][0], kept)


def _row(labels: Sequence[Answer], grouped: Sequence[Answer]) -> dict[str, float]:
    found = {part: mean(own) for part, own in by_part(labels).items()}
    found |= {f"groups, {part}": mean(own) for part, own in by_part(grouped).items()}
    return found | {"mean": float(np.mean(list(found.values())))}


def _halves(labels: Sequence[Answer], grouped: Sequence[Answer]) -> dict[str, float]:
    """Return the mean over the sets of labels and groups, on each half of the words."""
    found = {}
    for side, title in enumerate(("chosen on", "reported")):
        own = [[one for one in answers if half(one.question.word) == side] for answers in (labels, grouped)]
        found[title] = _row(*own)["mean"]
    return found


def _guessed(world: World, word: str) -> bool:
    def told(now: Any) -> bool:
        known: bool = now.mixture.of(now.base_noun(word), None).known
        return not known

    return bool(world.gallery._parts.answered(told))
