"""A small network, a few words, and pictures of noise: enough to test everything but quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from milvise.adapter import IndexSpec, Store
from milvise.embeddings.words.load import load_words
from milvise.ingest.words import ingest_words

CLASSES = ("cat", "dog", "dining table", "xyzzy")
VOCABULARY = "cat 1 0 0 0\ndog 0 1 0 0\ntable 0 0 1 0\ndining 0 0 1 1\nqueen 0 0 0 1\n"


def save_net(path: Path, seed: int) -> Path:
    import keras

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 5, 2, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Dense(12, name="features")(keras.layers.Flatten()(x))
    keras.Model(inputs, keras.layers.Dense(len(CLASSES), activation="softmax")(x)).save(path)
    return path


def put_words(store: Store, folder: Path, text: str = VOCABULARY) -> None:
    """Load words, also in place of better ones."""
    path = folder / "words.txt"
    path.write_text(text)
    words = load_words(str(path), components=0)
    ingest_words(store, words, source=str(path), index=IndexSpec("flat"), replace=True)


def paint(path: Path, seed: int, size: int = 24) -> Path:
    """Write a picture of noise that differs by its seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path
