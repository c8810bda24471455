"""Figures with their source: a number is worth what is known of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

ARITHMETIC = "arithmetic"
ASSUMED = "assumed"
HERE = "measured here"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number.

    Attributes
    ----------
    value : float
    unit : str
        Such as ``pictures/s``, ``s`` or ``bytes``.
    source : str
        Where it comes from: ``measured here``, ``measured by milvise on …``, ``vendor's figure …``, ``arithmetic`` or ``assumed``, with what
        there is to say beside.
    """

    value: float
    unit: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, with as many digits as such a figure has."""
        return {"value": _short(self.value), "unit": self.unit, "source": self.source}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step takes for so many rows of a width, in seconds.

    It is ``fixed_s + rows * (row_s + dim * value_s)``, where an index over more rows at a time takes more for each of them.

    Attributes
    ----------
    fixed_s : float
        Once, however many rows there are; of an import, for each file.
    row_s, value_s : float
        For each row, and for each value of its vector.
    source : str
        As in `Figure`.
    at_rows : float
        How many rows were together when `row_s` and `value_s` were measured; 0 for a step whose rows know nothing of each other.
    growth : float
        The power of the number of rows by which the cost of one of them grows.
    """

    fixed_s: float
    row_s: float
    value_s: float
    source: str
    at_rows: float = 0.0
    growth: float = 0.0

    def seconds(self, rows: float, dim: int, *, together: float | None = None, nodes: int = 1) -> float:
        """Return the seconds for so many rows.

        Parameters
        ----------
        together : float, optional
            How many rows of them are indexed together, at most; by default all.
        nodes : int
            How many machines share the rows.
        """
        grown = 1.0
        if self.at_rows and self.growth:
            grown = (max(1.0, min(rows, together or rows)) / self.at_rows) ** self.growth
        return self.fixed_s + rows * (self.row_s + dim * self.value_s) * grown / nodes

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {name: _short(value) if isinstance(value, float) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Cost:
        """Read what `to_json` wrote.

        Raises
        ------
        TypeError, ValueError
            If it is something else.
        """
        numbers = {name: float(values.get(name, 0.0)) for name in ("fixed_s", "row_s", "value_s", "at_rows", "growth")}
        return cls(**numbers, source=str(values.get("source", "")))


def fitted(measured: Mapping[tuple[int, int], float], *, source: str, growth: float = 0.0) -> Cost:
    """Return the cost that three measurements make: a few and many narrow rows, and some wide ones.

    Parameters
    ----------
    measured : mapping of (rows, dim) to float
        Seconds: of few rows of the narrow width, of many of them, and of some of the wide one.
    growth : float
        The power by which the cost of a row is known to grow with the rows.
    """
    (few, narrow), (many, _), (some, wide) = sorted(measured, key=lambda size: (size[1], size[0]))

    def weight(rows: int) -> float:
        return float(rows * (rows / many) ** growth)

    first, second, third = measured[few, narrow], measured[many, narrow], measured[some, wide]
    narrow_s = max(0.0, second - first) / (weight(many) - weight(few))
    fixed = max(0.0, first - weight(few) * narrow_s)
    wide_s = max(narrow_s, (third - fixed) / weight(some))
    value_s = (wide_s - narrow_s) / (wide - narrow)
    row_s = max(0.0, narrow_s - narrow * value_s)
    return Cost(fixed, row_s, value_s, source, float(many) if growth else 0.0, growth)


def _short(value: float) -> float:
    return float(f"{value:.4g}") if abs(value) < 1e6 else float(round(value))
