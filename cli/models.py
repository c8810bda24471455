"""The commands that make models and move galleries to them: train, project, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from milvise.cli import reports
from milvise.cli.app import group
from milvise.cli.progress import watched
from milvise.cli.state import FilterOption, GalleryOption, state, stoppable
from milvise.core import config
from milvise.errors import UsageError

export_app = group("Write models and vectors for other programs.")

_SEED = typer.Option(help="Of the random numbers, and of the choice of held-back pictures.")


@stoppable("No model was written.")
def train(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="With --backbone: folders or manifests of labelled pictures."),
    ] = None,
    gallery: Annotated[
        str | None, typer.Option(help=f"Which collection of pictures. (default: {config.DEFAULT_GALLERY})")
    ] = None,
    head: Annotated[str | None, typer.Option(help="residual, linear or mlp. (default: residual)")] = None,
    loss: Annotated[str | None, typer.Option(help="cosine or hinge_rank. (default: cosine)")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the model: FILE.keras.")] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option("--hold-out", metavar="LABEL", help="Not trained on, and scored at the end; repeatable."),
    ] = None,
    one: Annotated[
        bool, typer.Option("--one", help="Check the wiring: one picture and one word must fit. Writes nothing.")
    ] = False,
    backbone: Annotated[
        str | None,
        typer.Option(help="Fine-tune the last block of this backbone on the sources, instead of training a head."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="With --backbone: a file of weights instead of the pretrained ones.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most so many. (default: 100; 30 with --backbone)")
    ] = None,
    held_back: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=0.9, help="Share of the pictures not trained on. (default: 0.1; 0.2 with --backbone)"
        ),
    ] = None,
    seed: Annotated[int, _SEED] = 0,
    filter: FilterOption = "",
    pairs: Annotated[
        Path | None, typer.Option(help="What export pairs wrote: liked pictures learn the words they were found by.")
    ] = None,
) -> None:
    """Train a head on a gallery's stored vectors and labels, or fine-tune a backbone on labelled pictures."""
    from milvise.operations.train import CheckWiring, TrainHead, check_wiring, train_head
    from milvise.operations.train_backbone import TrainBackbone, train_backbone

    if backbone is not None or weights is not None or sources:
        if gallery or head or loss or hold_out or one or filter or pairs:
            raise UsageError(
                "a backbone is fine-tuned on pictures, and a head on a gallery: with --backbone or SOURCE there can be none"
                " of --gallery, --head, --loss, --hold-out, --one, --filter and --pairs."
            )
        if not sources or out is None:
            raise UsageError(
                "a backbone is fine-tuned on labelled pictures: milvise train FOLDER --backbone NAME --out FILE.keras"
            )
        fine = TrainBackbone(
            tuple(sources), out, backbone or config.DEFAULT_BACKBONE, weights, held_back=held_back, epochs=epochs,
            seed=seed,
        )  # fmt: skip
        with watched(state.output) as progress:
            made = train_backbone(fine, progress)
        reports.trained_backbone(state.output, made.to_json())
        return
    gallery, head, loss = gallery or config.DEFAULT_GALLERY, head or "residual", loss or "cosine"
    if one:
        if out is not None or hold_out or epochs is not None or held_back is not None or pairs is not None:
            raise UsageError(
                "--one trains on one picture and writes nothing: leave out --out, --hold-out, --epochs, --held-back and"
                " --pairs."
            )
        check = CheckWiring(gallery, head, loss, seed, filter)
        with state.connect() as db, watched(state.output) as progress:
            found = check_wiring(db, check, progress)
        state.output.facts(found.to_json())
        return
    if out is None:
        raise UsageError("say where to write the head: --out FILE.keras")
    request = TrainHead(
        out, gallery, head=head, loss=loss, hold_out=tuple(hold_out or ()), held_back=held_back, epochs=epochs, seed=seed,
        filter=filter, pairs=pairs,
    ).opened()  # fmt: skip
    with state.connect() as db, watched(state.output) as progress:
        report = train_head(db, request, progress)
    reports.trained_head(state.output, report.to_json())


