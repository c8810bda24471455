"""The pictures that a request names: stored ones, by id or URI, and others, whose vectors are computed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.records import record_id
from milvise.embeddings.picture_files import hash_file
from milvise.errors import NotFoundError, UsageError
from milvise.queries.encoder import PictureLike, visual_vector
from milvise.queries.opened import Opened

_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Named:
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
    vectors: dict[str, Floats]
    key: str | None = None
    sha256: str | None = None


def is_stored(picture: PictureLike) -> bool:
    """Return whether a picture is named, and not one that has to be read."""
    if not isinstance(picture, str):
        return False
    try:
        return not Path(picture).is_file()
    except (OSError, ValueError):  # such as a name that is too long for any file
        return True


def require_several(**given: object) -> None:
    """Check that what should be a list is no text, which would be taken letter by letter.

    Raises
    ------
    UsageError
        If it is.
    """
    for name, value in given.items():
        if isinstance(value, (str, bytes, Path)):
            raise UsageError(f"{name} must be a list.\nExpected: [{value!r}]\nReceived: {value!r}")


def find_pictures(now: Opened, pictures: Sequence[PictureLike], spaces: Sequence[str]) -> list[Named]:
    """Return the pictures with their vectors in some spaces: one call to Milvus for each space where any is stored.

    Raises
    ------
    NotFoundError
        If a text is neither a file nor the id or URI of a stored picture.
    MissingExtraError, FingerprintError, ImageError, InputError
        As `milvise.queries.encoder.visual_vector`, for pictures that are not stored.
    """
    stored = _stored(now, [str(picture) for picture in pictures if is_stored(picture)], spaces)
    return [stored[str(picture)] if is_stored(picture) else _computed(now, picture, spaces) for picture in pictures]


def find_rows(now: Opened, names: Sequence[str], space: str, fields: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return a row for each id or URI, by that name, from one space: one call to Milvus for each 500 names.

    Raises
    ------
    NotFoundError
        If one of them is not stored.
    """
    # Looked up by primary key, because Milvus reads no literal that holds a control character, which a URI may.
    keys = {name: [*([name] if _ID.fullmatch(name) else []), record_id(name)] for name in names}
    found = now.space(space).get([key for several in keys.values() for key in several], fields=fields)
    missing = [name for name, several in keys.items() if not found.keys() & set(several)]
    if missing:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise NotFoundError(
            f"{missing[0]!r}{others} is neither a file on this machine nor the id or URI of a picture in the gallery"
            f" {now.name!r}."
        )
    return {name: next(found[key] for key in several if key in found) for name, several in keys.items()}


def _stored(now: Opened, names: Sequence[str], spaces: Sequence[str]) -> dict[str, Named]:
    made: dict[str, Named] = {}
    for space in spaces:
        for name, row in find_rows(now, list(dict.fromkeys(names)), space, ["uri", "vector"]).items() if names else ():
            vector = np.asarray(row["vector"], dtype=np.float32)
            known = made.get(name) or Named(row["uri"], {}, key=row["id"])
            made[name] = replace(known, vectors={**known.vectors, space: vector})
    return made


def _computed(now: Opened, picture: PictureLike, spaces: Sequence[str]) -> Named:
    visual = visual_vector(picture, now.visual.manifest)
    vectors = {"visual": visual}
    if "joint" in spaces:
        vectors["joint"] = np.asarray(now.head(visual[np.newaxis])[0], dtype=np.float32)
    name = str(picture) if isinstance(picture, (str, Path)) else "the picture"
    return Named(name, vectors, sha256=_hash(picture))


def _hash(picture: PictureLike) -> str | None:
    if isinstance(picture, (str, Path)):
        return hash_file(picture)
    return hashlib.sha256(picture).hexdigest() if isinstance(picture, bytes) else None
