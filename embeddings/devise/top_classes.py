"""What a network saw in a picture, in 160 characters: its likeliest classes with their probabilities.

A search orders its candidates by the probabilities of a word's classes. Those of the 30 likeliest classes order them as well as
those of all 1,000, and are read with a search at no cost, where vectors double what it takes.

The text is base64 of 30 pairs of little-endian uint16: the place of the class in the classifier's order, and ``round(65535 * probability)``.
A classifier of fewer classes leaves pairs of (65535, 0).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from milvise.core.arrays import Floats

KEPT = 30
"""So many classes are kept; a multiple of three, so that texts can be laid end to end."""

LENGTH = KEPT * 4 * 4 // 3
"""Characters of a text."""

NO_CLASS = 65_535
"""The place that stands for none."""

_MOST = 65_535

Pairs = np.ndarray[Any, np.dtype[np.uint16]]


def class_probabilities(visual: Floats, weights: Floats, bias: Floats) -> Floats:
    """Return the probability of each class, shape (..., classes), float32, for visual vectors (..., width) as the backbone gave them.

    Parameters
    ----------
    weights : ndarray of shape (classes, width)
    bias : ndarray of shape (classes,)
        The backbone's classifier.
    """
    logits = visual @ weights.T + bias
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True), dtype=np.float32)


def encode(probabilities: Floats) -> list[str]:
    """Return the texts of pictures whose class probabilities, shape (n, classes), are given; classes may be 65,535 at most."""
    count = probabilities.shape[1]
    kept = min(KEPT, count)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :kept]
    pairs = np.zeros((len(probabilities), KEPT, 2), dtype="<u2")
    pairs[:, :, 0] = NO_CLASS
    pairs[:, :kept, 0] = best
    pairs[:, :kept, 1] = np.rint(_MOST * np.take_along_axis(probabilities, best, axis=1))
    return [base64.b64encode(each.tobytes()).decode("ascii") for each in pairs]


def decode(texts: Sequence[str], classes: int) -> Floats:
    """Return the probabilities, shape (n, classes), float32, that texts hold; those of classes that were not kept are 0.

    Raises
    ------
    ValueError
        If a text is none that `encode` made.
    """
    return dense(class_pairs(texts), classes)


def class_pairs(texts: Sequence[str]) -> Pairs:
    """Return the pairs, shape (n, KEPT, 2), that texts hold: the place of a class, or `NO_CLASS`, and 65,535 times its probability.

    Raises
    ------
    ValueError
        If a text is none that `encode` made.
    """
    read = np.frombuffer(base64.b64decode("".join(texts), validate=True), dtype="<u2")
    return read.reshape(len(texts), KEPT, 2).astype(np.uint16, copy=False)


def probabilities_in(pairs: Pairs) -> Floats:
    """Return the probabilities, shape (n, KEPT), that pairs hold."""
    return np.asarray(pairs[:, :, 1] / np.float32(_MOST), dtype=np.float32)


def dense(pairs: Pairs, classes: int) -> Floats:
    """Return the probabilities of all classes, shape (n, classes), float32; those of classes that were not kept are 0."""
    # One column more takes what stands for no class.
    found = np.zeros((len(pairs), classes + 1), dtype=np.float32)
    places = np.minimum(pairs[:, :, 0], classes).astype(np.intp)
    np.put_along_axis(found, places, probabilities_in(pairs), axis=1)
    return found[:, :classes]
