"""Small pictures for a page: each stands in it once, however often it is shown."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from milvise.embeddings.pictures.decode import decode_file
from milvise.errors import ImageError

MOST_THUMBNAILS = 2_000
"""A page has at most so many different pictures; further ones are named only."""

_SIDE = 96


class Thumbnails:
    """The pictures of a page, numbered as they are asked for.

    Parameters
    ----------
    roots : sequence of str
        Folders that the gallery was loaded from.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = [Path(root) for root in roots]
        self._numbers: dict[str, int | None] = {}
        self._data: list[str] = []
        self.missing = 0

    def number(self, uri: str) -> int | None:
        """Return the number of a picture, None where it is not on this machine, cannot be read, or there are too many."""
        if uri not in self._numbers:
            data = None if len(self._data) >= MOST_THUMBNAILS else self._encoded(uri)
            self._numbers[uri] = None if data is None else len(self._data)
            if data is None:
                self.missing += 1
            else:
                self._data.append(data)
        return self._numbers[uri]

    def styles(self) -> str:
        """Return a style rule for each picture, named ``.t`` and its number."""
        return "\n".join(
            f".t{number}{{background-image:url(data:image/jpeg;base64,{data})}}"
            for number, data in enumerate(self._data)
        )

    def _encoded(self, uri: str) -> str | None:
        path = locate(uri, self._roots)
        if path is None:
            return None
        try:
            small = Image.fromarray(decode_file(path, size=_SIDE, rule="crop")[0].pixels)
        except ImageError:
            return None
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=75)
        return base64.b64encode(buffer.getvalue()).decode()


def locate(uri: str, roots: Sequence[Path]) -> Path | None:
    """Return the file of a picture below one of the folders, None where there is none."""
    try:
        return next((path for root in roots if (path := root / uri).is_file()), None)
    except (OSError, ValueError):  # such as a name that is too long for this machine's files
        return None
