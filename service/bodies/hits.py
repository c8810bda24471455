"""What answers hold: the documents of ``--json``, with links to the pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from milvise.core.records import Hit, Picture, WordHit

VERSION = 16
"""Digits of a file's hash in the links to a picture."""


class Links(BaseModel):
    """Where a picture can be seen, relative to the service."""

    thumbnail: str
    original: str | None = Field(description="None where originals are not given out.")


class PlainHit(BaseModel):
    """One picture that was found."""

    id: str
    uri: str
    label: str
    similarity: float = Field(description="Larger is closer.")
    distance: float = Field(description="sqrt(2 - 2 * similarity)")
    meta: dict[str, Any]
    confidence: float | None = Field(None, description="Probability that the picture shows what the words say.")
    reasons: list[str] = Field([], description="meaning, label, file name, folder, or meta. and a column.")
    width: int = Field(0, description="Of the picture in pixels, 0 where nobody knows.")
    height: int = Field(0, description="Of the picture in pixels, 0 where nobody knows.")
    links: Links


class HitBody(PlainHit):
    """One picture that was found, with its place in the answer."""

    rank: int


class PictureBody(BaseModel):
    """One stored picture."""

    id: str
    uri: str
    label: str
    width: int = Field(description="In pixels.")
    height: int = Field(description="In pixels.")
    sha256: str = Field(description="Of the bytes of its file, in hexadecimal.")
    meta: dict[str, Any]
    links: Links


class PictureList(BaseModel):
    """A page of a gallery."""

    pictures: list[PictureBody]
    more: bool = Field(description="Whether there is a page after this one.")


class Found(BaseModel):
    """The answer to a search."""

    request: dict[str, Any] = Field(description="What was asked for, and for words what they were taken for.")
    took_ms: dict[str, float]
    hits: list[HitBody]
    more: bool = Field(description="Whether there may be more: ask again with a larger offset.")


class WordBody(BaseModel):
    """One word that was found."""

    rank: int
    word: str
    similarity: float
    distance: float
    probability: float | None = None


class FoundWords(BaseModel):
    """The answer to a search among words, or the tags of a picture."""

    request: dict[str, Any]
    took_ms: dict[str, float]
    hits: list[WordBody]


def found(
    request: Mapping[str, Any],
    started: float,
    hits: Sequence[Hit],
    *,
    originals: bool,
    first: int = 1,
    more: bool = False,
) -> Found:
    """Return the answer to a search in the gallery that the request names."""
    gallery = str(request["gallery"])
    bodies = [hit_body(gallery, rank, hit, originals=originals) for rank, hit in enumerate(hits, start=first)]
    return Found.model_construct(request=dict(request), took_ms=took(started), hits=bodies, more=more)


def hit_body(gallery: str, rank: int, hit: Hit, *, originals: bool) -> HitBody:
    """Return one picture that was found."""
    # What is made of a hit is as described; to check it would take longer than to write it.
    return HitBody.model_construct(
        rank=rank, **_plain(hit), links=links(gallery, hit.id, originals=originals, sha256=hit.sha256)
    )


def found_words(request: Mapping[str, Any], started: float, hits: Sequence[WordHit]) -> FoundWords:
    """Return the answer to a search among words."""
    return FoundWords(request=dict(request), took_ms=took(started), hits=word_bodies(hits))


def word_bodies(hits: Sequence[WordHit]) -> list[WordBody]:
    """Return words that were found, closest first."""
    return [WordBody(rank=rank, **asdict(hit)) for rank, hit in enumerate(hits, start=1)]


def picture_list(gallery: str, pictures: Sequence[Picture], *, more: bool, originals: bool) -> PictureList:
    """Return a page of a gallery."""
    bodies = [picture_body(gallery, one, originals=originals) for one in pictures]
    return PictureList(pictures=bodies, more=more)


def links(gallery: str, key: str, *, originals: bool, sha256: str | None = None) -> Links:
    """Return where a picture can be seen.

    Parameters
    ----------
    sha256 : str, optional
        Of its file. With it the links name this content, and what they lead to may be kept for ever.
    """
    at = f"/api/v1/galleries/{quote(gallery, safe='')}/pictures/{quote(key, safe='')}"
    version = f"?v={quote(sha256[:VERSION], safe='')}" if sha256 else ""
    return Links(thumbnail=f"{at}/thumbnail{version}", original=f"{at}/original{version}" if originals else None)


def picture_body(gallery: str, picture: Picture, *, originals: bool) -> PictureBody:
    """Return a stored picture with its links."""
    return PictureBody(
        id=picture.id, uri=picture.uri, label=picture.label, width=picture.width, height=picture.height,
        sha256=picture.sha256, meta=dict(picture.meta),
        links=links(gallery, picture.id, originals=originals, sha256=picture.sha256),
    )  # fmt: skip


def took(started: float) -> dict[str, float]:
    """Return the milliseconds since a time of `time.perf_counter`."""
    return {"total": round(1000 * (time.perf_counter() - started), 2)}


def _plain(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id, "uri": hit.uri, "label": hit.label, "similarity": hit.similarity, "distance": hit.distance,
        "meta": dict(hit.meta), "confidence": hit.confidence, "reasons": list(hit.reasons), "width": hit.width,
        "height": hit.height,
    }  # fmt: skip
