"""The pictures that a request names: stored ones, by id or URI, and others, whose vectors are computed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection as Container
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.picture_types import PictureBytes, PictureFile, StoredPicture
from milvise.core.records import record_id
from milvise.core.spaces import JOINT, VISUAL, Space
from milvise.core.stages import staged
from milvise.embeddings.pictures.files import hash_file
from milvise.errors import NotFoundError, UsageError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.given import PictureLike, Unstored, given

_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """A picture that a request names.

    Attributes
    ----------
    name : str
        What it is called in an explanation.
    vectors : dict of str to ndarray of shape (dim,)
        By space, as the backbone and the head gave them.
    key : str, optional
        The primary key of a stored one.
    sha256 : str, optional
        Of the file of one that is not.
    """

    name: str
    vectors: dict[Space, Floats]
    key: str | None = None
    sha256: str | None = None


def is_id(name: str) -> bool:
    """Return whether a name has the form of an id; a URI may have it too."""
    return _ID.fullmatch(name) is not None


def is_stored(picture: PictureLike) -> bool:
    """Return whether a picture is one of the gallery, and not one that has to be read."""
    return isinstance(given(picture), StoredPicture)


def require_several(**given: object) -> None:
    """Check that what should be a list is no single picture: a text would be taken letter by letter.

    Raises
    ------
    UsageError
        If it is.
    """
    for name, value in given.items():
        if isinstance(value, (str, bytes, Path, StoredPicture, PictureFile, PictureBytes)):
            raise UsageError(f"{name} must be a list.\nExpected: [{value!r}]\nReceived: {value!r}")


def find_pictures(now: OpenCollections, pictures: Sequence[PictureLike], spaces: Sequence[Space]) -> list[NamedPicture]:
    """Return the pictures with their vectors in some spaces: one call to Milvus for each space where any is stored.

    Raises
    ------
    NotFoundError
        If a plain text is neither a file nor the id or URI of a stored picture, or there is no such `StoredPicture`.
    UsageError
        If something is no picture.
    MissingExtraError, FingerprintError, ImageError, InputError
        As `milvise.queries.pictures.encode.visual_vector`, for pictures that are not stored.
    """
    meant = [given(picture) for picture in pictures]
    names = list(dict.fromkeys(picture.id_or_uri for picture in meant if isinstance(picture, StoredPicture)))
    plain = {picture for picture in pictures if isinstance(picture, str)}
    stored = _stored(now, names, spaces, plain)
    return [
        stored[picture.id_or_uri] if isinstance(picture, StoredPicture) else _computed(now, picture, spaces)
        for picture in meant
    ]


def find_rows(
    now: OpenCollections, names: Sequence[str], space: Space, fields: Sequence[str], *, plain: Container[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return a row for each id or URI, by that name, from one space: one call to Milvus for each 500 names.

    Parameters
    ----------
    plain : collection of str
        Names that could have been files too, which the error says.

    Raises
    ------
    NotFoundError
        If one of them is not stored.
    """
    # Looked up by primary key, because Milvus reads no literal that holds a control character, which a URI may.
    keys = {name: [*([name] if is_id(name) else []), record_id(name)] for name in names}
    found = now.space(space).get([key for several in keys.values() for key in several], fields=fields)
    missing = [name for name, several in keys.items() if not found.keys() & set(several)]
    if missing:
        raise _missing(now, missing, could_be_file=missing[0] in plain)
    return {name: next(found[key] for key in several if key in found) for name, several in keys.items()}


def _missing(now: OpenCollections, names: Sequence[str], *, could_be_file: bool) -> NotFoundError:
    first = repr(names[0]) + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")
    if could_be_file:
        return NotFoundError(
            f"{first} is neither a file on this machine nor the id or URI of a picture in the gallery {now.name!r}."
        )
    return NotFoundError(
        f"{first} is not a picture of the gallery {now.name!r}.\nExpected: the id or URI of a stored picture, such as a search"
        f" returns\nReceived: {names[0]!r}\nIt was looked up in Milvus alone. A file on this machine is given as PictureFile(path)."
    )


def _stored(
    now: OpenCollections, names: Sequence[str], spaces: Sequence[Space], plain: Container[str]
) -> dict[str, NamedPicture]:
    made: dict[str, NamedPicture] = {}
    for space in spaces if names else ():
        for name, row in find_rows(now, names, space, ["uri", "vector"], plain=plain).items():
            vector = np.asarray(row["vector"], dtype=np.float32)
            known = made.get(name) or NamedPicture(row["uri"], {}, key=row["id"])
            made[name] = replace(known, vectors={**known.vectors, space: vector})
    return made


@staged("inference")
def _computed(now: OpenCollections, picture: Unstored, spaces: Sequence[Space]) -> NamedPicture:
    # A search by words, or by a stored picture, needs neither Pillow nor a network.
    from milvise.queries.pictures.encode import visual_vector

    visual = visual_vector(picture, now.visual.manifest)
    vectors: dict[Space, Floats] = {VISUAL: visual}
    if JOINT in spaces:
        vectors[JOINT] = np.asarray(now.head(visual[np.newaxis])[0], dtype=np.float32)
    name = str(picture.path) if isinstance(picture, PictureFile) else "the picture"
    return NamedPicture(name, vectors, sha256=_hash(picture))


def _hash(picture: Unstored) -> str | None:
    if isinstance(picture, PictureFile):
        return hash_file(picture.path)
    return hashlib.sha256(picture.data).hexdigest() if isinstance(picture, PictureBytes) else None
