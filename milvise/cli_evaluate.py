"""The commands that judge a gallery: evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milvise import config, console_reports
from milvise.cli_app import group
from milvise.cli_state import FAILED, FilterOption, GalleryOption, state, stoppable

if TYPE_CHECKING:
    from milvise.evaluation.part import Part
    from milvise.evaluation.report import Report
    from milvise.queries.reading import Reading

    Evaluation = Callable[[Reading, Callable[[str], None]], Part]

evaluate_app = group("Measure how accurate, complete and biased searches are, and write a report.")

_STOPPED = "No report was written."

OutOption = Annotated[Path, typer.Option(help="A folder for report.html and report.json.")]
UnderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-under",
        metavar="FIGURE=NUMBER",
        help="Exit with 1 if the figure is lower, such as zero_shot.p@10=0.5; repeatable.",
    ),
]
OverOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-over",
        metavar="FIGURE=NUMBER",
        help="Exit with 1 if the figure is higher, such as bias.max_skew=0.7; repeatable.",
    ),
]
CompareOption = Annotated[
    Path | None,
    typer.Option("--compare", metavar="OLD.json", help="An older report: say what changed, and whether it is noise."),
]
AuditOption = Annotated[
    bool, typer.Option("--audit", help="Also write the answers as a folder that people can rate in a spreadsheet.")
]
LabelsOption = Annotated[
    str,
    typer.Option(
        "--labels", metavar="COLUMN", help="Where labels stand: label, or a metadata column; a list or a;b is several."
    ),
]
TaxonomyOption = Annotated[
    Path | None, typer.Option(help="A CSV file with the columns child and parent, for hierarchical precision.")
]
HeadOption = Annotated[
    Path | None,
    typer.Option(help="The gallery's trained head, if it lies elsewhere than when the gallery was projected."),
]
TaggedOption = Annotated[int, typer.Option(min=1, help="Tag at most so many pictures.")]
SimilarOption = Annotated[int, typer.Option(min=1, help="Search by at most so many pictures.")]
KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind", metavar="SPEC", help="Also try this index on a copy that is dropped, such as ivf_flat; repeatable."
    ),
]
QueriesOption = Annotated[int, typer.Option(min=2, help="So many queries for each index.")]
AttributeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        metavar="NAME[=REGEX]",
        help="Groups to compare: a metadata column, or what a regular expression finds in a picture's URI; repeatable.",
    ),
]
TestsOption = Annotated[
    Path | None,
    typer.Option("--tests", metavar="FILE.toml", help="Word sets, neutral searches and unwanted tags of one's own."),
]
TopOption = Annotated[int, typer.Option("--top", min=1, max=1_000, help="How many results of a neutral search count.")]
LeastOption = Annotated[int, typer.Option("--least-group", min=2, help="Leave out smaller groups.")]


@evaluate_app.command("accuracy")
@stoppable(_STOPPED)
def evaluate_accuracy(
    out: OutOption,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    labels: LabelsOption = "label",
    taxonomy: TaxonomyOption = None,
    head: HeadOption = None,
    tagged: TaggedOption = 2_000,
    similar: SimilarOption = 300,
    filter: FilterOption = "",
    fail_under: UnderOption = None,
    fail_over: OverOption = None,
    compare: CompareOption = None,
    audit: AuditOption = False,
) -> None:
    """Compare what searches find by word, picture and tag with the labels, seen and unseen ones apart."""
    _evaluate(
        [_accuracy(labels, taxonomy, head, tagged, similar, filter)],
        gallery,
        filter,
        out,
        fail_under,
        fail_over,
        compare,
        audit,
    )


@evaluate_app.command("index")
@stoppable(_STOPPED)
def evaluate_index(
    out: OutOption,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    k: Annotated[int, typer.Option(min=1, max=1_000, help="How many results count.")] = 10,
    queries: QueriesOption = 200,
    kind: KindOption = None,
    fail_under: UnderOption = None,
    fail_over: OverOption = None,
    compare: CompareOption = None,
) -> None:
    """Compare what the index finds with an exact search, and time it."""
    _evaluate([_index(k, queries, kind)], gallery, "", out, fail_under, fail_over, compare, audit=False)


@evaluate_app.command("bias")
@stoppable(_STOPPED)
def evaluate_bias(
    out: OutOption,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    attribute: AttributeOption = None,
    tests: TestsOption = None,
    top: TopOption = 20,
    least_group: LeastOption = 20,
    filter: FilterOption = "",
    fail_under: UnderOption = None,
    fail_over: OverOption = None,
    compare: CompareOption = None,
    audit: AuditOption = False,
) -> None:
    """Compare groups of pictures: in searches that say nothing about them, in tags, in words and in the joint space."""
    _evaluate(
        [_bias(attribute, tests, top, least_group, filter)], gallery, filter, out, fail_under, fail_over, compare, audit
    )


@evaluate_app.command("all")
@stoppable(_STOPPED)
def evaluate_all(
    out: OutOption,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    labels: LabelsOption = "label",
    taxonomy: TaxonomyOption = None,
    head: HeadOption = None,
    tagged: TaggedOption = 2_000,
    similar: SimilarOption = 300,
    k: Annotated[int, typer.Option(min=1, max=1_000, help="How many results of the index count.")] = 10,
    queries: QueriesOption = 200,
    kind: KindOption = None,
    attribute: AttributeOption = None,
    tests: TestsOption = None,
    top: TopOption = 20,
    least_group: LeastOption = 20,
    filter: FilterOption = "",
    fail_under: UnderOption = None,
    fail_over: OverOption = None,
    compare: CompareOption = None,
    audit: AuditOption = False,
) -> None:
    """Accuracy, index and bias in one report."""
    evaluations = [
        _accuracy(labels, taxonomy, head, tagged, similar, filter, optional=True),
        _index(k, queries, kind),
        _bias(attribute, tests, top, least_group, filter),
    ]
    _evaluate(evaluations, gallery, filter, out, fail_under, fail_over, compare, audit)


@evaluate_app.command("ratings")
@stoppable("The report is as it was.")
def evaluate_ratings(
    report: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder of a report that was made with --audit.")
    ],
    fail_under: UnderOption = None,
    fail_over: OverOption = None,
) -> None:
    """Read what people filled in in an audit folder's spreadsheets back into its report."""
    from milvise.evaluation.audit import FOLDER
    from milvise.evaluation.gate import read_limits
    from milvise.evaluation.ratings import read_ratings
    from milvise.evaluation.report import Report
    from milvise.evaluation.report_files import JSON_NAME, read_json

    limits = read_limits(fail_under or (), "--fail-under"), read_limits(fail_over or (), "--fail-over")
    document = Report.from_json(read_json(report / JSON_NAME))
    document.parts = [part for part in document.parts if part.name != "ratings"] + [
        read_ratings(document, report / FOLDER)
    ]
    _publish(document, report, *limits)


