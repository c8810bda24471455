"""What goes into Milvus and what comes out: plain, frozen values."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Row = dict[str, Any]
"""What stands in Milvus under one primary key: values by the names of their fields."""

Fingerprint = Mapping[str, Any]
"""What made vectors; two collections are comparable only where it agrees."""


def record_id(uri: str) -> str:
    """Return the primary key of the picture with this source-relative URI: 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def distance(similarity: float) -> float:
    """Return the angular distance ``sqrt(2 - 2 cos)`` of a cosine: 0 for the same direction, 2 for the opposite one.

    It is the Euclidean distance of the two unit vectors, as Annoy and the articles that use it print it.
    """
    return math.sqrt(max(0.0, 2.0 - 2.0 * similarity))


@dataclass(frozen=True, slots=True)
class Hit:
    """One picture that a search found.

    Attributes
    ----------
    id : str
        Primary key: a hash of `uri`.
    uri : str
        Where the picture lay when it was ingested, relative to its source.
    label : str
        The label it was ingested with, ``""`` if none.
    similarity : float
        Cosine in [-1, 1]; larger is closer.
    distance : float
        ``sqrt(2 - 2 * similarity)``, in [0, 2]; smaller is closer.
    meta : mapping
        The further columns of the manifest.
    confidence : float, optional
        Probability that the picture shows what the words say, see `milvise.queries.ranking.confidence`; None where it was not asked
        for, unless a ranked search knows it anyway.
    reasons : tuple of str
        How words found it: ``meaning``, or where its text holds them: ``label``, ``file name``, ``folder``, or ``meta.`` with
        the name of a column. Empty where the request was not one by words.
    width, height : int
        Of the picture in pixels, as it is shown; 0 where nobody knows.
    sha256 : str
        Of the bytes of its file, in hexadecimal; empty where nobody said.
    """

    id: str
    uri: str
    label: str
    similarity: float
    distance: float
    meta: Mapping[str, Any] = field(default_factory=dict)
    confidence: float | None = None
    reasons: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    sha256: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """One stored picture, whatever it was asked for by.

    Attributes
    ----------
    id, uri, label, meta
        As in `Hit`.
    width, height : int
        In pixels, as it is shown.
    sha256 : str
        Of the bytes of its file, in hexadecimal.
    """

    id: str
    uri: str
    label: str
    width: int
    height: int
    sha256: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner of pictures that fit a brief.

    Attributes
    ----------
    name : str
        The value of the metadata column.
    similarity : float
        Mean of the best so many cosines; an owner with fewer pictures is scored as if the others had none in common with
        the brief.
    evidence : tuple of Hit
        The pictures that it is the mean of, closest first.
    """

    name: str
    similarity: float
    evidence: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Pictures that are the same, or nearly.

    Attributes
    ----------
    exact : bool
        Whether their files are the same, byte for byte.
    similarity : float
        Least cosine of the pairs that tie them together; 1 where they are exact.
    pictures : tuple of (id, uri)
    """

    exact: bool
    similarity: float
    pictures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WordHit:
    """One word that a search found; `similarity` and `distance` as in `Hit`.

    Attributes
    ----------
    word : str
    similarity, distance : float
    probability : float, optional
        Of a tag that names what the network saw: that of the classes that are a kind of it. None for a word that is only close.
    """

    word: str
    similarity: float
    distance: float
    probability: float | None = None


def document_of(hit: Hit | WordHit) -> dict[str, Any]:
    """Return a hit as the documents of ``--json`` show it, which people's scripts read: without what only a page needs."""
    return {name: value for name, value in asdict(hit).items() if name not in ("width", "height", "sha256")}
