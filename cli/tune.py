"""The command that fits a gallery's search parameters: tune."""

from __future__ import annotations

from typing import Annotated

import typer

from milvise.cli import reports
from milvise.cli.progress import watched
from milvise.cli.state import FAILED, GalleryOption, state, stoppable
from milvise.core import config


@stoppable("Nothing was stored.")
def tune(
    recall: Annotated[float, typer.Option(help="Share of the exact closest results that a search is to find.")] = 0.95,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    k: Annotated[int, typer.Option(min=1, max=1_000, help="How many results count.")] = 10,
    queries: Annotated[int, typer.Option(min=10, help="Choose by so many queries, and check by as many others.")] = 400,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be chosen, and store nothing.")] = False,
) -> None:
    """Choose the cheapest search parameters that find enough, and store them for every client of this Milvus."""
    from milvise.operations.tune import Tune
    from milvise.operations.tune import tune as run

    request = Tune(gallery, recall, k, queries, store=not dry_run)
    with state.connect() as db, watched(state.output) as progress:
        tuning = run(db, request, progress)
    reports.tuned(state.output, tuning.to_json())
    if not tuning.reached:
        raise typer.Exit(FAILED)