@stoppable("The gallery is as it was; the same command goes on from here.")
def project(
    head: Annotated[str, typer.Option(help="conse, or a trained head's FILE.keras.")],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    index: Annotated[
        str | None, typer.Option("--index", help="As for ingest images. (default: as the gallery has it)")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the joint collection that is live now, so that going back costs nothing."),
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="N/OF",
            help="Only joint vectors of this part, such as 2/8: processes share the work, and the command without a part ends it.",
        ),
    ] = None,
) -> None:
    """Move a gallery to another head, from its stored visual vectors, while it is searched."""
    from milvise.operations.project import Project, ProjectPart, project_part
    from milvise.operations.project import project as run

    if part is not None and (index is not None or keep):
        raise UsageError("a part makes joint vectors alone: --index and --keep are for the command without --part.")
    request = Project(head, gallery, index, keep)
    of_part = None if part is None else ProjectPart(head, part, gallery)
    with state.connect() as db:
        done = run(db, request) if of_part is None else project_part(db, of_part)
    state.output.facts(done.to_json())


@export_app.command("model")
@stoppable("No model was written.")
def export_model(
    out: Annotated[Path, typer.Option(help="FILE.keras, FILE.xml (OpenVINO), or a folder (TensorFlow's SavedModel).")],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
) -> None:
    """Write a gallery's backbone and head as one graph: pixels in, visual and joint vectors out."""
    from milvise.operations.export import ExportModel
    from milvise.operations.export import export_model as run

    with state.connect() as db, watched(state.output) as progress:
        written = run(db, ExportModel(out, gallery), progress)
    state.output.facts(written.to_json())


@export_app.command("projector")
@stoppable("The folder is not complete; run the same command again.")
def export_projector(
    out: Annotated[Path, typer.Option(help="A folder, for: tensorboard --logdir FOLDER.")],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: Annotated[str, typer.Option(help="Which vectors: visual or joint.")] = "visual",
    limit: Annotated[int, typer.Option(min=1, max=16_384, help="At most so many pictures.")] = 10_000,
    filter: FilterOption = "",
) -> None:
    """Write vectors, metadata and thumbnails for TensorBoard's Embedding Projector."""
    from milvise.operations.export import ExportProjector
    from milvise.operations.export import export_projector as run

    with state.connect() as db:
        written = run(db, ExportProjector(out, gallery, space, limit, filter))
    state.output.facts(written.to_json())


@export_app.command("manifest")
@stoppable("What was written stands in FILE.jsonl.part; the same command goes on from there.")
def export_manifest(
    out: Annotated[Path, typer.Option(help="FILE.jsonl, for: milvise ingest images FILE.jsonl.")],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    filter: FilterOption = "",
) -> None:
    """Write a manifest of a gallery's pictures, with their labels and metadata."""
    from milvise.operations.export_lines import ExportManifest
    from milvise.operations.export_lines import export_manifest as run

    with state.connect() as db, watched(state.output) as progress:
        written = run(db, ExportManifest(out, gallery, filter), progress)
    state.output.facts(written.to_json())


@export_app.command("duplicates")
@stoppable("What was written stands in FILE.jsonl.part; the same command goes on from there.")
def export_duplicates(
    out: Annotated[Path, typer.Option(help="FILE.jsonl, with a group of pictures in each line.")],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    kind: Annotated[str, typer.Option(help="exact (the same file) or visual (looks the same).")] = "exact",
    similarity: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="With --kind visual: the least cosine of a pair. (default: 0.9)"),
    ] = None,
    filter: FilterOption = "",
) -> None:
    """Write pictures that a gallery holds more than once."""
    from milvise.operations.export_lines import ExportDuplicates
    from milvise.operations.export_lines import export_duplicates as run
    from milvise.queries.requests.duplicates import SIMILARITY

    if similarity is not None and kind != "visual":
        raise UsageError("the same files have no similarity: add --kind visual.")
    request = ExportDuplicates(out, gallery, kind, SIMILARITY if similarity is None else similarity, filter)
    with state.connect() as db, watched(state.output) as progress:
        written = run(db, request, progress)
    state.output.facts(written.to_json())


@export_app.command("pairs")
def export_pairs(
    log: Annotated[str, typer.Option(metavar="FILE.jsonl|milvus", help="Where search refine logged feedback.")],
    out: Annotated[Path, typer.Option(help="FILE.jsonl, for: milvise train --pairs FILE.jsonl.")],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
) -> None:
    """Write logged feedback as pairs of words and a picture, and whether they belong together."""
    from milvise.operations.export import ExportPairs
    from milvise.operations.export import export_pairs as run

    with state.connect() as db:
        written = run(db, ExportPairs(log, out, gallery))
    state.output.facts(written.to_json())
