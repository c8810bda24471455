"""The command line: it parses and prints, and leaves the work to the rooms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milvise import config
from milvise.cli_evaluate import evaluate_app
from milvise.cli_models import export_app, project, train
from milvise.cli_search import duplicates, explain, search_app, tag
from milvise.cli_state import (
    FAILED,
    QUARANTINED,
    WRONG_USAGE,
    GalleryOption,
    IndexOption,
    absolute,
    state,
    stoppable,
)
from milvise.cli_tune import tune
from milvise.console import Output
from milvise.errors import MilviseError, UsageError

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="milvise",
    help="Search collections of pictures by meaning in Milvus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ingest_app = typer.Typer(help="Load words and pictures into Milvus.", no_args_is_help=True)
app.add_typer(ingest_app, name="ingest")
app.add_typer(search_app, name="search")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(export_app, name="export")


@app.callback()
def _globals(
    uri: Annotated[
        str | None,
        typer.Option(help="A path ending in .db (Milvus Lite) or http(s)://host:port. (MILVISE_URI, or ./milvise.db)"),
    ] = None,
    token: Annotated[str | None, typer.Option(help="user:password or an API key. (MILVISE_TOKEN)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the traceback of an error.")] = False,
) -> None:
    state.uri, state.token, state.verbose = uri, token, verbose
    state.output = Output(as_json=as_json, quiet=quiet)


@ingest_app.command("words")
@stoppable()
def ingest_words(
    source: Annotated[
        str,
        typer.Argument(
            help="GloVe, word2vec, fastText or gensim vectors, or glove-6b-50d (an installed package); with --train, a"
            " text file with one tag list a line."
        ),
    ],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many words.")] = None,
    components: Annotated[
        int | None,
        typer.Option(
            "--remove-components",
            min=0,
            help="Principal components to remove. (default: 1 per 100 dimensions, at least 1; 0 with --train)",
        ),
    ] = None,
    index: IndexOption = "auto",
    train: Annotated[bool, typer.Option("--train", help="Train the vectors on tag lists.")] = False,
    dim: Annotated[int | None, typer.Option(help="With --train: width of the vectors. (default: 200)")] = None,
    window: Annotated[
        int | None, typer.Option(help="With --train: how far apart tags of one list may stand. (default: 10)")
    ] = None,
    min_count: Annotated[int | None, typer.Option(help="With --train: rarer tags are left out. (default: 5)")] = None,
    epochs: Annotated[int | None, typer.Option(help="With --train: passes over the lists. (default: 5)")] = None,
    seed: Annotated[int | None, typer.Option(help="With --train: of the random numbers. (default: 0)")] = None,
) -> None:
    """Load word vectors, or train them on tag lists, in place of those that are there."""
    from milvise.adapter import IndexSpec
    from milvise.embeddings.tags import TagTraining, train_words
    from milvise.embeddings.words import load_words
    from milvise.ingest.words import ingest_words as run

    spec = IndexSpec.parse(index)
    given = {"dim": dim, "window": window, "min_count": min_count, "epochs": epochs, "seed": seed}
    numbers = {name: value for name, value in given.items() if value is not None}
    if numbers and not train:
        raise UsageError(f"--{next(iter(numbers)).replace('_', '-')} is for training words: add --train.")
    with state.connect(create=True) as db:
        db.store.require_index(spec)
        state.output.note(f"Reading {source} …")
        if train:
            training = TagTraining(**numbers)
            words = train_words(
                Path(source), training, limit=limit, components=components or 0, progress=state.output.note
            )
        else:
            words = load_words(source, limit=limit, components=components)
        state.output.note(f"Loading {len(words.words):,} words of width {words.vectors.shape[1]} …")
        summary = run(db.store, words, source=source, index=spec)
    state.output.facts(summary.to_json())


@ingest_app.command("images")
@stoppable()
def ingest_images(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Folders, or .csv, .jsonl, .parquet manifests with a uri column."),
    ],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="efficientnet_lite0/1/2, a keras.applications model, or FILE.keras[:layer]. (default: the gallery's, or"
            f" {config.DEFAULT_BACKBONE})"
        ),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="A file of weights instead of the pretrained ones.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="Class names of the backbone, one a line, if not ImageNet's.")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="conse, a trained head's FILE.keras, or none for no search by word. (default: the gallery's, or conse)"
        ),
    ] = None,
    labels: Annotated[str, typer.Option(help="folder: the folder of a picture is its label; none.")] = "folder",
    index: IndexOption = "auto",
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="Pictures for each pass through the backbone. (default: 32; on a GPU what its memory holds)",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="auto, keras or openvino; auto is Keras on a GPU, else OpenVINO where installed.")
    ] = "auto",
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove stored pictures that are in none of the sources.")
    ] = False,
    verify_content: Annotated[
        bool, typer.Option("--verify-content", help="Read stored files again even if size and time are as they were.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything was quarantined.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")] = False,
    quarantine: Annotated[
        Path | None, typer.Option(help="Where to report bad files. (default: ./milvise-quarantine-GALLERY.jsonl)")
    ] = None,
) -> None:
    """Load pictures: unchanged ones are skipped, changed ones replaced, bad ones reported."""
    from milvise.adapter import IndexSpec
    from milvise.embeddings.engines import load_network
    from milvise.ingest.pipeline import Options
    from milvise.ingest.pipeline import ingest_images as run
    from milvise.ingest.sources import open_source, require_pictures
    from milvise.ingest.target import make_plan, make_recipe

    if labels not in ("folder", "none"):
        raise UsageError(f"unknown kind of labels.\nExpected: folder, none\nReceived: {labels}")
    options = Options(IndexSpec.parse(index), batch_size, prune, dry_run, verify_content)
    opened = [open_source(source, labels=labels == "folder") for source in sources]
    require_pictures(opened)
    with state.connect(create=True) as db:
        db.store.require_index(options.index)
        recipe = make_recipe(db.store, gallery, backbone and absolute(backbone), weights)
        state.output.note(f"Building {recipe['backbone']} …")
        plan = make_plan(
            db.store,
            gallery=gallery,
            backbone=load_network(
                recipe["backbone"], weights=recipe["weights"] and Path(recipe["weights"]), engine=engine
            ),
            head=head,
            recipe=recipe,
            names=classes,
        )
        total = None if state.output.quiet else sum(1 for source in opened for _ in source)
        with state.output.progress(total) as progress:
            report = quarantine or Path(f"milvise-quarantine-{gallery}.jsonl")
            summary = run(db.store, opened, plan, quarantine=report, options=options, progress=progress)
    state.output.facts(summary.to_json())
    if strict and summary.quarantined:
        raise typer.Exit(QUARANTINED)


app.command("tag")(tag)
app.command("explain")(explain)
app.command("duplicates")(duplicates)
app.command("train")(train)
app.command("project")(project)
app.command("tune")(tune)


@app.command("status")
def status(
    gallery: Annotated[str | None, typer.Option("--gallery", help="Only this collection of pictures.")] = None,
) -> None:
    """Show what stands in Milvus."""
    with state.connect() as db:
        collections = db.status(gallery)
        version = db.store.connection.version
    state.output.collections(version, collections)


@app.command("verify")
def verify(gallery: GalleryOption = config.DEFAULT_GALLERY) -> None:
    """Check that a gallery is whole; exits with 1 if it is not."""
    with state.connect() as db:
        found = db.verify(gallery)
    state.output.facts({"gallery": gallery, "whole": not found, "problems": found})
    if found:
        raise typer.Exit(FAILED)


@app.command("drop")
def drop(
    gallery: Annotated[str, typer.Option("--gallery", help="Which collection of pictures.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    kept: Annotated[
        bool, typer.Option("--kept", help="Only what project --keep kept and what unfinished runs left.")
    ] = False,
) -> None:
    """Remove a gallery from Milvus; the picture files stay."""
    if not yes:
        typer.confirm(f"Remove {'what was kept of ' if kept else ''}the gallery {gallery}?", abort=True, err=True)
    with state.connect() as db:
        dropped = db.drop(gallery, only_kept=kept)
    state.output.facts({"gallery": gallery, "dropped": dropped})


@app.command("demo")
def demo(
    folder: Annotated[
        str | None, typer.Argument(help="Photos of your own; without it, those in installed packages.")
    ] = None,
    sheet: Annotated[Path, typer.Option("--sheet", help="Where to write the contact sheet.")] = Path(
        "milvise-demo.html"
    ),
) -> None:
    """Load photos, search them in four ways, and write a contact sheet."""
    from milvise.demo import run_demo

    run_demo(folder, uri=state.uri or "milvise-demo.db", token=state.token, sheet=sheet, output=state.output)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        app(arguments)
    except MilviseError as error:
        _fail(error, WRONG_USAGE if isinstance(error, UsageError) else FAILED)
    except OSError as error:
        _fail(error, FAILED)


def _fail(error: Exception, code: int) -> None:
    if state.verbose:
        import traceback

        traceback.print_exception(error)
    else:
        print(f"Error: {error}", file=sys.stderr)
    if state.output.as_json:
        state.output.document({"error": {"type": type(error).__name__, "message": str(error)}})
    sys.exit(code)
