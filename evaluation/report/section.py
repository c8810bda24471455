"""What one evaluation found; a report is made of several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from milvise.evaluation.report.figures import Figure


@dataclass(slots=True)
class Section:
    """Figures with the rows behind them.

    Attributes
    ----------
    name : str
        ``accuracy``, ``index`` or ``bias``.
    figures : list of Figure
    facts : dict
        Numbers and settings that the figures rest on.
    tables : dict of str to list of dict
        Rows: one for each label, query or setting.
    not_measured : list of str
        What a reader might expect and does not find, each with its reason.
    """

    name: str
    figures: list[Figure] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    not_measured: list[str] = field(default_factory=list)


def listed(names: list[str], most: int = 12) -> str:
    """Return names between commas, cut short after `most` of them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
