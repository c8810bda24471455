"""The command that keeps a gallery up to date: follow."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from milvise.cli.progress import watched
from milvise.cli.state import GalleryOption, IndexOption, PrecisionOption, state, stoppable
from milvise.core import config


def follow(
    source: Annotated[
        str,
        typer.Argument(
            envvar="MILVISE_FOLLOW",
            help="redis://HOST/STREAM, kafka://HOST:PORT/TOPIC, - for events on standard input (one CloudEvents document a line), or a"
            " folder.",
        ),
    ],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    root: Annotated[
        Path | None,
        typer.Option(
            help="The folder that subjects of events are relative to. (default: where the gallery was loaded from)"
        ),
    ] = None,
    max_delay: Annotated[
        str,
        typer.Option(
            help="How long events wait for others while pictures are under way: longer is faster, and less fresh."
        ),
    ] = "2s",
    since: Annotated[
        str | None,
        typer.Option(
            help="Where to begin in a stream: start, or a time. (default: where the group was; a new one at the start)"
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Followers of one group share a stream. (default: milvise-GALLERY)")
    ] = None,
    max_delete: Annotated[
        str,
        typer.Option(help="How many pictures may go in a minute without an event that says so: a share, or a number."),
    ] = "5%",
    reconcile: Annotated[
        str | None, typer.Option(help="How often a folder is compared as a whole. (default: 24h)")
    ] = None,
    poll: Annotated[
        str | None,
        typer.Option(
            help="Compare a folder as a whole so often, without notices of the system: for disks of the network."
        ),
    ] = None,
    dead_letters: Annotated[
        Path | None,
        typer.Option(
            help="Where to report what cannot be loaded; Redis and Kafka have their own place. (default:"
            " ./milvise-dead-letters-GALLERY.jsonl)"
        ),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Answer /metrics for Prometheus on this port.")
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(help="The address of that port; others than this machine can read it at 0.0.0.0.")
    ] = "127.0.0.1",
    encoder: Annotated[str | None, typer.Option(help="For a new gallery, as ingest images.")] = None,
    backbone: Annotated[str | None, typer.Option(help="For a new gallery, as ingest images.")] = None,
    weights: Annotated[Path | None, typer.Option(help="For a new gallery, as ingest images.")] = None,
    classes: Annotated[Path | None, typer.Option(help="For a new gallery, as ingest images.")] = None,
    head: Annotated[str | None, typer.Option(help="For a new gallery, as ingest images.")] = None,
    labels: Annotated[
        str, typer.Option(help="folder: the folder of a picture is its label, where no event says one; none.")
    ] = "folder",
    index: IndexOption = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Pictures for each pass through the backbone.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, keras or openvino.")] = "auto",
    precision: PrecisionOption = None,
) -> None:
    """Keep a gallery up to date with a stream of events, or with a folder, until Ctrl-C."""
    from milvise.operations.follow import Follow
    from milvise.operations.follow import follow as run
    from milvise.operations.follow_metrics import served

    with (
        stoppable("What was not acknowledged is delivered again."),
        served(metrics_port, gallery, metrics_host) as measured,
        watched(state.output) as progress,
        _asked_to_stop() as is_over,
    ):
        request = Follow(
            source, gallery=gallery, root=root, group=group, since=since, encoder=encoder, backbone=backbone, weights=weights,
            classes=classes, head=head, labels=labels, index=index, batch_size=batch_size, engine=engine, precision=precision, max_delay=max_delay,
            max_delete=max_delete, reconcile=reconcile, poll=poll, dead_letters=dead_letters, is_over=is_over,
        )  # fmt: skip
        with state.connect(create=True) as db:
            done = run(db, request, measured(progress))
    state.output.facts(done.to_json())


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Yield what says whether SIGINT or SIGTERM came; the second one ends the process as usual."""
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
