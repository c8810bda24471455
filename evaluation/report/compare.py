"""What changed since an older report, and whether it is more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milvise.evaluation.report.figures import Figure, interval, rounded

LEAST = 5
"""Fewer labels or queries in common say nothing about noise."""


def changes(figures: Mapping[str, Figure], old: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each figure that both reports have how it changed.

    Where both have values for the same labels (or queries), the difference is the mean over those of the differences, and
    its bootstrap interval says whether it is more than noise; a label's pictures and search are the same in both, so that
    pairs are compared (Smucker, Allan and Carterette 2007, "A Comparison of Statistical Significance Tests for Information
    Retrieval Evaluation"). Otherwise nothing can be said about noise.

    Parameters
    ----------
    figures : mapping of str to Figure
        The new ones.
    old : mapping
        The older report, as `milvise.evaluation.report.files.read_json` reads it.
    """
    found = []
    for name, figure in figures.items():
        before = old["figures"].get(name)
        if before is None or before["value"] is None:
            continue
        common = sorted(key for key in figure.by.keys() & before["by"].keys() if before["by"][key] is not None)
        row: dict[str, Any] = {
            "figure": name, "before": before["value"], "now": rounded(figure.value), "in_common": len(common),
            "difference": rounded(figure.value - before["value"]), "low": None, "high": None, "verdict": "unknown",
        }  # fmt: skip
        if len(common) >= LEAST:
            # What was written down was rounded.
            differences = [(rounded(figure.by[key]) or 0.0) - before["by"][key] for key in common]
            low, high = interval(differences)
            assert low is not None and high is not None
            row |= {
                "difference": rounded(sum(differences) / len(differences)),
                "low": rounded(low),
                "high": rounded(high),
            }
            row["verdict"] = _verdict(figure.better, low, high)
        found.append(row)
    return found


def _verdict(better: str, low: float, high: float) -> str:
    if low <= 0 <= high:
        return "noise"
    rose = low > 0
    return "better" if rose == (better == "higher") else "worse"


def remarks(gallery: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """Return in which ways the older report is of something else: its filter, models, words, or numbers of pictures."""
    found = []
    if gallery["filter"] != old["gallery"]["filter"]:
        found.append(f"another filter: {old['gallery']['filter'] or 'none'}")
    for name, standing in gallery["collections"].items():
        before = old["gallery"]["collections"].get(name)
        if before is None:
            found.append(f"{name}: not there before")
        elif before["fingerprint"] != standing["fingerprint"]:
            found.append(f"{name}: made by another model or with other words")
        elif before["rows"] != standing["rows"]:
            found.append(f"{name}: {before['rows']:,} rows before, {standing['rows']:,} now")
    return found
