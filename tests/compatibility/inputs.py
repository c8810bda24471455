"""What the command lines read: words, pictures in the colours of their labels and a network for them, or real photos."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

LABELS = ("cat", "dog", "dining_table")
CLASSES = ("cat", "dog", "dining table", "xyzzy")
UNKNOWN_CLASSES = ("word0", "word1", "word2", "xyzzy")
"""None of which is a noun, so that they have no hierarchy."""

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NAMED = [
    "the",
    "cat",
    "dog",
    "table",
    "dining",
    "queen",
    "king",
    "man",
    "woman",
    "sofa",
    "animal",
    "pet",
    "night",
    "day",
    "nurse",
    "boss",
    "he",
    "his",
    "him",
    "lazy",
]
WORD_DIM, SIZE, EACH, MORE = 12, 12, 8, 2
TESTS = """
[queries]
occupations = ["nurse", "boss"]
traits = ["lazy"]

[tags]
unwanted = ["lazy"]

[[weat]]
name = "own"
x = ["cat", "dog", "sofa", "table"]
y = ["queen", "nurse", "boss", "lazy"]
a = ["man", "he", "his", "him"]
b = ["word0", "word1", "word2", "word3"]

[[image]]
name = "pictures"
a = { labels = ["cat"] }
b = { labels = ["dog"] }
"""


def make_small(folder: Path, classes: tuple[str, ...] = CLASSES) -> Path:
    """Write all that the commands of the small world read, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(_paint(folder, range(EACH)))
    _write_manifests(folder, rows, [*rows, *_paint(folder, range(EACH, EACH + MORE))])
    (folder / "words.txt").write_text("\n".join(_words()) + "\n")
    (folder / "classes.txt").write_text("\n".join(classes))
    _save_net(folder / "net.keras", len(classes))
    _write_texts(folder, child=("cat", "dog", "dining_table"))
    return folder


def make_photos(folder: Path) -> Path:
    """Do the same for real photos, which the packages foolbox and scikit-image carry."""
    paths = [
        path
        for package, pattern in (("foolbox", "cifar10_*.png"), ("foolbox", "imagenet_*.jpg"), ("skimage", "c[ho]*.png"))
        for path in sorted((Path(str(importlib.util.find_spec(package).origin)).parent / "data").glob(pattern))  # type: ignore[union-attr]
    ]
    rows = []
    for number, path in enumerate(paths):
        label = CIFAR10[int(path.stem[-1])] if path.name.startswith("cifar10") else "photo"
        uri = f"pictures/{label}/{path.name}"
        (folder / uri).parent.mkdir(parents=True, exist_ok=True)
        (folder / uri).write_bytes(path.read_bytes())
        rows.append(f"{uri},{label},{'ann' if number % 2 else 'bob'}")
    # The same file twice, for what finds duplicates.
    (folder / "pictures/photo/copy.png").write_bytes((folder / "pictures/photo/chelsea.png").read_bytes())
    first = rows[:3] + rows[6:] + ["pictures/photo/copy.png,photo,ann"]
    _write_manifests(folder, first, [*rows, first[-1]])
    _write_texts(folder, child=("cat", "dog", "ship"))
    return folder


def _write_manifests(folder: Path, first: list[str], more: list[str]) -> None:
    bad = "pictures/bad.png,cat,ann"
    (folder / "pictures" / "bad.png").write_bytes(b"bad")
    for name, rows in (("photos", first), ("more", more), ("bad", [*first[:2], bad])):
        (folder / f"{name}.csv").write_text("\n".join(["uri,label,owner", *rows]) + "\n")


def _write_texts(folder: Path, child: tuple[str, str, str]) -> None:
    """Write tag lists, a taxonomy, and what `evaluate bias` asks."""
    (folder / "tags.txt").write_text("sea, beach, sand\ncity, street, neon\n" * 60)
    edges = "".join(f"{name},{parent}\n" for name, parent in zip(child, ("pet", "pet", "thing"), strict=True))
    (folder / "taxonomy.csv").write_text(f"child,parent\n{edges}pet,thing\n")
    (folder / "tests.toml").write_text(TESTS)


def _words() -> Iterator[str]:
    words = [*NAMED, *(f"word{number}" for number in range(60))]
    vectors = np.random.default_rng(1).normal(size=(len(words), WORD_DIM))
    for word, vector in zip(words, vectors, strict=True):
        yield " ".join([word, *(f"{value:.5f}" for value in vector)])


def _paint(folder: Path, numbers: range) -> Iterator[str]:
    """Write pictures of each label, and yield the row that a manifest has for each."""
    for number in numbers:
        for channel, label in enumerate(LABELS):
            pixels = np.random.default_rng((number, channel)).integers(0, 140, (SIZE, SIZE, 3), dtype=np.uint8)
            pixels[..., channel] += 100
            uri = f"pictures/{label}/{number}.png"
            path = folder / uri
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            yield f"{uri},{label},{'ann' if number % 2 else 'bob'}"
    # The same file twice, for what finds duplicates.
    copy = f"pictures/cat/copy_{numbers[0]}.png"
    (folder / copy).write_bytes((folder / f"pictures/cat/{numbers[0]}.png").read_bytes())
    yield f"{copy},cat,ann"


def _save_net(path: Path, classes: int) -> None:
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 5, 2, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Dense(12, name="features")(keras.layers.Flatten()(x))
    keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x)).save(path)
