"""What Python callers may give for a picture, and the one place where a plain text is taken for a file or a stored picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np

from milvise.core.picture_types import PictureBytes, PictureFile, StoredPicture
from milvise.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

Unstored: TypeAlias = "PictureFile | PictureBytes | Image.Image | np.ndarray[Any, Any]"
"""A picture whose vector is computed on this machine."""

Given: TypeAlias = "StoredPicture | Unstored"
"""A picture that leaves nothing to guess."""

PictureLike: TypeAlias = "Given | str | Path | bytes"
"""A picture as callers may give it."""


def given(picture: PictureLike) -> Given:
    """Return the picture that is meant; nothing is read, and only for a plain text the file system is asked.

    Parameters
    ----------
    picture : PictureLike
        A path and bytes become `PictureFile` and `PictureBytes`. A plain text becomes a `PictureFile` if a file is there, else a
        `StoredPicture`. All other pictures stay as they are.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    if isinstance(picture, str):
        return PictureFile(picture) if is_file(picture) else StoredPicture(picture)
    if isinstance(picture, Path):
        return PictureFile(picture)
    if isinstance(picture, bytes):
        return PictureBytes(picture)
    if isinstance(picture, (StoredPicture, PictureFile, PictureBytes, np.ndarray)) or _is_pil(picture):
        return picture
    raise UsageError(
        "this cannot be taken for a picture.\nExpected: StoredPicture(id or URI), PictureFile(path), PictureBytes(data), a text, a"
        f" pathlib.Path, bytes, a PIL image or an ndarray\nReceived: {type(picture).__name__}"
    )


def _is_pil(picture: object) -> TypeGuard[Image.Image]:
    """Return whether this is a PIL image: where Pillow was not imported, nothing is, and a search by words need not import it."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(picture, pillow.Image)


def is_file(path: str | Path) -> bool:
    """Return whether a regular file is there; what cannot be the name of a file is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # such as a name that is too long for any file
        return False
