"""Whether a Milvus has what requests need, and how large and how old its galleries are."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Literal

from milvise.adapter import Manifest
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.spaces import VISUAL
from milvise.embeddings.registry import encoder_names
from milvise.errors import MilviseError
from milvise.gallery.names import (
    WORDS_ALIAS,
    classes_alias,
    encoder_of,
    gallery_of,
    joint_alias,
    maker_of,
    vocabulary_alias,
)
from milvise.queries.database import Database

CheckName = Literal["milvus", "galleries", "words", "classes", "engine"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : CheckName
    ok : bool
    needed : bool
        Whether a service without it is not ready. Without another thing, some requests are refused and the others are answered.
    detail : str
        What there is, or what is missing; it names no gallery, address or path.
    """

    name: CheckName
    ok: bool
    needed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class GalleryState:
    """One gallery.

    Attributes
    ----------
    name : str
    pictures : int
    loaded_at : float, optional
        When pictures were last added, replaced or removed, in seconds since 1970; None where an earlier version loaded them.
    """

    name: str
    pictures: int
    loaded_at: float | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a look found.

    Attributes
    ----------
    checks : tuple of Check
    galleries : tuple of GalleryState
    """

    checks: tuple[Check, ...]
    galleries: tuple[GalleryState, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing that is needed."""
        return all(check.ok for check in self.checks if check.needed)


def readiness(db: Database) -> Readiness:
    """Return whether a Milvus has what requests need; that it does not answer is no error here.

    Calls to Milvus: the catalog, two for each collection that it records, and a count for each gallery.
    """
    try:
        live = {manifest.alias: manifest for manifest in db.store.manifests()}
        pictures = [one for one in live.values() if one.room == VISUAL and gallery_of(one.alias)]
        galleries = tuple(
            GalleryState(gallery_of(one.alias), db.store.open(one).count(settled=True), _time(one)) for one in pictures
        )
    except MilviseError as error:
        return no_answer(f"Milvus does not answer as it should: {error.code}.")
    checks = (
        Check("milvus", True, True, "Milvus answers."),
        _galleries(galleries),
        _words(pictures, live),
        _classes(pictures, live),
        _engine(pictures),
    )
    return Readiness(checks, galleries)


def no_answer(detail: str) -> Readiness:
    """Return what is known when Milvus did not answer."""
    return Readiness((Check("milvus", False, True, detail),))


def _time(visual: Manifest) -> float | None:
    return visual.loaded_at or None


def _galleries(galleries: tuple[GalleryState, ...]) -> Check:
    filled = sum(gallery.pictures > 0 for gallery in galleries)
    told = (
        f"{filled} galleries with pictures." if filled else "No gallery has pictures. Load some: milvise ingest images."
    )
    return Check("galleries", filled > 0, True, told)


def _words(pictures: list[Manifest], live: dict[str, Manifest]) -> Check:
    # A gallery that was loaded without a head is meant to be searched by picture alone.
    by_word = [one for one in pictures if encoder_of(one.fingerprint) != DEFAULT_ENCODER or _is_projected(one, live)]
    wanted = {vocabulary_alias(one.fingerprint) for one in by_word} or {WORDS_ALIAS}
    ok, needed = wanted <= live.keys(), bool(by_word) or not pictures
    if not ok:
        return Check("words", False, needed, "No words are loaded for the galleries. Load some: milvise ingest words.")
    return Check("words", True, needed, f"{len(by_word)} of {len(pictures)} galleries can be searched by word.")


def _is_projected(visual: Manifest, live: dict[str, Manifest]) -> bool:
    return joint_alias(gallery_of(visual.alias)) in live


def _classes(pictures: list[Manifest], live: dict[str, Manifest]) -> Check:
    without = sum(classes_alias(maker_of(one.fingerprint)) not in live for one in pictures)
    if not pictures or without:
        return Check("classes", False, False, f"{without} of {len(pictures)} galleries have no classes to focus on.")
    return Check("classes", True, False, "All galleries have classes to focus on.")


def _engine(pictures: list[Manifest]) -> Check:
    encoders = {encoder_of(one.fingerprint) for one in pictures} or {DEFAULT_ENCODER}
    missing = sum(not _runs_here(encoder) for encoder in encoders)
    told = "is not installed: pictures from outside are refused." if missing else "is installed."
    return Check("engine", not missing, False, f"What computes the vectors of pictures {told}")


def _runs_here(encoder: str) -> bool:
    """Return whether what an encoder needs is installed; nothing is loaded."""
    if encoder == DEFAULT_ENCODER:
        return any(importlib.util.find_spec(engine) is not None for engine in ("openvino", "keras"))
    return encoder in encoder_names()
