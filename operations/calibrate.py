"""What this machine and the connected Milvus reach, measured in about two minutes and kept for later plans."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from milvise.core.config import DEFAULT_BACKBONE
from milvise.operations.capacity.calibration import LITE, Calibration, kept_path, usual_costs, write_calibration
from milvise.operations.capacity.measure_embedding import SECONDS, measure_embedding
from milvise.operations.capacity.measure_files import measure_listing, measure_writing
from milvise.operations.capacity.measure_milvus import FEW, MANY, WIDE, measure_milvus, narrow_of
from milvise.operations.capacity.usual import FIGURES
from milvise.operations.progress import Progress, notes, silent
from milvise.queries.database import Database

ROWS = (FEW, MANY, WIDE)


@dataclass(frozen=True, slots=True)
class Calibrate:
    """What is measured.

    Attributes
    ----------
    backbone : str
        What the pictures go through.
    sample : str, optional
        A folder or manifest of pictures like those that are planned for; by default pictures are generated.
    engine : str
        What runs the backbone.
    out : Path, optional
        Where the figures are written; by default where later plans of this machine find them.
    """

    backbone: str = DEFAULT_BACKBONE
    sample: str | None = None
    engine: str = "auto"
    out: Path | None = None

    @property
    def path(self) -> Path:
        """Where the figures are written."""
        return self.out or kept_path(self.backbone)


def calibrate(db: Database, request: Calibrate, progress: Progress = silent) -> Calibration:
    """Measure, and keep what was measured; what was made for it is gone afterwards.

    Parameters
    ----------
    db : Database
        The Milvus that is measured.

    Raises
    ------
    InputError
        If no picture of the sample can be read, or the figures cannot be written.
    MissingExtraError, ModelError, WeightsError
        If the backbone cannot be built, or pyarrow is not installed.
    DeniedError, UnavailableError
        If the Milvus may not be written to, or does not answer.
    """
    note = notes(progress)
    with tempfile.TemporaryDirectory(prefix="milvise-calibrate-") as folder:
        note(f"Pictures through {request.backbone} …")
        embedding = measure_embedding(
            request.backbone, Path(folder), sample=request.sample, engine=request.engine, seconds=SECONDS
        )
        note("Lists and files …")
        spaces, figures, seen = embedding.spaces, embedding.figures, embedding.top_classes
        write, figures["shard_bytes"] = measure_writing(spaces, narrow_of(spaces), Path(folder), top_classes=seen)
        figures["list_per_s"] = measure_listing(Path(folder))
        costs = measure_milvus(db.store.patient(), spaces, note, Path(folder), top_classes=seen, rows=ROWS)
    milvus = LITE if db.store.connection.is_lite else db.store.connection.version
    found = Calibration(
        request.backbone,
        spaces,
        {**FIGURES, **figures},
        {**usual_costs(milvus), **costs, "write": write},
        milvus,
        _machine(embedding.engine),
    )
    write_calibration(found, request.path)
    return found


def _machine(engine: str) -> dict[str, object]:
    cores = os.cpu_count() or 1
    return {
        "name": f"{cores} cores, {platform.machine()}, {engine}",
        "cores": cores,
        "engine": engine,
        "python": platform.python_version(),
        "measured_at": round(time.time()),
    }
