"""An encoder of colours: a picture is the shares of its colours, and a text is the name of a colour."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, Pixels
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.encoder import EncoderInfo

NAMES = {"red": "ff0000", "green": "00ff00", "blue": "0000ff", "yellow": "ffff00", "white": "ffffff", "black": "000000"}
LEVELS = 3
WIDTH = LEVELS**3


class Colours:
    """Pictures as histograms of 27 colours, and six names of colours."""

    info = EncoderInfo("tiny_colours", fingerprint={"version": 1}, spaces={"visual": WIDTH}, size=16)

    def encode_images(self, pixels: Pixels) -> dict[str, Floats]:
        """Return histograms (n, 27) of pixels (n, size, size, 3)."""
        bins = pixels.astype(np.int64) * LEVELS // 256 @ np.array([LEVELS**2, LEVELS, 1])
        counts = [np.bincount(picture.ravel(), minlength=WIDTH) for picture in bins]
        return {"visual": np.asarray(counts, dtype=np.float32)}

    def vocabulary(self) -> Sequence[str]:
        """Return the names of the colours."""
        return list(NAMES)

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """Return for each colour the histogram of a picture that shows nothing else."""
        pixels = [list(bytes.fromhex(NAMES[text])) for text in texts]
        return self.encode_images(np.asarray(pixels, dtype=np.uint8).reshape(-1, 1, 1, 3))["visual"]

    def close(self) -> None:
        """Nothing is held."""


def make(recipe: Mapping[str, Any], *, engine: str) -> Colours:
    """Return the encoder; the entry point ``tiny_colours``."""
    return Colours()


class Warmth(Colours):
    """The same with two classes, on which searches can be focused."""

    info = EncoderInfo("tiny_warmth", fingerprint={"version": 1}, spaces={"visual": WIDTH}, size=16)

    def classes(self) -> Classes:
        """Return ``warm``, which more red than blue speaks for, and ``cold``."""
        red, _, blue = np.indices((LEVELS,) * 3).reshape(3, -1)
        warm = np.maximum(red - blue, 0)
        cold = np.maximum(blue - red, 0)
        return Classes(("warm", "cold"), np.stack([warm, cold]).astype(np.float32), np.zeros(2, np.float32))


def make_with_classes(recipe: Mapping[str, Any], *, engine: str) -> Warmth:
    """Return the encoder; the entry point ``tiny_warmth``."""
    return Warmth()


class Codes(Colours):
    """The same for every text: it knows codes such as ``#ffcc00`` too."""

    info = EncoderInfo("tiny_codes", fingerprint={"version": 1}, spaces={"visual": WIDTH}, size=16, any_text=True)

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """Return histograms of colours; zeros for a text that means no colour."""
        vectors = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for place, text in enumerate(texts):
            code = NAMES.get(text, text.lstrip("#"))
            if re.fullmatch("[0-9a-f]{6}", code):
                pixel = np.array(list(bytes.fromhex(code)), dtype=np.uint8).reshape(1, 1, 1, 3)
                vectors[place] = self.encode_images(pixel)["visual"][0]
        return vectors


def make_for_any_text(recipe: Mapping[str, Any], *, engine: str) -> Codes:
    """Return the encoder; the entry point ``tiny_codes``."""
    return Codes()
