"""Limits that a report must keep, so that a pipeline can stop a gallery from going live."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from milvise.errors import UsageError
from milvise.evaluation.report.figures import Figure
from milvise.queries.vocabulary.spelling import closest


def read_limits(texts: Sequence[str], option: str) -> dict[str, float]:
    """Read ``name=number`` for each text.

    Raises
    ------
    UsageError
        If one is something else.
    """
    limits = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            limit = float(number)
            if math.isnan(limit):
                # Every comparison with it is false, so that no figure would ever be beyond it.
                raise ValueError
            limits[name.strip()] = limit
        except ValueError:
            raise UsageError(
                f"{option} takes a figure's name and a number.\nExpected: such as zero_shot.p@10=0.5\nReceived: {text}"
            ) from None
    return limits


def check(
    figures: Mapping[str, Figure], *, under: Mapping[str, float], over: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return each limit with the figure's value and whether it is kept: not below `under`, not above `over`.

    A limit on a figure that was not measured is not kept: a gate that finds nothing must not open.
    """
    found = []
    for kind, limits in (("at least", under), ("at most", over)):
        for name, limit in limits.items():
            figure = figures.get(name)
            value = None if figure is None else figure.value
            kept = value is not None and (value >= limit if kind == "at least" else value <= limit)
            near = ", ".join(closest(name, sorted(figures)))
            remark = "" if figure is not None else f"not measured; close names: {near}" if near else "not measured"
            found.append({"figure": name, "limit": f"{kind} {limit:g}", "value": value, "kept": kept, "remark": remark})
    return found
