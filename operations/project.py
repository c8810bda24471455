"""A gallery moved to another head."""

from __future__ import annotations

from dataclasses import dataclass

from milvise.adapter import IndexSpec
from milvise.core.config import DEFAULT_GALLERY
from milvise.errors import UsageError
from milvise.gallery.parts import Part
from milvise.gallery.project import ProjectedPart, Projection, project_part
from milvise.gallery.project import project as run
from milvise.operations.checks import require_index
from milvise.operations.progress import Count, Progress, silent
from milvise.queries.database import Database

__all__ = ["Project", "ProjectedPart", "Projection", "project"]


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
    part : str, optional
        Such as ``2/8``: joint vectors of this part of the pictures alone, and nothing goes live.

    Raises
    ------
    UsageError
        If the index or the part cannot be.
    """

    head: str
    gallery: str = DEFAULT_GALLERY
    index: str | None = None
    keep: bool = False
    part: str | None = None

    def __post_init__(self) -> None:
        require_index(self.index)
        if self.part is not None:
            Part.parse(self.part)
            if self.index is not None or self.keep:
                raise UsageError("a part makes joint vectors alone: index and keep are for the call without a part.")


def project(db: Database, request: Project, progress: Progress = silent) -> Projection | ProjectedPart:
    """Move a gallery to a head, while it is searched; errors as `milvise.operations.gallery.Gallery.project`."""
    if request.part is not None:
        return project_part(
            db.store, gallery=request.gallery, head=request.head, part=Part.parse(request.part),
            progress=lambda done, total: progress(Count("joint vectors", done, total)),
        )  # fmt: skip
    return run(
        db.store, gallery=request.gallery, head=request.head,
        index=None if request.index is None else IndexSpec.parse(request.index), keep=request.keep,
        progress=lambda done, total: progress(Count("joint vectors", done, total)),
    )  # fmt: skip
