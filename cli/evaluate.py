"""The commands that judge a gallery: evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milvise.cli import reports
from milvise.cli.app import group
from milvise.cli.progress import watched
from milvise.cli.state import FAILED, FilterOption, GalleryOption, state, stoppable
from milvise.core import config

if TYPE_CHECKING:
    from milvise.operations.evaluate import Evaluate, Evaluation, Limits

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
    from milvise.operations.evaluate import Accuracy, Evaluate

    _evaluate(
        Evaluate(
            out, gallery, accuracy=Accuracy(labels, taxonomy, head, tagged, similar), filter=filter,
            limits=_limits(fail_under, fail_over), compare=compare, audit=audit,
        )
    )  # fmt: skip


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
    from milvise.operations.evaluate import Evaluate, IndexRecall

    measured = IndexRecall(k, queries, tuple(kind or ()))
    _evaluate(Evaluate(out, gallery, index=measured, limits=_limits(fail_under, fail_over), compare=compare))


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
    from milvise.operations.evaluate import Bias, Evaluate

    _evaluate(
        Evaluate(
            out, gallery, bias=Bias(tuple(attribute or ()), tests, top, least_group), filter=filter,
            limits=_limits(fail_under, fail_over), compare=compare, audit=audit,
        )
    )  # fmt: skip


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
    from milvise.operations.evaluate import Accuracy, Bias, Evaluate, IndexRecall

    _evaluate(
        Evaluate(
            out, gallery, accuracy=Accuracy(labels, taxonomy, head, tagged, similar),
            index=IndexRecall(k, queries, tuple(kind or ())), bias=Bias(tuple(attribute or ()), tests, top, least_group),
            labels_optional=True, filter=filter, limits=_limits(fail_under, fail_over), compare=compare, audit=audit,
        )
    )  # fmt: skip


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
    from milvise.operations.evaluate import ReadRatings, read_ratings

    _show(read_ratings(ReadRatings(report, _limits(fail_under, fail_over))))


def _limits(under: Sequence[str] | None, over: Sequence[str] | None) -> Limits:
    from milvise.operations.evaluate import Limits, read_limits

    return Limits(read_limits(under or (), "--fail-under"), read_limits(over or (), "--fail-over"))


def _evaluate(request: Evaluate) -> None:
    from milvise.operations.evaluate import evaluate

    request = request.opened()
    with state.connect() as db, watched(state.output) as progress:
        found = evaluate(db, request, progress)
    _show(found)


def _show(found: Evaluation) -> None:
    reports.report(state.output, found.to_json())
    if not found.kept:
        raise typer.Exit(FAILED)
