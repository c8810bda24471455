"""The command line: it parses and prints, and leaves the work to operations and queries."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from milvise.cli.app import App, group, with_shared
from milvise.cli.evaluate import evaluate_app
from milvise.cli.follow import follow
from milvise.cli.keys import keys_app
from milvise.cli.models import export_app, project, train
from milvise.cli.plan import plan
from milvise.cli.progress import watched
from milvise.cli.search import duplicates, explain, search_app, tag
from milvise.cli.serve import serve
from milvise.cli.shards import embed, load
from milvise.cli.state import (
    FAILED,
    QUARANTINED,
    WRONG_USAGE,
    GalleryOption,
    IndexOption,
    MemoryOption,
    PrecisionOption,
    state,
    stoppable,
)
from milvise.cli.terminal import prepare_streams, print_remark, visible
from milvise.cli.tune import tune
from milvise.cli.versions import history, rebuild, rollback
from milvise.core import config
from milvise.errors import MilviseError, UsageError

app = App(
    name="milvise",
    help="Search collections of pictures by meaning in Milvus. The options below may also stand behind a command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
ingest_app = group("Load words and pictures into Milvus.")
app.add_typer(ingest_app, name="ingest")
app.add_typer(search_app, name="search")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(export_app, name="export")
app.add_typer(keys_app, name="keys")


def _print_version(wanted: bool) -> None:
    if wanted:
        from milvise import __version__

        print(f"milvise {__version__}")
        raise typer.Exit


@app.callback()
@with_shared
def _version_or_command(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    pass


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
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Also in place of words that galleries were made with, or of more than twice as many."
        ),
    ] = False,
) -> None:
    """Load word vectors, or train them on tag lists, in place of those that are there."""
    from milvise.operations.words import IngestWords, TagTraining
    from milvise.operations.words import ingest_words as run

    given = {"dim": dim, "window": window, "min_count": min_count, "epochs": epochs, "seed": seed}
    numbers = {name: value for name, value in given.items() if value is not None}
    training = TagTraining(**numbers) if train else None
    request = IngestWords(source, limit, components, index, training, replace)
    if numbers and not train:
        raise UsageError(f"--{next(iter(numbers)).replace('_', '-')} is for training words: add --train.")
    with state.connect(create=True) as db, watched(state.output) as progress:
        summary = run(db, request, progress)
    state.output.facts(summary.to_json())


@ingest_app.command("images")
@stoppable()
def ingest_images(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders, .csv, .jsonl, .parquet manifests with a uri column, or WebDataset's .tar files; paths or URLs (s3, gs, abfs, http).",
        ),
    ],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    encoder: Annotated[
        str | None,
        typer.Option(
            help=f"{config.DEFAULT_ENCODER}, or the name of one that another package adds. (default: the gallery's, or"
            f" {config.DEFAULT_ENCODER})"
        ),
    ] = None,
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
    memory: MemoryOption = None,
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
    precision: PrecisionOption = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove stored pictures that are in none of the sources.")
    ] = False,
    verify_content: Annotated[
        bool, typer.Option("--verify-content", help="Read stored files again even if size and time are as they were.")
    ] = False,
    requests_per_second: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="Requests to stores and web servers that begin within a second. (default: any number)"
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything was quarantined.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")] = False,
    quarantine: Annotated[
        Path | None, typer.Option(help="Where to report bad files. (default: ./milvise-quarantine-GALLERY.jsonl)")
    ] = None,
    partition: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help='Partition a new gallery by a metadata column, for filters such as meta["owner"] == "anna".',
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page of how busy each stage was, and what it waited for."),
    ] = None,
) -> None:
    """Load pictures: unchanged ones are skipped, changed ones replaced, bad ones reported."""
    from milvise.operations.images import IngestImages
    from milvise.operations.images import ingest_images as run

    request = IngestImages(
        tuple(sources), gallery=gallery, encoder=encoder, backbone=backbone, weights=weights, classes=classes, head=head, labels=labels,
        index=index, memory=memory, batch_size=batch_size, engine=engine, precision=precision, prune=prune, dry_run=dry_run, verify_content=verify_content,
        requests_per_second=requests_per_second, quarantine=quarantine, partition=partition, profile=profile,
    ).opened()  # fmt: skip
    with state.connect(create=True) as db, watched(state.output) as progress:
        summary = run(db, request, progress)
    state.output.facts(summary.to_json())
    if strict and summary.quarantined:
        raise typer.Exit(QUARANTINED)


app.command("tag")(tag)
app.command("explain")(explain)
app.command("duplicates")(duplicates)
app.command("train")(train)
app.command("project")(project)
app.command("tune")(tune)
app.command("plan")(plan)
app.command("serve")(serve)
app.command("follow")(follow)
app.command("embed")(embed)
app.command("load")(load)
app.command("rebuild")(rebuild)
app.command("rollback")(rollback)
app.command("history")(history)


@app.command("status")
def status(
    gallery: Annotated[str | None, typer.Option("--gallery", help="Only this collection of pictures.")] = None,
) -> None:
    """Show what stands in Milvus."""
    with state.connect() as db:
        from milvise.queries.database import held_bytes

        collections = db.status(gallery)
        version, held = db.store.connection.version, held_bytes(db, collections)
    state.output.collections(version, collections, held)


@app.command("verify")
@stoppable("What was repaired is kept; the same command goes on from there.")
def verify(
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery",
            help="Which collection of pictures. (default: default; without one, words and catalog are checked alone)",
        ),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="First make again what can be made again from the rest.")
    ] = False,
    pictures: Annotated[
        int,
        typer.Option("--pictures", min=0, max=16_000, help="Also compare so many vectors with their picture files."),
    ] = 0,
) -> None:
    """Check that a gallery and all that it stands on are whole; exits with 1 if they are not."""
    from milvise.operations.verify import Verify
    from milvise.operations.verify import verify as run

    request = Verify(gallery, pictures=pictures, repair=repair)
    with state.connect() as db, watched(state.output) as progress:
        found = run(db, request, progress)
    state.output.verification(found.to_json())
    if not found.whole:
        raise typer.Exit(FAILED)


@app.command("drop")
def drop(
    gallery: Annotated[str | None, typer.Option("--gallery", help="Which collection of pictures.")] = None,
    words: Annotated[bool, typer.Option("--words", help="The words, instead of a gallery.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    kept: Annotated[
        bool,
        typer.Option("--kept", help="Only what unfinished runs left, and of a gallery what project --keep kept."),
    ] = False,
) -> None:
    """Remove a gallery, or the words, from Milvus; the files stay."""
    from milvise.operations.drop import Drop, word_users
    from milvise.operations.drop import drop as run

    if (gallery is None) != words:
        raise UsageError("say what to remove.\nExpected: --gallery NAME, or --words" + "\nReceived: both" * words)
    with state.connect() as db:
        what = "the words" if gallery is None else f"the gallery {gallery}"
        if words and not kept and (users := word_users(db)):
            what += f", which these galleries are searched with: {', '.join(users)}"
        if not yes:
            typer.confirm(f"Remove {'what was kept of ' if kept else ''}{what}?", abort=True, err=True)
        dropped = run(db, Drop(gallery, kept))
    state.output.facts(dropped.to_json())


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
    from milvise.operations.demo import Demo, run_demo

    address = state.uri or "milvise-demo.db"
    with state.connect(address, create=True) as db, watched(state.output) as progress:
        shown = run_demo(db, Demo(None if folder is None else Path(folder), sheet), progress)
    if state.output.as_json:
        state.output.document(shown.to_json())
        return
    for section in shown.sections:
        state.output.section(section.title, section.command, section.hits)
    print(f"\nContact sheet: {shown.sheet}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    state.reset()
    prepare_streams()
    try:
        app(arguments, prog_name="milvise")
    except MilviseError as error:
        _fail(error, WRONG_USAGE if isinstance(error, UsageError) else FAILED)
    except OSError as error:
        _fail(error, FAILED)
    except UnicodeEncodeError as error:
        # Names of files may be any bytes, and are taken; all other text goes to Milvus, which takes UTF-8 alone.
        _fail(UsageError(f"an argument is not valid UTF-8.\nReceived: {visible(error.object)}"), WRONG_USAGE)


def _fail(error: Exception, code: int) -> None:
    if state.verbose:
        import traceback

        traceback.print_exception(error)
    else:
        print_remark(f"Error: {error}")
    if state.output.as_json:
        state.output.document({"error": {"type": type(error).__name__, "message": str(error)}})
    sys.exit(code)
