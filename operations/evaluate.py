"""A gallery judged: its parts measured, compared with an older report, held against limits, and written down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from milvise.core.config import DEFAULT_GALLERY
from milvise.errors import UsageError
from milvise.evaluation.accuracy import measure as accuracy
from milvise.evaluation.audit.pack import FOLDER, write_audit
from milvise.evaluation.audit.ratings import read_ratings as ratings_in
from milvise.evaluation.bias import measure as bias
from milvise.evaluation.index import measure as index
from milvise.evaluation.report.compare import changes, remarks
from milvise.evaluation.report.document import Report, make_report
from milvise.evaluation.report.files import JSON_NAME, PAGE_NAME, make_folder, read_json, write_file, write_json
from milvise.evaluation.report.findings import findings
from milvise.evaluation.report.limits import check, read_limits
from milvise.evaluation.report.page import KEY_FIGURES, render
from milvise.evaluation.report.section import Section
from milvise.operations.measures import Accuracy, Bias, IndexRecall
from milvise.operations.progress import Progress, notes, silent
from milvise.queries.database import Database
from milvise.queries.evaluation_reads import GalleryReader, read_gallery

__all__ = [
    "Accuracy", "Bias", "Evaluate", "Evaluation", "IndexRecall", "Limits", "ReadRatings", "evaluate", "read_limits",
    "read_ratings",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on figures, by their names: `under` may not be gone below, and `over` not above.

    Raises
    ------
    UsageError
        If a limit is no number.
    """

    under: Mapping[str, float] = field(default_factory=dict)
    over: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, limit in (*self.under.items(), *self.over.items()):
            # Every comparison with nan is false, so that no figure would ever be beyond it.
            if isinstance(limit, bool) or not isinstance(limit, int | float) or math.isnan(limit):
                raise UsageError(
                    f"the limit of a figure is a number.\nExpected: such as {{'zero_shot.p@10': 0.5}}\nReceived: {name}:"
                    f" {limit!r}"
                )


@dataclass(frozen=True, slots=True)
class Evaluate:
    """What of a gallery is measured, and where the report goes.

    Attributes
    ----------
    out : Path
        A folder for ``report.html`` and ``report.json``.
    accuracy, index, bias : optional
        The parts, None for one that is left out.
    labels_optional : bool
        Whether a gallery without labels is said to have none, and not refused.
    filter : str
        A Milvus expression: only these pictures; the index is measured as a whole.
    limits : Limits
    compare : Path or mapping, optional
        An older report, or the file that it stands in: the new one says what changed, and whether it is noise.
    audit : bool
        Whether the answers are also written as a folder that people can rate in a spreadsheet.

    Raises
    ------
    UsageError
        If there is no part, or the limits are none.
    """

    out: Path
    gallery: str = DEFAULT_GALLERY
    accuracy: Accuracy | None = None
    index: IndexRecall | None = None
    bias: Bias | None = None
    labels_optional: bool = False
    filter: str = ""
    limits: Limits = Limits()
    compare: Path | Mapping[str, Any] | None = None
    audit: bool = False

    def __post_init__(self) -> None:
        if self.accuracy is None and self.index is None and self.bias is None:
            raise UsageError(
                "there is nothing to evaluate.\nExpected: one or more of accuracy, index and bias\nReceived: none"
            )
        if not isinstance(self.limits, Limits):
            raise UsageError(
                "these are no limits on figures.\nExpected: such as Limits(under={'zero_shot.p@10': 0.5})\nReceived:"
                f" {self.limits!r}"
            )

    def opened(self) -> Evaluate:
        """Return the request with the older report read, after making the folder.

        Raises
        ------
        InputError
            If the older report cannot be read, or the folder not be made.
        """
        request = replace(self, compare=read_json(self.compare)) if isinstance(self.compare, Path) else self
        make_folder(self.out)
        return request


@dataclass(frozen=True, slots=True)
class ReadRatings:
    """Which report's ratings are read.

    Attributes
    ----------
    folder : Path
        That of a report that was made with an audit.
    limits : Limits
        Beside those that the report has already.
    """

    folder: Path
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report that was written.

    Attributes
    ----------
    report : Report
        All figures, with the rows behind them; ``report.figures`` by name.
    page, path : Path
        Its page, and its JSON document.
    """

    report: Report
    page: Path
    path: Path

    @property
    def kept(self) -> bool:
        """Whether all limits are kept."""
        return self.report.kept

    @property
    def findings(self) -> tuple[str, ...]:
        """What stands out, and what can be done about it, the gravest first."""
        return tuple(findings(self.report))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values, with where it was written, the findings, and the figures to be said first."""
        document = self.report.to_json()
        key = {name: document["figures"][name] for name in KEY_FIGURES if name in document["figures"]}
        written = {"page": str(self.page), "report": str(self.path)}
        return {**document, **written, "findings": list(self.findings), "key": key}


def evaluate(db: Database, request: Evaluate, progress: Progress = silent) -> Evaluation:
    """Measure a gallery and write the report; errors as `milvise.operations.gallery.Gallery.evaluate`."""
    before = request.opened().compare
    reading, note = read_gallery(db, request.gallery), notes(progress)
    report = make_report(reading, _parts(request, reading, note), filter=request.filter, clock=time.monotonic)
    if isinstance(before, Mapping):
        report = replace(report, changes=changes(report.figures, before), older=remarks(report.gallery, before))
    if request.audit:
        note(f"Writing {write_audit(report, request.out / FOLDER)} answers to rate …")
    return _published(report, request.out, request.limits)


def read_ratings(request: ReadRatings, progress: Progress = silent) -> Evaluation:
    """Read what people filled in in an audit folder's spreadsheets back into its report; no Milvus is asked.

    Raises
    ------
    InputError
        If the report or the ratings cannot be read, or there are no ratings.
    """
    notes(progress)(f"Reading the ratings in {request.folder / FOLDER} …")
    report = Report.from_json(read_json(request.folder / JSON_NAME))
    rated = ratings_in(report, request.folder / FOLDER)
    parts = [*(part for part in report.parts if part.name != rated.name), rated]
    return _published(replace(report, parts=parts), request.folder, request.limits)


def _parts(request: Evaluate, reading: GalleryReader, note: Callable[[str], None]) -> list[Callable[[], Section]]:
    found: list[Callable[[], Section]] = []
    if (asked := request.accuracy) is not None:
        by_label = accuracy.AccuracyOptions(
            asked.labels, asked.taxonomy, asked.head, asked.tagged, asked.similar, request.filter, request.labels_optional
        )  # fmt: skip
        found.append(lambda: accuracy.evaluate_accuracy(reading, by_label, note))
    if (recall := request.index) is not None:
        by_index = index.IndexOptions(recall.k, recall.queries, recall.parsed)
        found.append(lambda: index.evaluate_index(reading, by_index, note))
    if (groups := request.bias) is not None:
        by_group = bias.BiasOptions(groups.parsed, groups.tests, groups.top, groups.least_group, request.filter)
        found.append(lambda: bias.evaluate_bias(reading, by_group, note))
    return found


def _published(report: Report, out: Path, limits: Limits) -> Evaluation:
    found = check(report.figures, under=limits.under, over=limits.over)
    # Ratings are read into a report that may have limits already.
    limited = {gate["figure"] for gate in found}
    report = replace(report, gates=[gate for gate in report.gates if gate["figure"] not in limited] + found)
    page = write_file(out / PAGE_NAME, render(report, roots=report.gallery["sources"]))
    return Evaluation(report, page, write_json(report.to_json(), out))
