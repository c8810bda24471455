"""The commands that ask a gallery: search, tag, explain, duplicates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from milvise.cli.app import group
from milvise.cli.results import MOST_ON_A_SHEET, Results, asked, finds_pictures
from milvise.cli.state import FilterOption, GalleryOption, LimitOption, state, stoppable
from milvise.core import config
from milvise.core.picture_types import PictureFile
from milvise.core.records import DuplicateGroup, Hit, WordHit, distance
from milvise.errors import UsageError

if TYPE_CHECKING:
    from milvise.operations.database import Database
    from milvise.queries.plan.build import Weighted
    from milvise.queries.search import Gallery
    from milvise.queries.vocabulary.word_vectors import Vocabulary

T = TypeVar("T", "Gallery", "Vocabulary")

search_app = group("Find words and pictures.")

Expression = Annotated[list[str], typer.Argument(metavar="EXPR", help='dog; cat sofa; "dining_table"; cat^2 sofa.')]
PictureArgument = Annotated[
    str, typer.Argument(metavar="IMAGE_OR_ID", help="A picture file, or the id or URI of a stored one.")
]
PictureArguments = Annotated[
    list[str], typer.Argument(metavar="IMAGE_OR_ID...", help="Picture files, or ids or URIs of stored ones.")
]
WordsOption = Annotated[str, typer.Option("--words", metavar="EXPR", help="Words, as for search images.")]
PicturesOption = Annotated[
    list[str] | None,
    typer.Option("--picture", metavar="IMAGE_OR_ID[^WEIGHT]", help="A picture file, or a stored one; repeatable."),
]
SpaceOption = Annotated[
    str | None,
    typer.Option(
        help="joint, visual, fused or ranked. (default: ranked for words, if classes are loaded; visual for pictures)"
    ),
]
ByOption = Annotated[
    str, typer.Option(help="meaning, text (their label, file name or metadata holds the words), or both.")
]
ConfidenceOption = Annotated[
    float | None,
    typer.Option(
        "--min-confidence",
        min=0.0,
        max=1.0,
        help="Only hits that show what the words say with this probability.",
    ),
]
FixOption = Annotated[
    bool, typer.Option("--fix", help="Replace words that are misspelt, or perhaps are, by the likeliest known one.")
]
FocusOption = Annotated[
    str | None,
    typer.Option(metavar="CLASS_OR_EXPR", help="Only what speaks for it counts: Siamese cat; cat - sofa."),
]


@search_app.command("words")
def search_words(
    expression: Annotated[list[str], typer.Argument(metavar="EXPR", help="dog; king - man + woman; cat^2 sofa.")],
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
    fix: FixOption = False,
) -> None:
    """Find the words closest to a word or expression."""
    text = " ".join(expression)
    request = {"kind": "words", "expression": text, "filter": filter, "limit": limit}
    _search(request, lambda db: _read(db.words, text, fix, request).similar(text, limit=limit, filter=filter, fix=fix))


@search_app.command("images")
@finds_pictures()
def search_images(
    *,
    results: Results,
    expression: Expression,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: SpaceOption = None,
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
    min_confidence: ConfidenceOption = None,
    fix: FixOption = False,
    by: ByOption = "both",
    focus: FocusOption = None,
) -> None:
    """Find the pictures that show what the words say."""
    text = " ".join(expression)
    request = {
        "kind": "images", "expression": text, "gallery": gallery, "space": space, "filter": filter, "limit": limit,
        "min_confidence": min_confidence, "by": by, **({} if focus is None else {"focus": focus}),
    }  # fmt: skip
    _search(
        request,
        lambda db: _read(db.gallery(gallery), text, fix, request).search(
            text,
            space=space,
            limit=limit,
            filter=filter,
            min_confidence=min_confidence,
            fix=fix,
            by=by,
            focus=focus,
        ),
        results,
    )


@search_app.command("similar")
@finds_pictures()
def search_similar(
    *,
    results: Results,
    picture: PictureArgument,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    focus: FocusOption = None,
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
) -> None:
    """Find the pictures that look like a picture."""
    request = {
        "kind": "similar", "picture": picture, "gallery": gallery, "focus": focus, "filter": filter, "limit": limit,
    }  # fmt: skip
    _search(request, lambda db: db.gallery(gallery).similar(picture, focus=focus, limit=limit, filter=filter), results)


@search_app.command("mixed")
@finds_pictures()
def search_mixed(
    *,
    results: Results,
    pictures: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE_OR_ID[^WEIGHT]...", help="Picture files, or ids or URIs of stored ones."),
    ],
    words: WordsOption = "",
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: SpaceOption = None,
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
    fix: FixOption = False,
) -> None:
    """Find the pictures closest to pictures with and without words: --words '+night -day'."""
    request = {
        "kind": "mixed", "pictures": pictures, "words": words, "gallery": gallery, "space": space, "filter": filter,
        "limit": limit,
    }  # fmt: skip
    wanted = [_weighted(picture) for picture in pictures]
    _search(
        request,
        lambda db: _read(db.gallery(gallery), words, fix, request).mixed(
            wanted, words, space=space, limit=limit, filter=filter, fix=fix
        ),
        results,
    )


@search_app.command("complete")
@finds_pictures()
def search_complete(
    *,
    results: Results,
    pictures: PictureArguments,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: Annotated[
        str, typer.Option(help="visual, joint or fused: whether to look alike, or be about the same.")
    ] = "visual",
    to: Annotated[
        str, typer.Option("--to", help="mean or any: closest to their mean, or to any one of them.")
    ] = "mean",
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
) -> None:
    """Find more pictures like some, which are left out."""
    request = {
        "kind": "complete", "pictures": pictures, "gallery": gallery, "space": space, "to": to, "filter": filter,
        "limit": limit,
    }  # fmt: skip
    _search(
        request,
        lambda db: db.gallery(gallery).complete(pictures, space=space, to=to, limit=limit, filter=filter),
        results,
    )


@search_app.command("rank")
@finds_pictures()
def search_rank(
    *,
    results: Results,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID_OR_URI...]", help="Stored pictures. (default: all that fit --filter)"),
    ] = None,
    words: WordsOption = "",
    picture: PicturesOption = None,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: SpaceOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the best so many. (default: all)")] = None,
    filter: FilterOption = "",
    min_confidence: ConfidenceOption = None,
    fix: FixOption = False,
) -> None:
    """Order given pictures by how well they fit a brief."""
    request = {
        "kind": "rank", "ids": ids or None, "words": words, "pictures": picture or [], "gallery": gallery, "space": space,
        "filter": filter, "limit": limit, "min_confidence": min_confidence,
    }  # fmt: skip
    wanted = [_weighted(one) for one in picture or []]
    _search(
        request,
        lambda db: _read(db.gallery(gallery), words, fix, request).rank(
            words=words, pictures=wanted, ids=ids or None, space=space, limit=limit, filter=filter,
            min_confidence=min_confidence, fix=fix,
        ),
        results,
    )  # fmt: skip


@search_app.command("owners")
@finds_pictures()
def search_owners(
    *,
    results: Results,
    words: WordsOption = "",
    picture: PicturesOption = None,
    by: Annotated[str, typer.Option("--by", help="The metadata column that names the owner.")] = "owner",
    evidence: Annotated[int, typer.Option(min=1, help="How many of an owner's best pictures are judged.")] = 3,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: SpaceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many owners.")] = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
    fix: FixOption = False,
) -> None:
    """Find whose pictures fit a brief best."""
    wanted = [_weighted(one) for one in picture or []]
    request = {
        "kind": "owners", "words": words, "pictures": picture or [], "by": by, "evidence": evidence, "gallery": gallery,
        "space": space, "filter": filter, "limit": limit,
    }  # fmt: skip
    started = time.perf_counter()
    with state.connect() as db:
        found = _read(db.gallery(gallery), words, fix, request).owners(
            words=words, pictures=wanted, by=by, evidence=evidence, space=space, limit=limit, filter=filter, fix=fix
        )
        took = round(1000 * (time.perf_counter() - started), 2)
        if not results.print_instead(lambda: db.gallery(gallery), [hit for one in found for hit in one.evidence]):
            state.output.owners(request, took, found)
        results.act(lambda: db.gallery(gallery), request, [(one.name, one.evidence) for one in found])


@search_app.command("refine")
@finds_pictures()
def search_refine(
    *,
    results: Results,
    words: WordsOption = "",
    picture: PicturesOption = None,
    liked: Annotated[
        list[str] | None, typer.Option("--like", metavar="ID_OR_URI", help="A picture that was liked; repeatable.")
    ] = None,
    disliked: Annotated[
        list[str] | None, typer.Option("--dislike", metavar="ID_OR_URI", help="One that was not; repeatable.")
    ] = None,
    weights: Annotated[
        tuple[float, float, float],
        typer.Option(help="How much the query, the mean of the liked and that of the disliked count."),
    ] = (1.0, 2.0, 1.0),
    log: Annotated[
        str | None,
        typer.Option(metavar="FILE.jsonl|milvus", help="Write the feedback down, to replay it: export pairs."),
    ] = None,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: SpaceOption = None,
    limit: LimitOption = config.DEFAULT_LIMIT,
    filter: FilterOption = "",
    fix: FixOption = False,
) -> None:
    """Search again, with pictures that were liked and disliked; those are left out."""
    from milvise.queries.requests.refine import Rocchio

    wanted = [_weighted(one) for one in picture or []]
    request = {
        "kind": "refine", "words": words, "pictures": picture or [], "liked": liked or [], "disliked": disliked or [],
        "weights": list(weights), "gallery": gallery, "space": space, "filter": filter, "limit": limit,
    }  # fmt: skip
    _search(
        request,
        lambda db: _read(db.gallery(gallery), words, fix, request).refine(
            words=words, pictures=wanted, liked=liked or [], disliked=disliked or [], weights=Rocchio(*weights),
            space=space, limit=limit, filter=filter, log=log, fix=fix,
        ),
        results,
    )  # fmt: skip


def tag(
    picture: PictureArgument,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    limit: LimitOption = config.DEFAULT_LIMIT,
    among: Annotated[int, typer.Option(min=1, help="Only so many of the most frequent words are considered.")] = 20_000,
) -> None:
    """Find the words that say what a picture shows."""
    request = {"kind": "tag", "picture": picture, "gallery": gallery, "among": among, "limit": limit}
    _search(request, lambda db: db.gallery(gallery).tags(picture, limit=limit, among=among))


def explain(
    hit: Annotated[str, typer.Argument(metavar="ID_OR_URI", help="A stored picture.")],
    words: WordsOption = "",
    picture: PicturesOption = None,
    focus: Annotated[str | None, typer.Option(metavar="CLASS_OR_EXPR", help="As for search similar.")] = None,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    space: SpaceOption = None,
    fix: FixOption = False,
) -> None:
    """Show why a picture has its place in the answer to a request."""
    wanted = [_weighted(one) for one in picture or []]
    with state.connect() as db:
        asked = _read(db.gallery(gallery), words, fix, {})
        told = asked.explain(hit, words=words, pictures=wanted, focus=focus, space=space, fix=fix)
    state.output.explanation(told.to_json())


@stoppable("What was printed is right as far as it goes.")
@finds_pictures("sheet", "open")
def duplicates(
    *,
    results: Results,
    gallery: GalleryOption = config.DEFAULT_GALLERY,
    kind: Annotated[str, typer.Option(help="exact (the same file) or visual (looks the same).")] = "exact",
    similarity: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="With --kind visual: the least cosine of a pair. (default: 0.9)"),
    ] = None,
    filter: FilterOption = "",
) -> None:
    """Find pictures that a gallery holds more than once."""
    from milvise.queries.requests.duplicates import SIMILARITY

    if similarity is not None and kind != "visual":
        raise UsageError("the same files have no similarity: add --kind visual.")
    least = SIMILARITY if similarity is None else similarity
    with state.connect() as db:
        groups = db.gallery(gallery).duplicates(kind=kind, similarity=least, filter=filter)
        request = {"gallery": gallery, "kind": kind, "similarity": least if kind == "visual" else None}
        shown: list[tuple[str, list[Hit]]] = []
        state.output.groups(request, _noted(groups, shown))
        results.act(lambda: db.gallery(gallery), {"kind": f"{kind} duplicates"}, shown)


def _noted(groups: Iterable[DuplicateGroup], shown: list[tuple[str, list[Hit]]]) -> Iterator[DuplicateGroup]:
    """Yield groups, and note the first of them, as many as a page shows."""
    left = MOST_ON_A_SHEET
    for found in groups:
        if left > 0:
            name = "the same file" if found.exact else f"cosine {found.similarity:.4f} or more"
            similarity = found.similarity
            hits = [Hit(key, uri, uri, similarity, distance(similarity)) for key, uri in found.pictures[:left]]
            shown.append((name, hits))
            left -= len(hits)
        yield found


def _weighted(picture: str) -> Weighted:
    """Read ``PICTURE^WEIGHT``; a file whose name ends like that is the file."""
    name, found, weight = picture.rpartition("^")
    if not found:
        return picture
    from milvise.queries.pictures.given import is_file

    if is_file(picture):
        return PictureFile(picture)
    try:
        return name, float(weight)
    except ValueError:
        return picture


def _read(asked: T, words: str, fix: bool, request: dict[str, Any]) -> T:
    """Say what words are taken for, before they are searched for, and note it in the request."""
    if words.strip():
        reading = asked.read(words, fix=fix)
        for remark in reading.remarks:
            state.output.note(remark)
        request |= {"read_as": reading.expression, "remarks": list(reading.remarks)}
    return asked


def _search(
    request: dict[str, Any], search: Callable[[Database], Sequence[Hit | WordHit]], results: Results | None = None
) -> None:
    started = time.perf_counter()
    with state.connect() as db:
        connected = time.perf_counter()
        hits = search(db)
        found = time.perf_counter()
        took = {"connect": connected - started, "search": found - connected, "total": found - started}
        pictures = [hit for hit in hits if isinstance(hit, Hit)]
        if results is None or not results.print_instead(lambda: db.gallery(request["gallery"]), pictures):
            state.output.hits(request, {name: round(1000 * value, 2) for name, value in took.items()}, hits)
        if results is not None:
            results.act(lambda: db.gallery(request["gallery"]), request, [(asked(request), pictures)])
