"""What an encoder is: it turns pictures, and if it can, texts, into vectors of named spaces.

DeViSE (`milvise.embeddings.devise.encoder`) is one. Other packages add theirs by an entry point, see `milvise.embeddings.registry`
and ``docs/add-an-encoder.md``.

A class is an encoder when it has the attributes and methods below; it need not inherit from anything here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from milvise.core.arrays import Floats, Pixels, unit
from milvise.core.spaces import VISUAL
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.network import Network
from milvise.embeddings.model_files.check import short
from milvise.errors import MilviseError, ModelError

if TYPE_CHECKING:
    from milvise.embeddings.pictures.rgb import ResizeRule

T = TypeVar("T")

BATCH = 32


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """What the rest of milvise needs to know of an encoder before it encodes anything.

    Attributes
    ----------
    name : str
        What collections and messages call it: small letters, digits and underscores.
    fingerprint : mapping
        Plain values that differ whenever the vectors differ, such as a version and a hash of the weights. Vectors are compared only
        where they agree.
    spaces : mapping of str to int
        Width of the vectors of each space. ``visual`` is always there.
    size : int
        Side of the square pictures that it reads, in pixels.
    rule : {"crop", "squash"}
        How pictures are brought to that size.
    batch : int
        How many pictures at once keep it busy.
    engine : str
        What runs it, for reports.
    any_text : bool
        Whether `TextEncoder.encode_texts` takes every text. Otherwise searches take the texts of its vocabulary alone.
    """

    name: str
    fingerprint: Mapping[str, Any]
    spaces: Mapping[str, int]
    size: int
    rule: ResizeRule = "squash"
    batch: int = BATCH
    engine: str = "python"
    any_text: bool = False


class ImageEncoder(Protocol):
    """From pictures to vectors."""

    @property
    def info(self) -> EncoderInfo:
        """What it is."""

    def encode_images(self, pixels: Pixels) -> Mapping[str, Floats]:
        """Return for each space of `info.spaces` the vectors, float32 of shape (n, width), of pixels (n, size, size, 3).

        The vectors need not be of length one. One that is zero or not finite puts its picture into the quarantine.
        """

    def close(self) -> None:
        """Release threads and memory; it may be used again afterwards."""


@runtime_checkable
class TextEncoder(Protocol):
    """From texts to the space in which an encoder's pictures are."""

    @property
    def info(self) -> EncoderInfo:
        """What it is."""

    def vocabulary(self) -> Sequence[str]:
        """Return the texts that tags are chosen from, the most usual first: at least one, each once."""

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """Return the vectors, float32 of shape (n, width), of texts."""


@runtime_checkable
class HasClasses(Protocol):
    """An encoder with a classifier that reads its visual vectors; searches can be focused on its classes."""

    def classes(self) -> Classes:
        """Return the names of the classes, and their weights and biases."""


@runtime_checkable
class TakesHeads(Protocol):
    """An encoder whose joint vectors are made by a head, which is trained and replaced while its visual vectors stay: DeViSE."""

    @property
    def network(self) -> Network:
        """What gives the visual vectors."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an encoder can do beside encoding pictures; None for what it cannot."""

    texts: TextEncoder | None
    classes: HasClasses | None
    heads: TakesHeads | None


def abilities(encoder: ImageEncoder) -> Abilities:
    """Return what an encoder can do: the one place that asks which Protocols it follows."""
    heads: TakesHeads | None = None
    # Another encoder may call something else its network.
    if isinstance(encoder, TakesHeads) and isinstance(encoder.network, Network):
        heads = encoder
    return Abilities(
        encoder if isinstance(encoder, TextEncoder) else None,
        encoder if isinstance(encoder, HasClasses) else None,
        heads,
    )


def encode_images(encoder: ImageEncoder, pixels: Pixels) -> Mapping[str, Floats]:
    """Return what `ImageEncoder.encode_images` does, checked.

    Raises
    ------
    ModelError
        If the encoder fails, lacks a space, or returns vectors of another shape than it announced.
    """
    info = encoder.info
    found = _run(info, "encode pictures", lambda: dict(encoder.encode_images(pixels)))
    if missing := set(info.spaces) - found.keys():
        raise ModelError(f"the encoder {info.name!r} returned no vectors of the space {min(missing)!r}.")
    return {space: _checked(info, found[space], len(pixels), info.spaces[space]) for space in info.spaces}


def encode_texts(encoder: TextEncoder, texts: Sequence[str]) -> Floats:
    """Return unit vectors of texts, float32 of shape (n, width), checked as `encode_images` does."""
    info = encoder.info
    found = _run(info, "encode texts", lambda: encoder.encode_texts(texts))
    return unit(_checked(info, found, len(texts), info.spaces[VISUAL]))


def vocabulary_of(encoder: TextEncoder) -> list[str]:
    """Return the vocabulary of an encoder.

    Raises
    ------
    ModelError
        If the encoder fails, or its vocabulary is empty or holds a text twice.
    """
    info = encoder.info
    texts = _run(info, "list its vocabulary", lambda: [str(text) for text in encoder.vocabulary()])
    if not texts or len(set(texts)) != len(texts):
        raise ModelError(
            f"the vocabulary of the encoder {info.name!r} cannot be used.\nExpected: one text or more, each once\nReceived:"
            f" {len(texts)} texts, {len(set(texts))} of them different"
        )
    return texts


def classes_of(encoder: HasClasses, info: EncoderInfo) -> Classes:
    """Return the classes of an encoder.

    Raises
    ------
    ModelError
        If the encoder fails, or what it returned are no classes of its visual vectors.
    """
    found = _run(info, "list its classes", lambda: encoder.classes())
    names = len(set(found.names)) if isinstance(found, Classes) else 0
    expected = (names, info.spaces[VISUAL]), (names,)
    if not names or (np.shape(found.weights), np.shape(found.bias)) != expected or len(found.names) != names:
        raise ModelError(
            f"the classes of the encoder {info.name!r} cannot be used.\nExpected: different names, weights of shape (names,"
            f" {info.spaces[VISUAL]}) and a bias for each name\nReceived: {found!r:.200}"
        )
    return found


def _run(info: EncoderInfo, what: str, act: Callable[[], T]) -> T:
    try:
        return act()
    except MilviseError:
        raise
    except Exception as error:  # code of another package raises anything
        raise ModelError(
            f"the encoder {info.name!r} failed to {what}: {type(error).__name__}: {short(error)}"
        ) from error


def _checked(info: EncoderInfo, vectors: Any, rows: int, width: int) -> Floats:
    found = np.asarray(vectors, dtype=np.float32)
    if found.shape != (rows, width):
        raise ModelError(
            f"the encoder {info.name!r} returned vectors of another shape than it announced.\nExpected: ({rows}, {width})\nReceived:"
            f" {found.shape}"
        )
    return found
