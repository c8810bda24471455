"""A figure of a report: its value, how sure it is, what it counts and which way is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RESAMPLES = 2_000
CONFIDENCE = 0.95
_SEED = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with what is needed to read it.

    Attributes
    ----------
    name : str
        Such as ``zero_shot.p@10``; the part before the first dot is its group.
    value : float
    better : str
        ``higher``, ``lower`` or ``near zero``.
    unit : str
        ``share``, ``rank``, ``ms``, ``queries/s``, ``nats`` …
    what : str
        What is counted and divided by what.
    low, high : float, optional
        Ends of its 95 % interval, None where there is none.
    chance : float, optional
        What a search that knows nothing would reach.
    over : str
        What `by` is keyed by, such as ``labels``.
    by : mapping of str to float
        The values that `value` is the mean of.
    p : float, optional
        How often chance alone gives at least this value, where that was tested.
    """

    name: str
    value: float
    better: str
    unit: str
    what: str
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    over: str = ""
    by: Mapping[str, float] = field(default_factory=dict)
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figure as plain values, rounded to six digits."""
        return {
            "value": rounded(self.value), "low": rounded(self.low), "high": rounded(self.high), "better": self.better,
            "unit": self.unit, "what": self.what, "chance": rounded(self.chance), "p": rounded(self.p), "over": self.over,
            "n": len(self.by),
            "by": {name: rounded(value) for name, value in self.by.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, name: str, values: Mapping[str, Any]) -> Figure:
        """Return the figure that `to_json` wrote down; a value without a number is none."""
        kept = {key: values[key] for key in ("better", "unit", "what", "low", "high", "chance", "over", "by", "p")}
        return cls(name, math.nan if values["value"] is None else values["value"], **kept)


def rounded(value: float | None) -> float | None:
    """Return a number with six digits behind the point; None for what JSON has no number for."""
    return None if value is None or not math.isfinite(value) else round(float(value), 6)


def mean_figure(
    name: str, by: Mapping[str, float], *, what: str, over: str, better: str = "higher", unit: str = "share",
    chance: float | None = None,
) -> Figure:  # fmt: skip
    """Return the mean over labels (or queries) as a figure, with its bootstrap interval."""
    low, high = interval(list(by.values()))
    return Figure(name, float(np.mean(list(by.values()))), better, unit, what, low, high, chance, over, dict(by))


def interval(values: list[float]) -> tuple[float | None, float | None]:
    """Return the percentile bootstrap interval of a mean, None twice for fewer than two values.

    `RESAMPLES` draws with replacement from a fixed seed; the interval says how far the mean would move with other labels
    (or queries) of the same kind, and nothing about other galleries.

    References
    ----------
    Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    if len(values) < 2:
        return None, None
    drawn = np.random.default_rng(_SEED).integers(0, len(values), (RESAMPLES, len(values)))
    means = np.asarray(values)[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
