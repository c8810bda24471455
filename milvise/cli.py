"""The command line: it parses and prints, and leaves the work to the rooms."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from milvise import config
from milvise.console import Output
from milvise.errors import MilviseError, UsageError
from milvise.records import Hit, WordHit

if TYPE_CHECKING:
    from milvise.queries.database import Database

app = typer.Typer(
    name="milvise",
    help="Search collections of pictures by meaning in Milvus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ingest_app = typer.Typer(help="Load words and pictures into Milvus.", no_args_is_help=True)
search_app = typer.Typer(help="Find words and pictures.", no_args_is_help=True)
app.add_typer(ingest_app, name="ingest")
app.add_typer(search_app, name="search")

FAILED, WRONG_USAGE, QUARANTINED = 1, 2, 3


@dataclass(slots=True)
class _State:
    uri: str | None = None
    token: str | None = None
    verbose: bool = False
    output: Output = Output()

    def connect(self, *, create: bool = False) -> Database:
        from milvise.queries.database import connect

        return connect(self.uri, token=self.token, create=create)


_state = _State()


@contextmanager
def _stoppable() -> Iterator[None]:
    """End on Ctrl-C with a sentence instead of a traceback: whatever was written stays, and a new run goes on from it."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nStopped. What was written is kept; the same command goes on from there.", file=sys.stderr)
        raise typer.Exit(FAILED) from None


