"""What the commands share: where Milvus is, how to answer, and the options that several of them have."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from milvise.cli.collecting import without_gc
from milvise.cli.console import Output
from milvise.cli.terminal import print_remark
from milvise.cli.without_pandas import import_pymilvus

if TYPE_CHECKING:
    from milvise.operations.database import Database

FAILED, WRONG_USAGE, QUARANTINED = 1, 2, 3


@dataclass(slots=True)
class State:
    """The options of every command, as they were given in front of it or behind it."""

    uri: str | None = None
    token: str | None = None
    verbose: bool = False
    output: Output = Output()

    def reset(self) -> None:
        """Forget what an earlier command line gave."""
        self.uri = self.token = None
        self.verbose, self.output = False, Output()

    def take(self, *, uri: str | None, token: str | None, as_json: bool, quiet: bool, verbose: bool) -> None:
        """Note options that were given; None and False leave what was noted before."""
        self.uri, self.token = uri or self.uri, token or self.token
        self.verbose |= verbose
        self.output = Output(as_json=as_json or self.output.as_json, quiet=quiet or self.output.quiet)

    def connect(self, uri: str | None = None, *, create: bool = False) -> Database:
        """Open the Milvus that the options name, or another one."""
        with without_gc():
            import_pymilvus()
            from milvise.operations.database import connect

            return connect(uri or self.uri, token=self.token, create=create)


state = State()


class _Remarks(logging.Handler):
    """Warnings as sentences on standard error; with ``-v`` also an event for each request and each ingest."""

    def emit(self, record: logging.LogRecord) -> None:
        is_warning = record.levelno >= logging.WARNING
        if is_warning or state.verbose:
            print_remark(f"{'Warning: ' if is_warning else ''}{record.getMessage()}")


def show_warnings() -> None:
    """Print what milvise warns of, such as a server that does not answer, as sentences on standard error."""
    logger = logging.getLogger("milvise")
    # TensorFlow brings a handler for all loggers, which would print the same once more.
    logger.propagate = False
    if not any(isinstance(handler, _Remarks) for handler in logger.handlers):
        logger.addHandler(_Remarks(logging.INFO))
        # Whether anything is asked for at this level is known when the options have been read.
        logger.setLevel(logging.INFO)


@contextmanager
def stoppable(remark: str = "What was written is kept; the same command goes on from there.") -> Iterator[None]:
    """End on Ctrl-C with a sentence instead of a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nStopped. {remark}".rstrip(" "), file=sys.stderr)
        raise typer.Exit(FAILED) from None


GalleryOption = Annotated[str, typer.Option("--gallery", help="Which collection of pictures.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=16_000, help="How many hits.")]
FilterOption = Annotated[
    str, typer.Option("--filter", help='A Milvus expression over label, uri, width, height, meta["…"].')
]
IndexOption = Annotated[
    str,
    typer.Option(
        "--index",
        help="auto, flat, hnsw, hnsw_sq8, ivf_flat, ivf_sq8, ivf_pq, ivf_rabitq, scann or diskann; hnsw:M=32,ef=128 …",
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="With --index auto on a server: what the gallery may take of its memory, such as 8GiB. (default: as before, or by what the"
        " server says it has)",
    ),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--precision",
        help="single, half or auto: how exactly the backbone computes. (default: the gallery's, or single; auto: the gallery's, or what is fastest"
        " here)",
    ),
]