def _accuracy(
    labels: str,
    taxonomy: Path | None,
    head: Path | None,
    tagged: int,
    similar: int,
    filter: str,
    *,
    optional: bool = False,
) -> Evaluation:
    from milvise.evaluation import accuracy

    options = accuracy.Options(labels, taxonomy, head, tagged, similar, filter, optional)
    return lambda reading, note: accuracy.evaluate_accuracy(reading, options, note)


def _index(k: int, queries: int, kinds: Sequence[str] | None) -> Evaluation:
    from milvise.adapter import IndexSpec
    from milvise.evaluation import index

    options = index.Options(k, queries, tuple(IndexSpec.parse(kind) for kind in kinds or ()))
    return lambda reading, note: index.evaluate_index(reading, options, note)


def _bias(attributes: Sequence[str] | None, tests: Path | None, top: int, least: int, filter: str) -> Evaluation:
    from milvise.evaluation import bias
    from milvise.evaluation.groups import Attribute

    options = bias.Options(tuple(Attribute.parse(text) for text in attributes or ()), tests, top, least, filter)
    return lambda reading, note: bias.evaluate_bias(reading, options, note)


def _evaluate(
    evaluations: Sequence[Evaluation], gallery: str, filter: str, out: Path, under: Sequence[str] | None,
    over: Sequence[str] | None, old: Path | None, audit: bool,
) -> None:  # fmt: skip
    from milvise.evaluation.audit import FOLDER, write_audit
    from milvise.evaluation.compare import changes, remarks
    from milvise.evaluation.gate import read_limits
    from milvise.evaluation.report import make_report
    from milvise.evaluation.report_files import make_folder, read_json
    from milvise.queries.reading import read_gallery

    limits = read_limits(under or (), "--fail-under"), read_limits(over or (), "--fail-over")
    before = None if old is None else read_json(old)
    make_folder(out)
    with state.connect() as db:
        reading = read_gallery(db, gallery)
        runs = [lambda evaluate=evaluate: evaluate(reading, state.output.note) for evaluate in evaluations]
        report = make_report(reading, runs, filter=filter, clock=time.monotonic)
    if before is not None:
        report.changes, report.older = changes(report.figures, before), remarks(report.gallery, before)
    if audit:
        state.output.note(f"Writing {write_audit(report, out / FOLDER)} answers to rate …")
    _publish(report, out, *limits)


def _publish(report: Report, out: Path, under: dict[str, float], over: dict[str, float]) -> None:
    from milvise.evaluation.findings import findings
    from milvise.evaluation.gate import check
    from milvise.evaluation.page import KEY_FIGURES, render
    from milvise.evaluation.report_files import PAGE_NAME, write_file, write_json

    found = check(report.figures, under=under, over=over)
    # Ratings are read into a report that may have limits already.
    limited = {gate["figure"] for gate in found}
    report.gates = [gate for gate in report.gates if gate["figure"] not in limited] + found
    page = write_file(out / PAGE_NAME, render(report, roots=report.gallery["sources"]))
    document = report.to_json()
    written = {"page": str(page), "report": str(write_json(document, out))}
    key = {name: document["figures"][name] for name in KEY_FIGURES if name in document["figures"]}
    console_reports.report(state.output, {**document, **written, "findings": findings(report), "key": key})
    if not report.kept:
        raise typer.Exit(FAILED)