GalleryOption = Annotated[str, typer.Option("--gallery", help="Which collection of pictures.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=16_000, help="How many hits.")]
FilterOption = Annotated[
    str, typer.Option("--filter", help='A Milvus expression over label, uri, width, height, meta["…"].')
]
IndexOption = Annotated[
    str,
    typer.Option("--index", help="auto, flat, hnsw, ivf_flat, ivf_sq8, ivf_pq, scann or diskann; hnsw:M=32,ef=128 …"),
]


@app.callback()
def _globals(
    uri: Annotated[
        str | None,
        typer.Option(
            help="A path ending in .db (Milvus Lite) or http(s)://host:port. [env: MILVISE_URI; ./milvise.db]"
        ),
    ] = None,
    token: Annotated[str | None, typer.Option(help="user:password or an API key. [env: MILVISE_TOKEN]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the traceback of an error.")] = False,
) -> None:
    _state.uri, _state.token, _state.verbose = uri, token, verbose
    _state.output = Output(as_json=as_json, quiet=quiet)


@ingest_app.command("words")
@_stoppable()
def ingest_words(
    source: Annotated[
        str, typer.Argument(help="GloVe, word2vec, fastText or gensim vectors, or glove-6b-50d (an installed package).")
    ],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many words.")] = None,
    components: Annotated[
        int | None,
        typer.Option(
            "--remove-components",
            min=0,
            help="Principal components to remove. [default: 1 per 100 dimensions, at least 1]",
        ),
    ] = None,
    index: IndexOption = "auto",
) -> None:
    """Load word vectors, in place of those that are there."""
    from milvise.adapter import IndexSpec
    from milvise.embeddings.words import load_words
    from milvise.ingest.words import ingest_words as run

    spec = IndexSpec.parse(index)
    with _state.connect(create=True) as db:
        db.store.require_index(spec)
        _state.output.note(f"Reading {source} …")
        words = load_words(source, limit=limit, components=components)
        _state.output.note(f"Loading {len(words.words):,} words of width {words.vectors.shape[1]} …")
        summary = run(db.store, words, source=source, index=spec)
    _state.output.facts(summary.to_json())


@ingest_app.command("images")
@_stoppable()
def ingest_images(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Folders, or .csv, .jsonl, .parquet manifests with a uri column."),
    ],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    backbone: Annotated[
        str, typer.Option(help="efficientnet_lite0/1/2, a keras.applications model, or FILE.keras[:layer].")
    ] = config.DEFAULT_BACKBONE,
    weights: Annotated[Path | None, typer.Option(help="A file of weights instead of the pretrained ones.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="Class names of the backbone, one a line, if not ImageNet's.")
    ] = None,
    head: Annotated[str, typer.Option(help="conse, or none for no search by word.")] = "conse",
    labels: Annotated[str, typer.Option(help="folder: the folder of a picture is its label; none.")] = "folder",
    index: IndexOption = "auto",
    batch_size: Annotated[int, typer.Option(min=1, max=1024, help="Pictures for each pass through the backbone.")] = 32,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove stored pictures that are in none of the sources.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything was quarantined.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")] = False,
    quarantine: Annotated[
        Path | None, typer.Option(help="Where to report bad files. [default: ./milvise-quarantine-GALLERY.jsonl]")
    ] = None,
) -> None:
    """Load pictures: unchanged ones are skipped, changed ones replaced, bad ones reported."""
    from milvise.adapter import IndexSpec
    from milvise.embeddings.backbones import load_backbone
    from milvise.ingest.pipeline import Options
    from milvise.ingest.pipeline import ingest_images as run
    from milvise.ingest.sources import open_source
    from milvise.ingest.target import make_plan

    if labels not in ("folder", "none"):
        raise UsageError(f"unknown kind of labels.\nExpected: folder, none\nReceived: {labels}")
    options = Options(IndexSpec.parse(index), batch_size, prune, dry_run)
    opened = [open_source(source, labels=labels == "folder") for source in sources]
    with _state.connect(create=True) as db:
        db.store.require_index(options.index)
        _state.output.note(f"Building {backbone} …")
        recipe = {"backbone": _absolute(backbone), "weights": str(weights.resolve()) if weights else None}
        plan = make_plan(
            db.store,
            gallery=gallery,
            backbone=load_backbone(backbone, weights=weights),
            head=head,
            recipe=recipe,
            names=classes,
        )
        total = None if _state.output.quiet else sum(1 for source in opened for _ in source)
        with _state.output.progress(total) as progress:
            report = quarantine or Path(f"milvise-quarantine-{gallery}.jsonl")
            summary = run(db.store, opened, plan, quarantine=report, options=options, progress=progress)
    _state.output.facts(summary.to_json())
    if strict and summary.quarantined:
        raise typer.Exit(QUARANTINED)


@search_app.command("words")
def search_words(
    expression: Annotated[list[str], typer.Argument(metavar="EXPR", help="dog; king - man + woman; cat^2 sofa.")],
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
) -> None:
    """Find the words closest to a word or expression."""
    text = " ".join(expression)
    request = {"kind": "words", "expression": text, "filter": filter, "limit": limit}
    _search(request, lambda db: db.words.similar(text, limit=limit, filter=filter))


@search_app.command("images")
def search_images(
    expression: Annotated[list[str], typer.Argument(metavar="EXPR", help='dog; cat sofa; "dining_table"; cat^2 sofa.')],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
) -> None:
    """Find the pictures that show what the words say."""
    text = " ".join(expression)
    request = {"kind": "images", "expression": text, "gallery": gallery, "filter": filter, "limit": limit}
    _search(request, lambda db: db.gallery(gallery).search(text, limit=limit, filter=filter))


@search_app.command("similar")
def search_similar(
    picture: Annotated[
        str, typer.Argument(metavar="IMAGE_OR_ID", help="A picture file, or the id or URI of a stored one.")
    ],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    focus: Annotated[str | None, typer.Option(metavar="CLASS", help="Only what speaks for this class counts.")] = None,
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
) -> None:
    """Find the pictures that look like a picture."""
    request = {
        "kind": "similar", "picture": picture, "gallery": gallery, "focus": focus, "filter": filter, "limit": limit,
    }  # fmt: skip
    _search(request, lambda db: db.gallery(gallery).similar(picture, focus=focus, limit=limit, filter=filter))


@app.command("tag")
def tag(
    picture: Annotated[
        str, typer.Argument(metavar="IMAGE_OR_ID", help="A picture file, or the id or URI of a stored one.")
    ],
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    limit: LimitOption = config.DEFAULT_LIMIT,
    among: Annotated[int, typer.Option(min=1, help="Only so many of the most frequent words are considered.")] = 20_000,
) -> None:
    """Find the words that say what a picture shows."""
    request = {"kind": "tag", "picture": picture, "gallery": gallery, "among": among, "limit": limit}
    _search(request, lambda db: db.gallery(gallery).tags(picture, limit=limit, among=among))


@app.command("status")
def status(
    gallery: Annotated[str | None, typer.Option("--gallery", help="Only this collection of pictures.")] = None,
) -> None:
    """Show what stands in Milvus."""
    with _state.connect() as db:
        collections = db.status(gallery)
        version = db.store.connection.version
    _state.output.collections(version, collections)


@app.command("verify")
def verify(gallery: GalleryOption = config.DEFAULT_GALLERY) -> None:
    """Check that a gallery is whole; exits with 1 if it is not."""
    with _state.connect() as db:
        found = db.verify(gallery)
    _state.output.facts({"gallery": gallery, "whole": not found, "problems": found})
    if found:
        raise typer.Exit(FAILED)


@app.command("drop")
def drop(
    gallery: Annotated[str, typer.Option("--gallery", help="Which collection of pictures.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a gallery from Milvus; the picture files stay."""
    if not yes:
        typer.confirm(f"Remove the gallery {gallery}?", abort=True, err=True)
    with _state.connect() as db:
        db.drop(gallery)
    _state.output.facts({"dropped": gallery})


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

    run_demo(folder, uri=_state.uri or "milvise-demo.db", token=_state.token, sheet=sheet, output=_state.output)


def _search(request: dict[str, Any], search: Callable[[Database], Sequence[Hit | WordHit]]) -> None:
    started = time.perf_counter()
    with _state.connect() as db:
        connected = time.perf_counter()
        hits = search(db)
        found = time.perf_counter()
        took = {"connect": connected - started, "search": found - connected, "total": found - started}
        _state.output.hits(request, {name: round(1000 * value, 2) for name, value in took.items()}, hits)


def _absolute(backbone: str) -> str:
    """Return a backbone's path so that it is found from another folder; names stay as they are."""
    from milvise.embeddings.backbones import split_spec

    path, layer = split_spec(backbone)
    return ":".join(filter(None, [str(Path(path).resolve()), layer])) if path.endswith(".keras") else backbone


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        app(arguments)
    except MilviseError as error:
        _fail(error, WRONG_USAGE if isinstance(error, UsageError) else FAILED)
    except OSError as error:
        _fail(error, FAILED)


def _fail(error: Exception, code: int) -> None:
    if _state.verbose:
        import traceback

        traceback.print_exception(error)
    else:
        print(f"Error: {error}", file=sys.stderr)
    if _state.output.as_json:
        _state.output.document({"error": {"type": type(error).__name__, "message": str(error)}})
    sys.exit(code)
