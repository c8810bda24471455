"""What a scan of a gallery finds, written line by line into a file that a run which was killed goes on with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from milvise.adapter import Collection
from milvise.adapter.pages import KeyRange
from milvise.core.config import DEFAULT_GALLERY
from milvise.core.records import DuplicateGroup
from milvise.core.resumable_lines import ResumableLines
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import visual_alias
from milvise.operations.progress import Count, Progress, silent
from milvise.queries.database import Database
from milvise.queries.requests.duplicates import (
    SIMILARITY,
    check_kind,
    check_similarity,
    exact_groups,
    visual_groups,
)

_TOLD_S = 0.5


@dataclass(frozen=True, slots=True)
class ExportDuplicates:
    """Which duplicates of which gallery are written, and where; kind, similarity and filter as `Gallery.duplicates`.

    Raises
    ------
    UsageError
        If the kind or the similarity cannot be.
    """

    out: Path
    gallery: str = DEFAULT_GALLERY
    kind: str = "exact"
    similarity: float = SIMILARITY
    filter: str = ""

    def __post_init__(self) -> None:
        check_kind(self.kind)
        check_similarity(self.similarity)


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """Of which gallery a manifest is written, and where.

    Attributes
    ----------
    filter : str
        A Milvus expression: only these pictures.
    """

    out: Path
    gallery: str = DEFAULT_GALLERY
    filter: str = ""


@dataclass(frozen=True, slots=True)
class ExportedLines:
    """A file of JSON lines that was written.

    Attributes
    ----------
    out : str
    lines : int
        How many it has.
    begun_with : int
        How many of them an earlier run had written, which ended before its end.
    """

    out: str
    gallery: str
    lines: int
    begun_with: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def export_manifest(db: Database, request: ExportManifest, progress: Progress = silent) -> ExportedLines:
    """Write a line for each picture of a gallery, which can be loaded again; errors as `milvise.operations.gallery.Gallery.export_manifest`."""
    visual = _visual(db, request.gallery)
    asked = {"manifest of": visual.name, "filter": request.filter}
    with ResumableLines(request.out, asked) as lines:
        started, told = time.monotonic(), _Told(progress, visual.count(request.filter))
        for row in visual.scan(["uri", "label", "meta"], filter=request.filter, keys=KeyRange(after=lines.after)):
            label = {"label": row["label"]} if row["label"] else {}
            lines.write({"uri": row["uri"], **label, **(row["meta"] or {})})
            lines.settle(row["id"])
            told.tell(lines.lines)
        lines.finish()
    return _exported(request.out, request.gallery, lines, started)


def export_duplicates(db: Database, request: ExportDuplicates, progress: Progress = silent) -> ExportedLines:
    """Write a line for each group of duplicates; errors as `milvise.operations.gallery.Gallery.export_duplicates`."""
    visual = _visual(db, request.gallery)
    asked = {
        "duplicates in": visual.name,
        "kind": request.kind,
        "similarity": request.similarity,
        "filter": request.filter,
    }
    with ResumableLines(request.out, asked) as lines:
        started = time.monotonic()
        for group in _groups(visual, request, lines, progress):
            pictures = [{"id": key, "uri": uri} for key, uri in group.pictures]
            lines.write({"exact": group.exact, "similarity": round(group.similarity, 6), "pictures": pictures})
        lines.finish()
    return _exported(request.out, request.gallery, lines, started)


def _groups(
    visual: Collection, request: ExportDuplicates, lines: ResumableLines, progress: Progress
) -> Iterator[DuplicateGroup]:
    if request.kind == "exact":
        # Nothing is settled before all hashes are read, which takes one pass without vectors.
        return exact_groups(visual, filter=request.filter)
    told = _Told(progress, visual.count(request.filter))

    def settled(key: str) -> None:
        lines.settle(key)
        # Ids are hashes: a key says how far the scan is.
        told.tell(int(told.total * _place_of(key)))

    return visual_groups(
        visual, similarity=request.similarity, filter=request.filter, after=lines.after, settled=settled
    )


class _Told:
    """Progress, told now and then."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.total = total
        self._progress = progress
        self._at = 0.0

    def tell(self, done: int) -> None:
        if time.monotonic() - self._at >= _TOLD_S:
            self._at = time.monotonic()
            self._progress(Count("pictures", done, self.total))


def _place_of(key: str) -> float:
    try:
        return int(key[:8], 16) / 16**8
    except ValueError:
        return 0.0


def _visual(db: Database, gallery: str) -> Collection:
    found = db.store.live(visual_alias(gallery))
    if found is None:
        raise missing_gallery(db.store, gallery)
    return found


def _exported(out: Path, gallery: str, lines: ResumableLines, started: float) -> ExportedLines:
    return ExportedLines(str(out), gallery, lines.lines, lines.begun_with, time.monotonic() - started)
