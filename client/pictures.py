"""Pictures as a service takes them: stored ones by name, and the bytes of all others, which are read here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from milvise.core.picture_types import PictureBytes, PictureFile, StoredPicture
from milvise.errors import ImageError
from milvise.queries.pictures.encode import image_of, read_file
from milvise.queries.pictures.given import PictureLike, given
from milvise.queries.plan.build import Weighted

MEDIA_TYPE = "image/unknown"
"""Of the bytes of a picture file: a service looks at the content for the format."""

_LOSSLESS = ("1", "L", "LA", "P", "RGB", "RGBA")
"""The modes of Pillow that a PNG holds as they are."""


def sendable(picture: PictureLike) -> StoredPicture | PictureBytes:
    """Return a picture that can be sent: a file is read, pixels become a PNG.

    Raises
    ------
    ImageError
        If a file cannot be read, or an array holds no pixels.
    UsageError
        If it is no picture.
    """
    meant = given(picture)
    if isinstance(meant, (StoredPicture, PictureBytes)):
        return meant
    if isinstance(meant, PictureFile):
        return PictureBytes(read_file(meant.path))
    return PictureBytes(_png(image_of(meant) if isinstance(meant, np.ndarray) else meant))


def reference(picture: PictureLike) -> dict[str, Any]:
    """Return a picture as JSON names it: ``{"id": …}``, or ``{"data": …}`` with a file in base64."""
    sent = sendable(picture)
    if isinstance(sent, StoredPicture):
        return {"id": sent.id_or_uri}
    return {"data": base64.b64encode(sent.data).decode()}


def references(pictures: Sequence[Weighted]) -> list[dict[str, Any]]:
    """Return pictures with their weights as JSON names them."""
    pairs = [one if isinstance(one, tuple) else (one, 1.0) for one in pictures]
    return [{**reference(picture), "weight": weight} for picture, weight in pairs]


def _png(image: Image.Image) -> bytes:
    if 0 in image.size:
        raise ImageError(f"a picture of {image.width} x {image.height} pixels")
    upright = ImageOps.exif_transpose(image)
    written = io.BytesIO()
    (upright if upright.mode in _LOSSLESS else upright.convert("RGB")).save(written, "PNG")
    return written.getvalue()
