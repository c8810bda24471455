"""Models, vectors and feedback written for other programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from milvise.core.config import DEFAULT_GALLERY
from milvise.gallery import exports
from milvise.gallery.projector import MOST_PICTURES
from milvise.operations.checks import require_count
from milvise.operations.progress import Count, Progress, notes, silent
from milvise.queries.database import Database
from milvise.queries.requests.feedback import read_feedback, training_pairs, write_pairs


@dataclass(frozen=True, slots=True)
class ExportModel:
    """Which gallery's backbone and head are written, and where: ``.keras``, ``.xml`` (OpenVINO), or a folder (SavedModel)."""

    out: Path
    gallery: str = DEFAULT_GALLERY


@dataclass(frozen=True, slots=True)
class ExportProjector:
    """Which gallery's vectors are written into which folder.

    Attributes
    ----------
    space : {"visual", "joint"}
    limit : int
        At most so many pictures.
    filter : str
        A Milvus expression: only these pictures.

    Raises
    ------
    UsageError
        If the number cannot be.
    """

    out: Path
    gallery: str = DEFAULT_GALLERY
    space: str = "visual"
    limit: int = 10_000
    filter: str = ""

    def __post_init__(self) -> None:
        require_count("limit", self.limit, 1, MOST_PICTURES)


@dataclass(frozen=True, slots=True)
class ExportPairs:
    """Which feedback on a gallery is written, and where.

    Attributes
    ----------
    log : str
        Where `Gallery.refine` logged it: a ``.jsonl`` file, or ``milvus``.
    """

    log: str
    out: Path
    gallery: str = DEFAULT_GALLERY


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A graph that was written: ``pixels`` in, ``visual`` and ``joint`` vectors out.

    Attributes
    ----------
    out : str
    format : str
        ``keras``, ``openvino`` or ``saved_model``.
    size : int
        Side of the pictures that it takes, in pixels.
    resize : str
        How a picture is brought to this size.
    visual_dim : int
        Width of the visual vectors.
    joint_dim : int, optional
        Width of the joint vectors, None where the gallery has none.
    """

    out: str
    format: str
    size: int
    resize: str
    visual_dim: int
    joint_dim: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ExportedProjector:
    """A folder that was written for TensorBoard.

    Attributes
    ----------
    out : str
    vectors : str
        The collection that the vectors are from.
    pictures, left_out, without_thumbnail : int
        How many pictures were written, were not because of the limit, and are not on this machine.
    open_with : str
        The command that shows them.
    """

    out: str
    vectors: str
    pictures: int
    left_out: int
    without_thumbnail: int
    open_with: str

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ExportedPairs:
    """A file of pairs that was written, and how many it holds."""

    out: str
    gallery: str
    pairs: int

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


def export_model(db: Database, request: ExportModel, progress: Progress = silent) -> ExportedModel:
    """Write a gallery's backbone and head as one graph; errors as `milvise.gallery.exports.export_model`."""
    notes(progress)("Building the graph …")
    return ExportedModel(**exports.export_model(db.store, request.gallery, request.out))


def export_projector(db: Database, request: ExportProjector, progress: Progress = silent) -> ExportedProjector:
    """Write vectors, metadata and thumbnails; errors as `milvise.gallery.exports.export_projector`."""
    written = exports.export_projector(
        db.store, request.gallery, request.out, space=request.space, limit=request.limit, filter=request.filter,
        progress=lambda done, total: progress(Count("pictures", done, total)),
    )  # fmt: skip
    return ExportedProjector(**written)


def export_pairs(db: Database, request: ExportPairs, progress: Progress = silent) -> ExportedPairs:
    """Write logged feedback as pairs of words and a picture.

    Raises
    ------
    InputError
        If the log cannot be read, or the file not be written.
    NotFoundError
        If no feedback was ever logged to this Milvus.
    """
    notes(progress)(f"Reading the feedback in {request.log} …")
    count = write_pairs(request.out, training_pairs(read_feedback(db.store, request.log, gallery=request.gallery)))
    return ExportedPairs(str(request.out), request.gallery, count)
