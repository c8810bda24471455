"""The commands for collections that one machine does not embed: embed and load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from milvise.cli.progress import watched
from milvise.cli.state import (
    FAILED,
    QUARANTINED,
    GalleryOption,
    IndexOption,
    MemoryOption,
    PrecisionOption,
    state,
    stoppable,
)
from milvise.core import config


@stoppable("Shards that are embedded are kept; the same command goes on from there.")
def embed(
    out: Annotated[Path, typer.Option("--out", help="The folder of shards, which all workers share.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="As ingest images; not needed again once they are listed."),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Pictures of each shard.")] = 100_000,
    on: Annotated[
        str, typer.Option(help="processes of this machine, ray for its cluster, or ray://HOST:PORT.")
    ] = "processes",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Shards under way at a time. (default: one for each four cores)")
    ] = None,
    shard: Annotated[
        int | None,
        typer.Option(
            min=0, help="Embed this shard alone, in this process: for a job with an index, as Kubernetes has."
        ),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list-only", help="List the pictures, and embed none.")] = False,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Embed again what failed, or holds pictures that could not be read.")
    ] = False,
    gallery: Annotated[
        str, typer.Option("--gallery", help="Encoder and head are this gallery's, where it stands.")
    ] = config.DEFAULT_GALLERY,
    encoder: Annotated[str | None, typer.Option(help="As ingest images.")] = None,
    backbone: Annotated[str | None, typer.Option(help="As ingest images.")] = None,
    weights: Annotated[Path | None, typer.Option(help="As ingest images.")] = None,
    classes: Annotated[Path | None, typer.Option(help="As ingest images.")] = None,
    head: Annotated[str | None, typer.Option(help="As ingest images.")] = None,
    labels: Annotated[str, typer.Option(help="folder: the folder of a picture is its label; none.")] = "folder",
    partition: Annotated[str | None, typer.Option(metavar="COLUMN", help="As ingest images.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Pictures for each pass through the backbone.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, keras or openvino.")] = "auto",
    precision: PrecisionOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything was quarantined.")] = False,
) -> None:
    """Embed pictures into a folder of shards, on as many machines as share it; exits with 1 if a shard could not be embedded."""
    from milvise.operations.embed import EmbedShards, embed_shards
    from milvise.operations.plan_shards import PlanShards, is_planned, plan_shards

    request = EmbedShards(
        out, on=on, workers=workers, shard=shard, only_failed=only_failed, batch_size=batch_size, engine=engine
    )
    with watched(state.output) as progress:
        # Whoever goes on with a folder needs no Milvus: its words and classes lie beside the shards.
        if sources or not is_planned(out):
            plan = PlanShards(
                tuple(sources or ()), out, gallery=gallery, encoder=encoder, backbone=backbone, weights=weights, classes=classes,
                head=head, labels=labels, rows=rows, partition=partition, engine=engine, precision=precision,
            )  # fmt: skip
            with state.connect(create=True) as db:
                planned = plan_shards(db, plan, progress)
            if list_only:
                state.output.facts(
                    planned_facts(out, planned.shards, planned.pictures, planned.rejected, planned.listed_in)
                )
                return
        done = embed_shards(request, progress)
    state.output.facts(done.to_json())
    if done.failed:
        raise typer.Exit(FAILED)
    if strict and (done.quarantined or done.rejected):
        raise typer.Exit(QUARANTINED)


def planned_facts(out: Path, shards: int, pictures: int, rejected: int, seconds: float) -> dict[str, object]:
    """Return what `--list-only` prints."""
    return {"out": str(out), "shards": shards, "pictures": pictures, "rejected": rejected, "seconds": seconds}


@stoppable("The gallery is as it was; the same command goes on from there.")
def load(
    shards: Annotated[Path, typer.Argument(metavar="SHARDS", help="A folder of shards in which all are embedded.")],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    index: IndexOption = "auto",
    memory: MemoryOption = None,
    by: Annotated[
        str,
        typer.Option(
            help="import: the server reads the files itself; insert: their rows are sent to it; auto: import where it is on this"
            " machine or --staging is given."
        ),
    ] = "auto",
    staging: Annotated[
        str | None,
        typer.Option(
            help="Where the server finds files, such as s3://BUCKET/PREFIX, the bucket of Milvus; they are copied there first."
        ),
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add the shards to the gallery that is live.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Let pictures of the live gallery go that the shards lack.")
    ] = False,
) -> None:
    """Load embedded shards into new collections, index, count and compare them, and then let them go live."""
    from milvise.operations.load import LoadShards, load_shards

    request = LoadShards(
        shards, gallery, index=index, memory=memory, by=by, staging=staging, append=append, prune=prune
    )
    with state.connect(create=True) as db, watched(state.output) as progress:
        done = load_shards(db, request, progress)
    state.output.facts(done.to_json())
