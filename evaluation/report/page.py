"""A report as one HTML file that needs nothing else: plots and pictures inside, dark and light, no script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from milvise.core.spaces import JOINT, VISUAL
from milvise.errors import MissingExtraError
from milvise.evaluation.report.document import Report
from milvise.evaluation.report.figures import Figure
from milvise.evaluation.report.findings import findings
from milvise.evaluation.report.plots import labels_plot, recall_plot, reliability_plot, shares_plot
from milvise.evaluation.report.section import Section
from milvise.evaluation.report.thumbnails import Thumbnails

KEY_FIGURES = (
    "zero_shot.capped_p@10", "zero_shot.p@10", "seen.capped_p@10", "all.capped_p@10", "zero_shot.tag_hit@1",
    "generalised.harmonic_mean", "tags.hit@1", "similar.p@10", "pairs.p@10", "taxonomy.hp@5", "confidence.auc", "confidence.ece", "index.joint.recall@10",
    "index.joint.p95_ms", "index.visual.recall@10", "index.visual.p95_ms", "bias.max_skew", "bias.ndkl",
)  # fmt: skip
"""What is said first, as far as it was measured."""

_TITLES = {
    "all": "Search by word, all labels", "seen": "Search by word, labels that were trained on",
    "zero_shot": "Zero-shot: labels that neither head nor backbone was trained on", "tags": "Tags among the gallery's labels",
    "generalised": "Tags, seen and unseen labels together", "all_words": "Tags among all words", "similar": "Search by picture",
    "confidence": "Confidence, labels against classes that the gallery lacks", "rated": "Answers that people judged",
    "pairs": "Search for two things at once", "taxonomy": "Tags in a taxonomy", "index": "The index in use", "bias": "Bias",
}  # fmt: skip
_MOST_ROWS = 200


def render(report: Report, *, roots: Sequence[str]) -> str:
    """Return the page.

    Parameters
    ----------
    roots : sequence of str
        Folders in which the pictures lie, on this machine.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise MissingExtraError("writing a report's page", "evaluate") from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": number, "span": span, "pretty": pretty, "sentence": sentence}
    template = environment.from_string(
        files("milvise.evaluation.report").joinpath("templates/report.html").read_text("utf-8")
    )
    thumbnails = Thumbnails(roots)
    parts = {part.name: part for part in report.parts}
    body = template.render(
        report=report,
        document=report.to_json()["gallery"],
        findings=findings(report),
        key=[report.figures[name] for name in KEY_FIGURES if name in report.figures],
        parts=parts,
        groups=_by_group,
        plots=_plots(parts),
        thumb=thumbnails.number,
        most_rows=_MOST_ROWS,
    )
    # The pictures are known only when all of the page has been written.
    note = f"{thumbnails.missing:,} pictures are named only: their files are not on the machine that made this report, or there are too many."
    return body.replace("/*pictures*/", thumbnails.styles(), 1).replace(
        "<!--missing-->", note if thumbnails.missing else ""
    )


def number(value: float | None, unit: str = "share") -> str:
    """Return a number as it is read, with its unit where it is not a share."""
    if value is None:
        return "–"
    match unit:
        case "ms":
            return f"{value:.3g} ms"
        case "queries/s":
            return f"{value:,.0f} queries/s"
        case "nats" | "standard deviations" | "share":
            return f"{value:.3f}"
    return f"{value:.3g}"


def span(figure: Figure) -> str:
    """Return a figure's 95 % interval as text, empty where it has none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{number(figure.low, figure.unit)} to {number(figure.high, figure.unit)}"


def sentence(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def pretty(value: Any) -> str:
    """Return a setting or fact as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {pretty(entry)}" for name, entry in value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _by_group(part: Section) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {}
    for figure in part.figures:
        group = figure.name.split(".")[0]
        found.setdefault(_TITLES.get(group, group), []).append(figure)
    return found


def _plots(parts: Mapping[str, Section]) -> dict[str, str]:
    plots = {}
    if "accuracy" in parts and parts["accuracy"].tables.get("labels"):
        plots["labels"] = labels_plot(parts["accuracy"].tables["labels"])
    if "accuracy" in parts and parts["accuracy"].tables.get("reliability"):
        plots["reliability"] = reliability_plot(parts["accuracy"].tables["reliability"])
    if "index" in parts:
        for name in (JOINT, VISUAL):
            if rows := parts["index"].tables.get(name):
                plots[name] = recall_plot(rows, parts["index"].facts["k"])
    if "bias" in parts:
        for name in dict.fromkeys(row["attribute"] for row in parts["bias"].tables.get("results", [])):
            sizes = parts["bias"].facts[f"groups by {name}"]
            rows = [row for row in parts["bias"].tables["results"] if row["attribute"] == name]
            total = sum(sizes.values())
            plots[f"shares {name}"] = shares_plot(rows, list(sizes), [size / total for size in sizes.values()])
    return plots
