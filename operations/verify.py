"""Whether a gallery, and all that it stands on, is whole."""

from __future__ import annotations

from dataclasses import dataclass

from milvise.adapter.store import check_name
from milvise.core.config import DEFAULT_GALLERY
from milvise.gallery.verification.record import Verification
from milvise.gallery.verify import verify as run
from milvise.operations.checks import require_count
from milvise.operations.progress import Progress, notes, silent
from milvise.queries.database import Database

__all__ = ["Verification", "Verify", "verify"]

MOST_PICTURES = 16_000


@dataclass(frozen=True, slots=True)
class Verify:
    """What is verified.

    Attributes
    ----------
    gallery : str, optional
        By default ``default``; where that is not there, words and catalog are verified alone.
    pictures : int
        How many stored vectors are compared with their picture files.
    repair : bool
        Whether what is not whole is first made again from the rest.

    Raises
    ------
    UsageError
        If the number cannot be.
    """

    gallery: str | None = None
    pictures: int = 0
    repair: bool = False

    def __post_init__(self) -> None:
        require_count("pictures", self.pictures, 0, MOST_PICTURES)


def verify(db: Database, request: Verify, progress: Progress = silent) -> Verification:
    """Look at a gallery and all that it stands on; errors as `milvise.operations.database.Database.verify`."""
    name = check_name(DEFAULT_GALLERY if request.gallery is None else request.gallery)
    return run(
        db.store, name, required=request.gallery is not None, pictures=request.pictures, repair=request.repair,
        say=notes(progress),
    )  # fmt: skip
