"""An encoder without a network for the reference gallery: uploads are decoded in earnest, and become vectors by their colours."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from PIL import Image
from reference_world import VISUAL_DIM, WORD_DIM, random

from milvise.adapter import Manifest
from milvise.embeddings.encoder import EncoderInfo

SIZE = 8
_PROJECTION, _HEAD = random(3 * SIZE * SIZE, VISUAL_DIM, 7), random(VISUAL_DIM, WORD_DIM, 8)


class SmallEncoder:
    info = EncoderInfo("small", {"small": 1}, {"visual": VISUAL_DIM}, size=SIZE)

    def encode_images(self, pixels: np.ndarray) -> Mapping[str, np.ndarray]:
        return {"visual": (pixels.reshape(len(pixels), -1) / 255 - 0.5).astype(np.float32) @ _PROJECTION}

    def close(self) -> None:
        pass


def small_encoder() -> Iterator[None]:
    """Have it encode what is uploaded, until this generator ends."""

    def stored(manifest: Manifest) -> SmallEncoder:
        return SmallEncoder()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("milvise.queries.pictures.encode.stored_encoder", stored)
        # The reference gallery has no head either.
        patch.setattr("milvise.queries.gallery_collections.head_of", lambda *_: lambda visual: visual @ _HEAD)
        yield


def picture_bytes(colour: str = "teal") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (12, 10), colour).save(written, "PNG")
    return written.getvalue()


PICTURE = picture_bytes()
BASE64 = base64.b64encode(PICTURE).decode()
