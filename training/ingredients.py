"""What stands in Milvus for training a head, and the untrained head made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.adapter import Collection, Store
from milvise.core.arrays import Floats, unit
from milvise.embeddings.devise.classes import stored_classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.heads import linear_head, mlp_head, residual_head
from milvise.errors import ModelError, NotFoundError
from milvise.gallery.heads import conse_head
from milvise.gallery.read_hierarchy import read_hierarchy
from milvise.gallery.words_and_classes import classes_behind, visual_and_words
from milvise.queries.plan.class_mixture import ClassMixture
from milvise.queries.plan.load_mixture import load_mixture
from milvise.training.examples import TRAIN, Examples

_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What stands in Milvus for training a head: a gallery, the words, and where there are classes the untrained head and what words are among them."""

    visual: Collection
    words: Collection
    conse: ConseHead | None
    mixture: ClassMixture | None = None


def find_ingredients(store: Store, gallery: str, *, need_classes: bool) -> Ingredients:
    """Return what stands in Milvus for training a head for a gallery.

    Raises
    ------
    NotFoundError
        If the gallery, the words, or classes that are needed are not there.
    ModelError
        If the words know none of the classes that are needed.
    """
    store = store.patient()
    visual, words = visual_and_words(store, gallery)
    classes = classes_behind(store, visual)
    if classes is None:
        if need_classes:
            raise NotFoundError(
                f"the residual head corrects what the classes of a backbone say, and none are loaded for the"
                f" {visual.manifest.fingerprint['backbone']} of the gallery {gallery!r}. Train another: --head linear or --head mlp"
            )
        return Ingredients(visual, words, None)
    known = stored_classes(classes.query('name != ""', fields=["name", "index", "bias", "vector"]))
    try:
        mixture = load_mixture(classes, words, read_hierarchy(store, classes))
        return Ingredients(visual, words, conse_head(known, words), mixture)
    except ModelError:  # the words know none of the classes
        if need_classes:
            raise
        return Ingredients(visual, words, None)


def build(
    kind: str, ingredients: Ingredients, examples: Examples, *, penalty: float, mean: Floats | None = None
) -> Any:
    """Return an untrained head.

    Parameters
    ----------
    penalty : float
        Of ``residual``: one for all pictures together.
    mean : ndarray of shape (visual width,), float32, optional
        Of ``residual``: what the labels' vectors are told apart from; by default the mean of the labels' mean vectors.
    """
    visual_dim, dim = ingredients.visual.manifest.dim, ingredients.words.manifest.dim
    if kind == "residual":
        assert ingredients.conse is not None
        mean, label_means = _label_means(examples, mean)
        return residual_head(ingredients.conse, mean, label_means, penalty=penalty / len(examples.places(TRAIN)))
    return {"linear": linear_head, "mlp": mlp_head}[kind](visual_dim, dim)


def _label_means(examples: Examples, mean: Floats | None) -> tuple[Floats, Floats]:
    """Return a mean, by default of the trained labels' mean vectors, and each label's direction from it, of unit length."""
    places = examples.places(TRAIN)
    sums = np.zeros((len(examples.names), examples.vectors.shape[1]), np.float64)
    for start in range(0, len(places), _ROWS):
        rows = places[start : start + _ROWS]
        np.add.at(sums, examples.labels[rows], examples.vectors[rows])
    counts = np.bincount(examples.labels[places], minlength=len(sums))
    means = sums[counts > 0] / counts[counts > 0, np.newaxis]
    mean = means.mean(axis=0) if mean is None else mean
    return mean.astype(np.float32), unit(means - mean)
