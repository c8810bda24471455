"""Pictures that are not stored: from a file, bytes, a Pillow image or an array to the vectors of a gallery."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from milvise.adapter import Manifest
from milvise.embeddings.pictures import Picture, decode, decode_image
from milvise.errors import FingerprintError, ImageError, InputError

if TYPE_CHECKING:
    from milvise.embeddings.backbones import Backbone
    from milvise.embeddings.trained_head import TrainedHead

Array = np.ndarray[Any, np.dtype[np.float32]]
PictureLike = str | Path | bytes | Image.Image | np.ndarray[Any, Any]


def visual_vector(picture: PictureLike, manifest: Manifest) -> Array:
    """Return the visual vector, shape (dim,), of a picture, made as the gallery's were.

    Parameters
    ----------
    picture : path, bytes, PIL image, or ndarray of shape (height, width, 3) or (height, width), uint8
        The picture.
    manifest : Manifest
        Of the gallery's visual collection.

    Raises
    ------
    MissingExtraError
        If Keras is not installed on this machine.
    FingerprintError
        If the backbone on this machine is not the one that made the gallery.
    ImageError, InputError
        If the picture cannot be read.
    """
    backbone = stored_backbone(manifest)
    pixels = _pixels(picture, size=backbone.size, rule=backbone.rule).pixels
    return np.asarray(backbone.embed(pixels[np.newaxis], batch_size=1)[0], dtype=np.float32)


def stored_backbone(manifest: Manifest) -> Backbone:
    """Return the backbone that made a visual collection.

    Raises
    ------
    MissingExtraError
        If Keras is not installed on this machine.
    FingerprintError
        If the backbone on this machine is another one.
    """
    backbone = _backbone(manifest.recipe.get("backbone", ""), manifest.recipe.get("weights"))
    if dict(backbone.fingerprint) != dict(manifest.fingerprint):
        raise FingerprintError(
            "the picture would be embedded with another model than the gallery, and their vectors cannot be compared."
            f"\nExpected: {dict(manifest.fingerprint)}\nReceived: {backbone.fingerprint}"
        )
    return backbone


def stored_head(manifest: Manifest) -> TrainedHead:
    """Return the trained head that made a joint collection.

    Raises
    ------
    MissingExtraError
        If Keras is not installed on this machine.
    ModelError
        If the head's file is not on this machine.
    FingerprintError
        If the head in the file is another one.
    """
    path = Path(manifest.recipe.get("head", ""))
    head = _head(path, path.stat().st_mtime_ns if path.is_file() else 0)
    expected = dict(manifest.fingerprint["head"])
    if head.fingerprint != expected:
        raise FingerprintError(
            f"the head in {head.path} is not the one that the gallery was projected with.\nExpected: {expected}\n"
            f"Received: {head.fingerprint}"
        )
    return head


@lru_cache(maxsize=2)
def _head(path: Path, _changed: int) -> TrainedHead:
    from milvise.embeddings.trained_head import load_head

    return load_head(path)


@lru_cache(maxsize=2)
def _backbone(spec: str, weights: str | None) -> Backbone:
    from milvise.embeddings.backbones import load_backbone

    return load_backbone(spec, weights=Path(weights) if weights else None)


def _pixels(picture: PictureLike, *, size: int, rule: Any) -> Picture:
    if isinstance(picture, (str, Path)):
        picture = _read(Path(picture))
    if isinstance(picture, bytes):
        return decode(picture, size=size, rule=rule)
    if isinstance(picture, np.ndarray):
        picture = _from_array(picture)
    return decode_image(picture, size=size, rule=rule)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the picture {path}: {error.strerror}") from error


def _from_array(array: np.ndarray[Any, Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(
            "an array must hold pixels in [0, 255].\nExpected: uint8 of shape (height, width), (height, width, 3) or"
            f" (height, width, 4)\nReceived: {array.dtype} of shape {array.shape}"
        )
    return Image.fromarray(array)
