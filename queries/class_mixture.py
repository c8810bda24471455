"""Words among visual vectors: a word is a mixture of the classes whose names it is close to.

The share of a class is ``softmax(cos(word, name) / TEMPERATURE)``, its vector the classifier's weights. Names and weights
count as they differ from the mean of all classes: what all classes have in common tells none from another.

References
----------
Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of Semantic Embeddings", turned round: there the classes of
a picture are mixed from word vectors, here the classes of a word are mixed from weights.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from milvise import config
from milvise.adapter import Collection
from milvise.embeddings.classes import stored_classes
from milvise.embeddings.conse import ConseHead
from milvise.embeddings.kept_files import read_arrays
from milvise.embeddings.phrases import lookups, unit

Array = np.ndarray[Any, np.dtype[np.float32]]

TEMPERATURE = 0.05
"""Up to 0.08 little changes; `benchmarks/answers.py` has the table."""


@dataclass(frozen=True)
class ClassMixture:
    """The classes whose names the words know.

    Attributes
    ----------
    labels : tuple of str
        Their names.
    names : ndarray of shape (classes, words' width), float32
        The names' unit vectors.
    weights : ndarray of shape (classes, visual width), float32
    bias : ndarray of shape (classes,), float32
        The classifier.
    """

    labels: tuple[str, ...]
    names: Array
    weights: Array
    bias: Array

    @property
    def tells_apart(self) -> bool:
        """Whether there are two classes or more: with one, every word would be the same."""
        return len(self.labels) > 1

    def shares(self, word: Array) -> Array:
        """Return the share of each class, shape (classes,), in a word's vector, shape (words' width,)."""
        cosines = self._names @ unit(word)
        odds = np.exp((cosines - cosines.max()) / TEMPERATURE)
        return np.asarray(odds / odds.sum(), dtype=np.float32)

    def visual(self, word: Array) -> Array:
        """Return the unit vector, shape (visual width,), to search visual vectors by for a word's vector."""
        return unit(self.shares(word) @ self._weights)

    @cached_property
    def _names(self) -> Array:
        return unit(self.names - self.names.mean(axis=0))

    @cached_property
    def _weights(self) -> Array:
        return np.asarray(self.weights - self.weights.mean(axis=0), dtype=np.float32)

    def focus(self, word: Array) -> Array:
        """Return the class weights, shape (visual width,), of a word that need not be a class."""
        return np.asarray(self.shares(word) @ self.weights, dtype=np.float32)

    def probabilities(self, visual: Array) -> Array:
        """Return the probability of each class, shape (classes,), for a visual vector as the backbone gave it."""
        logits = self.weights @ visual + self.bias
        odds = np.exp(logits - logits.max())
        return np.asarray(odds / odds.sum(), dtype=np.float32)


def load_mixture(classes: Collection, words: Collection) -> ClassMixture:
    """Read the classes and their names' vectors: once on each machine, because neither changes under its name.

    It takes one call to Milvus for the classes, and one for each thousand spellings of their names.

    Raises
    ------
    ModelError
        If the words know none of the names.
    """
    path = config.cache() / "classes" / f"{classes.name}-{words.name}.npz"
    kept = _kept(path, classes.manifest.dim, words.manifest.dim)
    if kept is None:
        kept = _fetched(classes, words)
        _keep(kept, path)
    return kept


def _fetched(classes: Collection, words: Collection) -> ClassMixture:
    found = stored_classes(classes.query('name != ""', fields=["name", "index", "bias", "vector"]))
    head = ConseHead(found, words.vectors([form for name in found.names for form in lookups(name)]))
    unnamed = set(head.unnamed)
    labels = tuple(name for name in found.names if name not in unnamed)
    return ClassMixture(labels, head.names, np.ascontiguousarray(head.weights.T), head.bias)


def _kept(path: Path, visual_dim: int, words_dim: int) -> ClassMixture | None:
    arrays = read_arrays(path, {"labels": ("U", 1), "names": ("f", 2), "weights": ("f", 2), "bias": ("f", 1)})
    if not arrays:
        return None
    count = len(arrays["labels"])
    shapes = {"names": (count, words_dim), "weights": (count, visual_dim), "bias": (count,)}
    if not count or any(arrays[name].shape != shape for name, shape in shapes.items()):
        return None
    return ClassMixture(tuple(arrays["labels"].tolist()), arrays["names"], arrays["weights"], arrays["bias"])


def _keep(mixture: ClassMixture, path: Path) -> None:
    """Write it for the next process; where the disk or the folder does not allow it, nothing is kept."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        config.cache_folder("classes")
        with part.open("wb") as file:
            np.savez(
                file,
                labels=np.asarray(mixture.labels),
                names=mixture.names,
                weights=mixture.weights,
                bias=mixture.bias,
            )
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
