"""The training-free head: class probabilities times the word vectors of the class names.

References
----------
Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of Semantic Embeddings", equation 4, with T = all classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, unit
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.words.phrases import phrase_vector
from milvise.errors import ModelError


class ConseHead:
    """A function from visual to joint vectors.

    Attributes
    ----------
    unnamed : tuple of str
        Classes that have no part in it, because the vocabulary has no word of their names.
    weights : ndarray of shape (visual width, classes), float32
    bias : ndarray of shape (classes,), float32
        The classifier, without the unnamed classes.
    names : ndarray of shape (classes, words' width), float32
        Unit word vectors of the class names.
    dim : int
        Width of the joint vectors.
    """

    KIND = "conse"

    def __init__(self, classes: Classes, words: Mapping[str, Floats]) -> None:
        vectors = [phrase_vector(name, words) for name in classes.names]
        kept = [index for index, vector in enumerate(vectors) if vector is not None]
        if not kept:
            raise ModelError(
                f"none of the {len(classes.names)} class names is in the vocabulary, so that the conse head cannot be built."
                " Load words of the classes' language: milvise ingest words …"
            )
        self.unnamed = tuple(name for name, vector in zip(classes.names, vectors, strict=True) if vector is None)
        self.weights = classes.weights[kept].T
        self.bias = classes.bias[kept]
        self.names = np.stack([vector for vector in vectors if vector is not None])
        self.dim = int(self.names.shape[1])

    @property
    def recipe(self) -> dict[str, Any]:
        """How the head is made again, for the manifest of its vectors."""
        return {"head": self.KIND}

    def keras_model(self) -> Any:
        """Return the head as a Keras model."""
        from milvise.embeddings.devise.heads import conse_head

        return conse_head(self)

    def probabilities(self, visual: Floats) -> Floats:
        """Return class probabilities (n, classes) for visual vectors (n, visual width)."""
        logits = visual @ self.weights + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float32)

    def __call__(self, visual: Floats) -> Floats:
        """Return joint unit vectors (n, words' width) for visual vectors (n, visual width)."""
        return unit(self.probabilities(visual) @ self.names)
