"""What Python can do without a Milvus: fine-tune a backbone, read ratings back into a report, and plan a gallery."""

from __future__ import annotations

from pathlib import Path

from milvise.core.config import DEFAULT_BACKBONE
from milvise.ingest.sources import Source
from milvise.operations import evaluate
from milvise.operations import plan as planning
from milvise.operations import train_backbone as room
from milvise.operations.checks import as_name, as_optional_path, as_path
from milvise.operations.evaluate import Evaluation, Limits
from milvise.operations.plan import BANDWIDTH, Planned
from milvise.operations.progress import Progress, silent
from milvise.operations.train_backbone import Report


def train_backbone(
    *sources: str | Path | Source,
    out: str | Path,
    backbone: str | Path = DEFAULT_BACKBONE,
    weights: str | Path | None = None,
    held_back: float | None = None,
    epochs: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Report:
    """Fine-tune the last block of a backbone on labelled pictures, and write the new backbone to a file.

    Parameters
    ----------
    *sources : str, path or Source
        Folders or manifests of labelled pictures, as for `Database.ingest_images`.
    out : path
        Where the backbone is written: ``FILE.keras``.
    backbone : str or path
        The one that it is made from, as for `Database.ingest_images`.
    weights : path, optional
        A file of weights instead of the pretrained ones.
    held_back : float, optional
        Share of the pictures that are not trained on, 0 to 0.9; by default 0.2.
    epochs : int, optional
        At most so many passes; by default 30.
    seed : int
        Of the random numbers, and of the choice of held-back pictures.
    progress : callable
        Told of each step and each pass; see `milvise.operations.progress`.

    Returns
    -------
    Report
        What stands in the file beside the weights, and the seconds by step.

    Raises
    ------
    UsageError
        If a value cannot be.
    InputError
        If a source cannot be read, or there are fewer than two labels.
    ModelError, MissingExtraError
        If the backbone cannot be built, or the new one not be written.

    Examples
    --------
    >>> milvise.train_backbone("flowers", out="flowers.keras", progress=print)                # doctest: +SKIP
    >>> db.ingest_images("flowers", gallery="flowers", backbone="flowers.keras")              # doctest: +SKIP
    """
    request = room.TrainBackbone(
        sources, as_path("out", out), as_name("backbone", backbone), as_optional_path("weights", weights), held_back=held_back, epochs=epochs,
        seed=seed,
    )  # fmt: skip
    return room.train_backbone(request, progress)


def read_ratings(folder: str | Path, *, limits: Limits | None = None, progress: Progress = silent) -> Evaluation:
    """Read what people filled in in an audit folder's spreadsheets back into its report.

    Parameters
    ----------
    folder : path
        That of a report which `Gallery.evaluate` wrote with ``audit=True``.
    limits : milvise.Limits, optional
        Limits on figures, beside those that the report has already.
    progress : callable
        Told of each step; see `milvise.operations.progress`.

    Returns
    -------
    Evaluation
        The report with the ratings, and whether all limits are kept.

    Raises
    ------
    InputError
        If the report or the ratings cannot be read, or nobody has rated anything.

    Examples
    --------
    >>> milvise.read_ratings("report").report.figures["rated.right"].value    # doctest: +SKIP
    """
    return evaluate.read_ratings(evaluate.ReadRatings(as_path("folder", folder), limits or Limits()), progress)


def plan(
    pictures: str | int,
    *,
    backbone: str = DEFAULT_BACKBONE,
    memory: str | int | None = None,
    workers: int = 1,
    nodes: int = 1,
    milvus: str | None = None,
    index: str = "auto",
    bandwidth: str | int = BANDWIDTH,
    shard_rows: int = 100_000,
    upserts: bool = False,
    head: bool = True,
    calibration: str | Path | None = None,
    progress: Progress = silent,
) -> Planned:
    """Reckon what a gallery of so many pictures takes: its index, memory and disk, the time of each step, and what limits.

    Nothing is asked and nothing is done. What `Database.calibrate` measured for this backbone on this machine is used; what was not
    measured is taken from figures that say where they come from.

    Parameters
    ----------
    pictures : int or str
        How many, such as ``100_000_000`` or ``"100M"``.
    backbone : str
        What they go through.
    memory : str or int, optional
        What the gallery may take of the memory of Milvus, such as ``"256GiB"``; it decides the index.
    workers : int
        Processes that embed, each on a machine (or a share of one) like the calibrated one.
    nodes : int
        Nodes of Milvus that import and index.
    milvus : str, optional
        ``"lite"``, or the version of a server such as ``"2.6"``; by default the one that was measured, else ``"2.6"``.
    index : str
        ``"auto"``, or another index for both collections.
    bandwidth : str or int
        Bytes a second of the store that pictures are read from and rows are written to, for all workers together.
    shard_rows : int
        Pictures of a shard.
    upserts : bool
        Whether a client upserts the rows, and they are not imported in bulk.
    head : bool
        Whether there are joint vectors, which searches by word need.
    calibration : path, optional
        Another file of figures.
    progress : callable
        Told what the plan reckons with; see `milvise.operations.progress`.

    Returns
    -------
    Planned
        Memory, disk and time, each with the source of its figures, and what limits.

    Raises
    ------
    UsageError, IndexSpecError
        If a value cannot be, or nothing is known of the speed of the backbone.
    UnsupportedError
        If this Milvus does not have the index.
    InputError
        If the calibration cannot be read.

    Examples
    --------
    >>> milvise.plan("100M", memory="256GiB", workers=64).limits                               # doctest: +SKIP
    """
    request = planning.Plan(
        pictures, backbone, memory, workers, nodes, milvus, index, bandwidth, shard_rows, upserts, head,
        as_optional_path("calibration", calibration),
    )  # fmt: skip
    return planning.plan(request, progress)
