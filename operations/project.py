"""A gallery moved to another head, by one process or by several."""

from __future__ import annotations

from dataclasses import dataclass

from milvise.adapter import IndexSpec
from milvise.core.config import DEFAULT_GALLERY
from milvise.gallery.parts import Part
from milvise.gallery.project import ProjectedPart, Projection
from milvise.gallery.project import project as run
from milvise.gallery.project import project_part as run_part
from milvise.operations.checks import require_index
from milvise.operations.progress import Count, Progress, silent
from milvise.queries.database import Database

__all__ = ["Project", "ProjectPart", "ProjectedPart", "Projection", "project", "project_part"]


@dataclass(frozen=True, slots=True)
class Project:
    """Which gallery is moved to which head.

    Attributes
    ----------
    head : str
        ``conse``, or the path of a trained head.
    index : str, optional
        For the joint collection; by default as it was asked for before.
    keep : bool
        Whether the joint collection that is live now is kept.

    Raises
    ------
    UsageError
        If the index cannot be.
    """

    head: str
    gallery: str = DEFAULT_GALLERY
    index: str | None = None
    keep: bool = False

    def __post_init__(self) -> None:
        require_index(self.index)


@dataclass(frozen=True, slots=True)
class ProjectPart:
    """Of which part of a gallery joint vectors are made, and with which head.

    Attributes
    ----------
    head : str
        As `Project`.
    part : str
        Such as ``2/8``, the second of eight.

    Raises
    ------
    UsageError
        If the part cannot be.
    """

    head: str
    part: str
    gallery: str = DEFAULT_GALLERY

    def __post_init__(self) -> None:
        Part.parse(self.part)


def project(db: Database, request: Project, progress: Progress = silent) -> Projection:
    """Move a gallery to another head, while it is searched; errors as `milvise.operations.gallery.Gallery.project`."""
    return run(
        db.store, gallery=request.gallery, head=request.head,
        index=None if request.index is None else IndexSpec.parse(request.index), keep=request.keep,
        progress=lambda done, total: progress(Count("joint vectors", done, total)),
    )  # fmt: skip


def project_part(db: Database, request: ProjectPart, progress: Progress = silent) -> ProjectedPart:
    """Make the joint vectors of a part of a gallery; errors as `milvise.operations.gallery.Gallery.project_part`."""
    return run_part(
        db.store, gallery=request.gallery, head=request.head, part=Part.parse(request.part),
        progress=lambda done, total: progress(Count("joint vectors", done, total)),
    )  # fmt: skip
