"""What the command line prints of training, evaluation, tuning and plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milvise.cli.console import Output, spaced
from milvise.cli.terminal import numbers, print_paragraph, print_table, texts
from milvise.core.sizes import shown_size

_FINDINGS = 8
_KEPT = ("page", "report", "made", "seconds", "gallery", "findings", "figures", "gates", "changes", "not_measured")


def trained_head(output: Output, report: Mapping[str, Any]) -> None:
    """Print what training a head did: its scores beside those of the untrained head."""
    if output.as_json:
        output.document(report)
        return
    trained_on = report["trained_on"]
    for kind in ("without_vector", "held_out"):
        if trained_on[kind]:
            listed = ", ".join(trained_on[kind])
            output.note(f"{'Left out, without a word vector' if kind == 'without_vector' else 'Held out'}: {listed}")
    figures = [f"{head} {name}" for name in ("P@10", "accuracy") for head in report["scores"]]
    rows = []
    for part, name in (("seen", "seen, held back"), ("unseen", "unseen, held out")):
        found = [scores[part] for scores in report["scores"].values()]
        if found[0]:
            values = [f"{score[metric]:.3f}" for metric in ("precision_at_10", "accuracy") for score in found]
            rows.append([name, str(found[0]["labels"]), str(found[0]["pictures"]), *values])
    print_table([*texts("pictures"), *numbers("labels", "pictures", *figures)], rows)
    share = report["joint_share"]
    if share["average_precision"]:
        compared = [[name, f"{value:.3f}"] for name, value in share["average_precision"].items()]
        print_table([*texts("search for pictures not trained on"), *numbers("average precision")], compared)
    counts = (
        "as for untrained words"
        if share["share"] is None
        else f"{share['share']:.1f} for the labels that were trained on"
    )
    output.note(f"Share of the joint space in the default search: {counts}. {share['why']} {_chosen_on(share)}")
    seconds, epochs = report["seconds"], len(report["history"]["loss"])
    pictures = f"{sum(trained_on['labels'].values()):,} pictures of {len(trained_on['labels']):,} labels"
    output.note(f"Trained on {pictures}: {epochs} epochs, {seconds['total']:.1f} s. Written to {report['out']}")


def _chosen_on(share: Mapping[str, Any]) -> str:
    by_others = share["cross_fitted"]
    others = f", {by_others:,} of them by heads that were trained without them" if by_others else ""
    return f"Chosen on {share['pictures']:,} pictures{others}." if share["average_precision"] else ""


def trained_backbone(output: Output, report: Mapping[str, Any]) -> None:
    """Print what fine-tuning a backbone did."""
    if output.as_json:
        output.document(report)
        return
    for uri, reason in report["trained_on"]["unreadable"].items():
        output.note(f"Left out: {uri}: {reason}")
    scores = report["scores"]["similar_precision_at_10"]
    trained_on = report["trained_on"]
    output.facts(
        {
            "out": report["out"],
            "classes": len(report["classes"]),
            "trained on": sum(trained_on["labels"].values()),
            "held back": trained_on["held_back"]["pictures"],
            "similar P@10 before": scores["before"],
            "similar P@10 after": scores["after"],
            "seconds": report["seconds"]["total"],
        }
    )


def report(output: Output, document: Mapping[str, Any]) -> None:
    """Print an evaluation: what stands out, the key figures, and where the rest is."""
    if output.as_json:
        output.document({name: document[name] for name in _KEPT})
        return
    for gate in document["gates"]:
        value = gate["remark"] if gate["value"] is None else f"{gate['value']:.4f}"
        print_paragraph(f"{'kept    ' if gate['kept'] else 'NOT KEPT'}  {gate['figure']}, {gate['limit']}: {value}")
    for finding in document["findings"][:_FINDINGS]:
        print_paragraph(f"* {finding}")
    print_table(
        [*texts("figure"), *numbers("value", "95 % interval", "chance")],
        ([name, *_key_figure(figure)] for name, figure in document["key"].items()),
    )
    if document["not_measured"]:
        output.note(f"{len(document['not_measured'])} remarks on what was not measured are in the report.")
    print_paragraph(f"Report: {document['page']}")


def tuned(output: Output, tuning: Mapping[str, Any]) -> None:
    """Print the search parameters that were chosen."""
    if output.as_json:
        output.document(tuning)
        return
    for found in tuning["chosen"]:
        if not found["queries"]:
            output.note(f"Nothing to tune in {found['space']}: its index is exact, or it holds too little to ask with.")
        if not found["reached"]:
            output.note(f"No setting of {found['space']} reaches {tuning['recall']}: the most thorough one was taken.")
    print_table(
        [*texts("space", "before", "now"), *numbers("recall", "on other queries")],
        (
            [
                found["space"],
                *(spaced(found[name]) for name in ("before", "index")),
                *(f"{found[name]:.4f}" for name in ("recall", "checked")),
            ]
            for found in tuning["chosen"]
        ),
    )


def planned(output: Output, plan: Mapping[str, Any]) -> None:
    """Print what a gallery of a size takes."""
    if output.as_json:
        output.document(plan)
        return
    output.note(
        f"Reckoned with figures of: {plan['measured_on'] or 'milvise itself, none of this machine (--calibrate)'}"
    )
    print_table(
        [*texts("collection", "index"), *numbers("memory", "to be there", "advised for the index", "object store")],
        (
            [
                one["name"],
                spaced(one["index"]),
                *(shown_size(one[name]["value"]) for name in ("memory", "keep", "advised", "disk")),
            ]
            for one in plan["collections"]
        ),
    )
    print_table(
        [*texts("step"), *numbers("time"), *texts("waits for", "reckoned with")],
        (
            [step["name"], _duration(step["seconds"]), step["waits_for"], _figure_with_source(step["rate"])]
            for step in [*plan["steps"], {**_NO_STEP, "seconds": plan["seconds"]}]
        ),
    )
    disk = {
        "of which without vectors": plan["scalars"],
        **{f"{name} on disk": one for name, one in plan["disk"].items()},
    }
    print_table(
        [*texts("bytes"), *numbers("size"), *texts("reckoned with")],
        ([name, shown_size(one["value"]), one["source"]] for name, one in disk.items()),
    )
    for sentence in plan["limits"]:
        print_paragraph(f"* {sentence}")


def calibrated(output: Output, found: Mapping[str, Any]) -> None:
    """Print what was measured of a machine and a Milvus."""
    if output.as_json:
        output.document(found)
        return
    figures = [[name, f"{one['value']:,.4g} {one['unit']}", one["source"]] for name, one in found["figures"].items()]
    print_table([*texts("figure"), *numbers("value"), *texts("source")], figures)
    costs = [
        [name, f"{one['fixed_s']:.2f}", f"{1e6 * one['row_s']:.1f}", f"{1e6 * one['value_s']:.3f}", one["source"]]
        for name, one in found["costs"].items()
    ]
    print_table([*texts("step"), *numbers("s once", "µs a row", "µs a value"), *texts("source")], costs)


_NO_STEP = {"name": "all", "waits_for": "", "rate": {"value": 0.0, "unit": "", "source": ""}}


def _figure_with_source(figure: Mapping[str, Any]) -> str:
    return f"{figure['value']:,.4g} {figure['unit']}: {figure['source']}" if figure["value"] else str(figure["source"])


def _duration(seconds: float) -> str:
    """Return a time as people read it."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _key_figure(figure: Mapping[str, Any]) -> list[str]:
    span = "" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
    chance = "" if figure["chance"] is None else f"{figure['chance']:.3f}"
    return [f"{figure['value']:.3f}{' ms' if figure['unit'] == 'ms' else ''}", span, chance]
