"""Encoders by name, found among the entry points of all installed packages in the group ``milvise.encoders``.

An entry point names a function that makes the encoder::

    [project.entry-points."milvise.encoders"]
    tiny_colours = "tiny_colours:make"

Its package is imported only when a request or a gallery asks for this name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from milvise.core.config import DEFAULT_ENCODER
from milvise.core.spaces import VISUAL
from milvise.embeddings.encoder import EncoderInfo, ImageEncoder
from milvise.embeddings.model_files.check import short
from milvise.errors import MilviseError, MissingEncoderError, ModelError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "milvise.encoders"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DEVISE_MAKER = "milvise.embeddings.devise.encoder:make"


class Maker(Protocol):
    """What an entry point names."""

    def __call__(self, recipe: Mapping[str, Any], *, engine: str) -> ImageEncoder:
        """Return the encoder.

        Parameters
        ----------
        recipe : mapping
            What a gallery's manifest says of how to make it: ``encoder``, its name, and for DeViSE ``backbone`` and ``weights``.
        engine : str
            What is to run it: ``auto``, or a name that the encoder knows.
        """


def encoder_names() -> list[str]:
    """Return the names of the encoders that are installed, sorted; none of them is loaded."""
    return sorted({DEFAULT_ENCODER, *(point.name for point in _points())})


def load_encoder(recipe: Mapping[str, Any], *, engine: str = "auto") -> ImageEncoder:
    """Return the encoder that a recipe describes.

    Parameters
    ----------
    recipe, engine
        As `Maker`. Without ``encoder`` it is DeViSE.

    Raises
    ------
    UsageError
        If no encoder can have this name, or two packages have one of it.
    MissingEncoderError
        If no installed package has one of this name, or its package cannot be imported.
    ModelError
        If it cannot be made, or what was made is no encoder.
    """
    name = str(recipe.get("encoder", DEFAULT_ENCODER))
    maker = _maker(name)
    try:
        encoder: ImageEncoder = maker(recipe, engine=engine)
    except MilviseError:
        raise
    except Exception as error:  # code of another package raises anything
        raise ModelError(f"the encoder {name!r} cannot be made: {type(error).__name__}: {short(error)}") from error
    _require_encoder(name, encoder)
    return encoder


def _maker(name: str) -> Maker:
    if not _NAME.fullmatch(name):
        raise UsageError(
            "the name of an encoder starts with a small letter and goes on with small letters, digits and underscores, 64 at"
            f" most.\nReceived: {name!r}"
        )
    # One package may be found twice, in two folders of Python's path.
    found = {point.value: point for point in _points(name)}
    if len(found) > 1:
        raise UsageError(
            f"several packages have an encoder {name!r}: {', '.join(sorted(found))}.\nExpected: one\nRemove the others."
        )
    # The metadata of an installation may be older than the code, and lack the entry points.
    point = next(iter(found.values()), _own() if name == DEFAULT_ENCODER else None)
    if point is None:
        raise MissingEncoderError(name, encoder_names())
    try:
        maker: Maker = point.load()
    except (ImportError, AttributeError) as error:
        raise MissingEncoderError(name, encoder_names(), entry_point=point.value, reason=short(error)) from error
    return maker


def _points(name: str | None = None) -> list[EntryPoint]:
    # Only here: a search in a gallery of DeViSE asks for no encoder.
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP) if name is None else entry_points(group=GROUP, name=name))


def _own() -> EntryPoint:
    from importlib.metadata import EntryPoint

    return EntryPoint(DEFAULT_ENCODER, _DEVISE_MAKER, GROUP)


def _require_encoder(name: str, encoder: Any) -> None:
    """Check what can be checked before a picture is encoded.

    Raises
    ------
    ModelError
        If the maker returned something that is no encoder.
    """
    info = getattr(encoder, "info", None)
    if not isinstance(info, EncoderInfo) or info.name != name:
        received = type(encoder).__name__ if info is None else repr(info)
        raise ModelError(
            f"the entry point {name!r} makes no encoder of this name.\nExpected: an object with the attribute info, whose name is"
            f" {name!r}\nReceived: {received}"
        )
    if VISUAL not in info.spaces:
        raise ModelError(
            f"the encoder {name!r} has no space {VISUAL!r}.\nExpected: spaces such as {{'visual': 512}}\nReceived:"
            f" {dict(info.spaces)}"
        )
