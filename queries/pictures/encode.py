"""Pictures that are not stored: from a file, bytes, a Pillow image or an array to the vectors of a gallery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from milvise.adapter import Manifest
from milvise.core.arrays import Floats
from milvise.core.picture_types import PictureBytes, PictureFile
from milvise.core.spaces import VISUAL
from milvise.embeddings.pictures.decode import Picture, decode, decode_file, decode_image
from milvise.embeddings.pictures.files import opened
from milvise.errors import ImageError
from milvise.gallery.models import stored_encoder
from milvise.queries.pictures.given import Unstored, is_file


def visual_vector(picture: Unstored | Path, manifest: Manifest) -> Floats:
    """Return the visual vector, shape (dim,), of a picture, made as the gallery's were.

    Parameters
    ----------
    picture : PictureFile, Path, PictureBytes, PIL image, or ndarray of shape (height, width, 3) or (height, width), uint8
        The picture.
    manifest : Manifest
        Of the gallery's visual collection.

    Raises
    ------
    MissingExtraError
        If no engine that can run the gallery's backbone is installed on this machine.
    MissingEncoderError
        If the package of the gallery's encoder is not installed on this machine.
    FingerprintError
        If the encoder on this machine is not the one that made the gallery.
    ImageError
        If the picture is no regular file, cannot be read, or is damaged or too large.
    """
    # Only here: a search for stored pictures encodes none.
    from milvise.embeddings.encoder import encode_images

    encoder = stored_encoder(manifest)
    pixels = _pixels(picture, size=encoder.info.size, rule=encoder.info.rule).pixels
    return np.asarray(encode_images(encoder, pixels[np.newaxis])[VISUAL][0], dtype=np.float32)


def _pixels(picture: Unstored | Path, *, size: int, rule: Any) -> Picture:
    if isinstance(picture, (PictureFile, Path)):
        path = picture.path if isinstance(picture, PictureFile) else picture
        with _named(path):
            return decode_file(path, size=size, rule=rule)[0]
    if isinstance(picture, PictureBytes):
        return decode(picture.data, size=size, rule=rule)
    if isinstance(picture, np.ndarray):
        picture = image_of(picture)
    return decode_image(picture, size=size, rule=rule)


def read_file(path: str | Path) -> bytes:
    """Return the bytes of a picture file, for who computes its vector elsewhere.

    Raises
    ------
    ImageError
        If it is no regular file, or cannot be read.
    """
    with _named(path), opened(path) as (file, _):
        return file.read()


def image_of(array: np.ndarray[Any, Any]) -> Image.Image:
    """Return the Pillow image of an array of pixels, shape (height, width), or (height, width, 3 or 4), uint8.

    Raises
    ------
    ImageError
        If the array holds none.
    """
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(
            "an array must hold pixels in [0, 255].\nExpected: uint8 of shape (height, width), (height, width, 3) or"
            f" (height, width, 4)\nReceived: {array.dtype} of shape {array.shape}"
        )
    if array.size == 0:
        raise ImageError(f"an array without pixels.\nReceived: shape {array.shape}")
    return Image.fromarray(array)


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Say of a file that is not there how a stored picture is named."""
    try:
        yield
    except ImageError as error:
        if is_file(path):
            raise
        raise ImageError(
            f"there is no picture file {str(path)!r}: {error}.\nExpected: the path of a regular file on this machine\nReceived:"
            f" {path!r}\nA picture of the gallery is named by StoredPicture(id or URI), or by a plain text."
        ) from error
