"""The command that says what a gallery of a size takes: plan."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milvise.cli import reports
from milvise.cli.progress import watched
from milvise.cli.state import MemoryOption, state, stoppable
from milvise.core import config
from milvise.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from milvise.operations.database import Database


@stoppable("Nothing was kept.")
def plan(
    pictures: Annotated[str | None, typer.Option(help="How many, such as 20000, 2.5M or 100M.")] = None,
    backbone: Annotated[str, typer.Option(help="What they go through.")] = config.DEFAULT_BACKBONE,
    memory: MemoryOption = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that embed, each on a machine like the calibrated one.")
    ] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes of Milvus that import and index.")] = 1,
    milvus: Annotated[
        str | None,
        typer.Option(help="lite, or a server's version such as 2.5. (default: the one that was calibrated, else 2.6)"),
    ] = None,
    index: Annotated[str, typer.Option("--index", metavar="SPEC", help="As for ingest images.")] = "auto",
    bandwidth: Annotated[
        str, typer.Option(help="Bytes a second of the store of pictures and rows, for all workers together.")
    ] = "1.25GB",
    shard_rows: Annotated[int, typer.Option(min=1, help="Pictures of a shard.")] = 100_000,
    upserts: Annotated[
        bool, typer.Option("--upserts", help="Plan for rows that a client upserts, and no bulk import.")
    ] = False,
    no_head: Annotated[
        bool, typer.Option("--no-head", help="Plan for no joint vectors, as of ingest images --head none.")
    ] = False,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="First measure this machine and the Milvus of --uri, which takes about two minutes, and keep the figures for later plans.",
        ),
    ] = False,
    sample: Annotated[
        str | None,
        typer.Option(
            help="With --calibrate: a folder or manifest of pictures to measure with. (default: generated ones)"
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="With --calibrate: auto, keras or openvino.")] = "auto",
    calibration: Annotated[
        Path | None, typer.Option(help="Read figures from this file, or write them with --calibrate.")
    ] = None,
) -> None:
    """Say what a gallery of so many pictures takes: memory, disk, the time of each step, and what limits."""
    from milvise.operations.plan import Plan
    from milvise.operations.plan import plan as run

    if not calibrate and (pictures is None or sample is not None or engine != "auto"):
        raise UsageError(
            "say what to plan, or what to measure.\nExpected: --pictures NUMBER, or --calibrate with --sample and --engine"
        )
    request = None
    if pictures is not None:
        request = Plan(
            pictures, backbone, memory, workers, nodes, milvus, index, bandwidth, shard_rows, upserts, not no_head, calibration
        )  # fmt: skip
    if calibrate:
        from milvise.operations.calibrate import Calibrate
        from milvise.operations.calibrate import calibrate as measure

        with _measured() as db, watched(state.output) as progress:
            found = measure(db, Calibrate(backbone, sample, engine, calibration), progress)
        if request is None:
            reports.calibrated(state.output, found.to_json())
            return
    assert request is not None
    reports.planned(state.output, run(request).to_json())


@contextmanager
def _measured() -> Iterator[Database]:
    """Yield the Milvus that the options name, or where there is none a Milvus Lite that is gone afterwards."""
    try:
        found = state.connect()
    except NotFoundError:
        if state.uri is not None:
            raise
        with (
            tempfile.TemporaryDirectory(prefix="milvise-") as folder,
            state.connect(f"{folder}/own.db", create=True) as own,
        ):
            yield own
        return
    with found as db:
        yield db
