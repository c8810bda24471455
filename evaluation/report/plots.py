"""Plots as SVG that goes into a page and takes its colour of text, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from milvise.errors import MissingExtraError

_INK = "#010203"
"""Stands for the page's colour of text, and is replaced by it."""

_COLOURS = ("#3987e5", "#d95926", "#199e70", "#c98500", "#d55181", "#9085e9", "#008300", "#e66767")


def labels_plot(rows: Sequence[dict[str, Any]]) -> str:
    """Return how many labels are found how well, seen and unseen ones apart."""
    parts = {"unseen": "unseen", "trained": "seen", "backbone": "seen", "unknown": "labels"}
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(parts[row["part"]], []).append(row["capped_p@10"])
    with _axes(3.2) as (axes, svg):
        bins = [step / 10 for step in range(11)]
        names = sorted(values)
        axes.hist([values[name] for name in names], bins=bins, label=names, color=_COLOURS[: len(names)], stacked=True)
        axes.set_xlabel("precision of the first 10 (capped)")
        axes.set_ylabel("labels")
        _legend(axes)
    return svg()


def reliability_plot(rows: Sequence[dict[str, Any]]) -> str:
    """Return the share of right first hits against their confidence; larger dots stand for more searches."""
    with _axes(3.8) as (axes, svg):
        axes.plot([0, 1], [0, 1], "--", color=_INK, lw=0.8, label="as it should be")
        confidence, right = [row["confidence"] for row in rows], [row["right"] for row in rows]
        axes.plot(confidence, right, "-", color=_COLOURS[0])
        axes.scatter(
            confidence, right, s=[20 + 300 * row["weight"] for row in rows], color=_COLOURS[0], label="searches"
        )
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("confidence of the first hit")
        axes.set_ylabel("share that is right")
        _legend(axes)
    return svg()


def recall_plot(rows: Sequence[dict[str, Any]], k: int) -> str:
    """Return recall against time of each setting, settings of one kind of index joined; a ring marks what is in use."""
    families: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault(row["index"] if row["family"] == "library" else row["family"], []).append(row)
    with _axes(3.8) as (axes, svg):
        for number, (family, found) in enumerate(families.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            marker = "s" if found[0]["family"] == "library" else "o"
            axes.plot(
                [row["recall"] for row in found],
                [row["p50_ms"] for row in found],
                f"{marker}-",
                color=colour,
                label=family,
                ms=4,
            )
        for row in rows:
            if row["in_use"]:
                axes.plot(row["recall"], row["p50_ms"], "o", ms=11, mfc="none", mec=_INK, label="in use")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(f"recall of the exact first {k}")
        axes.set_ylabel("median time of a search, ms")
        _legend(axes)
    return svg()


def shares_plot(rows: Sequence[dict[str, Any]], groups: Sequence[str], expected: Sequence[float]) -> str:
    """Return the groups' shares among the first results, a bar for each neutral search; the last is the gallery itself."""
    shown = list(reversed(rows[:30]))
    with _axes(0.9 + 0.2 * (len(shown) + 1)) as (axes, svg):
        names = ["the gallery", *(row["query"] for row in shown)]
        left = [0.0] * len(names)
        for number, group in enumerate(groups):
            widths = [expected[number], *(row["share"][group] for row in shown)]
            axes.barh(
                range(len(names)), widths, left=left, color=_COLOURS[number % len(_COLOURS)], label=group, height=0.75
            )
            left = [start + width for start, width in zip(left, widths, strict=True)]
        axes.set_yticks(range(len(names)), names)
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel("share of the first results")
        axes.legend(frameon=False, labelcolor=_INK, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)
    return svg()


@contextmanager
def _axes(height: float) -> Iterator[tuple[Any, Callable[[], str]]]:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("writing a report's plots", "evaluate") from None
    settings: Any = {
        "svg.fonttype": "none", "text.parse_math": False, "svg.hashsalt": "milvise", "text.color": _INK, "axes.edgecolor": _INK, "axes.labelcolor": _INK,
        "xtick.color": _INK, "ytick.color": _INK, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with rc_context(settings):
        figure = Figure(figsize=(6.4, height), layout="constrained")
        axes = figure.add_subplot()
        axes.set_facecolor("none")

        def svg() -> str:
            with rc_context(settings):
                buffer = io.StringIO()
                figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
            text = buffer.getvalue()
            # Ids are made anew for each plot, and several plots stand in one page.
            return re.sub(r"^.*?<svg ", "<svg ", text, count=1, flags=re.DOTALL).replace(_INK, "currentColor")

        yield axes, svg


def _legend(axes: Any) -> None:
    axes.legend(frameon=False, labelcolor=_INK, fontsize=9)
