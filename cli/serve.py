"""The command that lets others search, over HTTP and on a page: serve."""

from __future__ import annotations

import importlib.util
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milvise.cli.state import state
from milvise.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from milvise.operations.database import Database
    from milvise.service.search_batch import BatchSearcher

SEARCH_PROCESSES, CORES = 2, 4
"""So many processes where there are so many cores."""


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; others than this machine need --api-keys.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 for any free one.")] = 8000,
    api_keys: Annotated[
        Path | None, typer.Option("--api-keys", help="A file of keys that milvise keys add wrote.")
    ] = None,
    no_originals: Annotated[
        bool, typer.Option("--no-originals", help="Give out thumbnails only, and no picture in full.")
    ] = False,
    upload_bytes: Annotated[int, typer.Option(min=1, help="The largest picture that is taken to search by.")] = (
        10 * 2**20
    ),
    requests_per_minute: Annotated[
        int | None,
        typer.Option(min=1, help="Of one address or key. (default: 1200 with --api-keys, else any number)"),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(help="Also pages of this origin may ask, such as https://photos.example; may be repeated."),
    ] = None,
    shadow: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Ask so large a share of searches also of a version that milvise rebuild is about to have go live.",
        ),
    ] = 0.0,
    search_processes: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=64,
            help="Processes that make searches by words, beside the one that answers; each takes 350 MiB. (default: 2 with 4 cores and a server, else none)",
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Let others search, over HTTP and on a page, until Ctrl-C."""
    for package in ("fastapi", "uvicorn", "prometheus_client"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("serving over HTTP", "service")
    # Requests run beside each other. Where each small product of matrices took all cores, they would wait for one another.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from milvise.service.serve import Service
    from milvise.service.settings import Settings
    from milvise.service.watching.logs import log_as_json

    settings = Settings(
        host, port, api_keys=api_keys, originals=not no_originals, upload_bytes=upload_bytes,
        requests_per_minute=requests_per_minute, cors=tuple(cors or ()), shadow=shadow,
    )  # fmt: skip
    db = state.connect()
    with db, closing(_searcher(db, search_processes)) as searcher:
        service = Service(db, settings, searcher)

        def started() -> None:
            log_as_json(quiet=state.output.quiet, verbose=state.verbose)
            if state.output.as_json:
                state.output.document({"address": service.address})
            else:
                print(f"milvise answers at {service.address} until Ctrl-C.", flush=True)
            if open_page:
                typer.launch(service.address)

        service.run(started)


def _searcher(db: Database, processes: int | None) -> BatchSearcher:
    """Return what makes searches by words.

    Raises
    ------
    UsageError
        If other processes are to open Milvus Lite.
    """
    from milvise.service.search_batch import SearchThreads
    from milvise.service.search_processes import Opening, SearchProcesses

    if processes and db.store.connection.is_lite:
        raise UsageError(
            "one process alone can open Milvus Lite.\nExpected: --search-processes 0, or a Milvus server"
            f"\nReceived: --search-processes {processes}"
        )
    if processes is None:
        spare = (os.cpu_count() or 1) >= CORES and not db.store.connection.is_lite
        processes = SEARCH_PROCESSES if spare else 0
    if not processes:
        return SearchThreads()
    return SearchProcesses(Opening(state.uri, state.token, quiet=state.output.quiet, verbose=state.verbose), processes)
