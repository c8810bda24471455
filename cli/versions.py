"""The commands about versions of a gallery: rebuild, rollback, history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from milvise.cli.evaluate import AttributeOption
from milvise.cli.progress import watched
from milvise.cli.state import FAILED, GalleryOption, MemoryOption, PrecisionOption, state, stoppable
from milvise.core import config


@stoppable("The live version is as it was; the same command goes on from there.")
def rebuild(
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    backbone: Annotated[
        str | None, typer.Option(help="Another backbone, as ingest images. (default: the gallery's)")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="A file of weights instead of the pretrained ones.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Another encoder, as ingest images. (default: the gallery's)")
    ] = None,
    classes: Annotated[Path | None, typer.Option(help="Class names of the backbone, one a line.")] = None,
    head: Annotated[
        str | None, typer.Option(help="conse, or a trained head's FILE.keras. (default: the gallery's)")
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            help="A figure of the evaluation that must hold, such as all.p@10=0.4 (at least) or 'bias.sex.max_skew<0.7' (at most);"
            " repeatable."
        ),
    ] = None,
    attribute: AttributeOption = None,
    accept_worse: Annotated[
        bool, typer.Option("--accept-worse", help="Go live also if a main figure is worse by more than noise.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="A folder for both reports. (default: ./milvise-rebuild-GALLERY)")
    ] = None,
    index: Annotated[
        str | None, typer.Option(help="An index for the new version. (default: as it was asked for before)")
    ] = None,
    memory: MemoryOption = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Pictures for each pass through the backbone.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, keras or openvino.")] = "auto",
    precision: PrecisionOption = None,
    prune: Annotated[bool, typer.Option("--prune", help="Let pictures go whose files cannot be read.")] = False,
    shadow_for: Annotated[
        str | None,
        typer.Option(
            help="Before it goes live, have services with --shadow ask the new version too for so long, such as 30m."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build and judge the version, and leave the live one where it is.")
    ] = False,
) -> None:
    """Build another version beside the live one, judge both, and let it go live if it is good enough; exits with 1 if not."""
    from milvise.operations.gates import read_gates
    from milvise.operations.rebuild import Rebuild
    from milvise.operations.rebuild import rebuild as run

    request = Rebuild(
        gallery, encoder=encoder, backbone=backbone, weights=weights, classes=classes, head=head, index=index, memory=memory, batch_size=batch_size,
        engine=engine, precision=precision, gates=read_gates(gate or ()), attributes=tuple(attribute or ()), out=out, prune=prune, accept_worse=accept_worse, dry_run=dry_run, shadow_for=shadow_for,
    )  # fmt: skip
    with state.connect() as db, watched(state.output) as progress:
        done = run(db, request, progress)
    state.output.facts(done.to_json())
    if not done.is_live and not dry_run:
        raise typer.Exit(FAILED)


@stoppable("Searches are answered from the version that is live; the same command goes on from there.")
def rollback(
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    to: Annotated[
        str | None, typer.Option(help="Which version, as history calls it. (default: the one that was live before)")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, keras or openvino.")] = "auto",
) -> None:
    """Go back to an earlier version, at once, and bring over what changed since."""
    from milvise.operations.rollback import Rollback
    from milvise.operations.rollback import rollback as run

    with state.connect() as db, watched(state.output) as progress:
        done = run(db, Rollback(gallery, to, engine), progress)
    state.output.facts(done.to_json())


def history(gallery: GalleryOption = config.DEFAULT_GALLERY) -> None:
    """List the versions of a gallery with the figures that they were judged by."""
    from milvise.operations.rollback import History
    from milvise.operations.rollback import history as run

    with state.connect() as db:
        found = run(db, History(gallery))
    state.output.versions(found.to_json())
