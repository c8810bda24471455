"""The numbers of word vectors: checked before anything is computed of all of them, then made ready for use.

All is done in pieces, in float64, so that no copy of the whole is made but the one that is returned.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from milvise.core.arrays import Doubles, Floats, Numbers
from milvise.embeddings.words.skipped import Skipped, shown
from milvise.errors import InputError

OUTLIER = 1_000
"""Vectors of words differ in length by a factor of ten or so; one that is so many times the median is a damaged one."""

MOST_WIDTH_OF_COMPONENTS = 4_096
"""Finding the components takes the square of the width in memory, and the cube of it in time."""

_NUMBERS = 2**21


def pieces(vectors: Numbers) -> Iterator[slice]:
    """Yield slices of rows that take 16 MiB each in float64."""
    rows = max(1, _NUMBERS // max(1, vectors.shape[1]))
    for start in range(0, len(vectors), rows):
        yield slice(start, min(start + rows, len(vectors)))


def as_float32(vectors: Numbers) -> Floats:
    """Return vectors in float32: they themselves where they are; what is too large for it becomes infinite."""
    if vectors.dtype == np.float32 and vectors.flags.c_contiguous:
        return vectors
    converted = np.empty(vectors.shape, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in pieces(vectors):
            converted[rows] = vectors[rows]
    return converted


def sound(words: list[str], vectors: Floats, skipped: Skipped) -> tuple[list[str], Floats]:
    """Leave out words whose vectors are not finite, are zero, or are absurdly long; they are counted as malformed."""
    lengths = np.empty(len(vectors))
    for rows in pieces(vectors):
        block = vectors[rows].astype(np.float64)
        lengths[rows] = np.sqrt(np.einsum("ij,ij->i", block, block))
    usable = np.isfinite(lengths) & (lengths > 0)
    if usable.any():
        usable &= ~(lengths > OUTLIER * np.median(lengths[usable]))
    if usable.all():
        return words, vectors
    for index in np.flatnonzero(~usable):
        length = lengths[index]
        problem = "zero" if length == 0 else f"of length {length:.3g}" if np.isfinite(length) else "not finite"
        skipped.add("malformed", f"the vector of {shown(words[index])!r} is {problem}")
    return [words[index] for index in np.flatnonzero(usable)], vectors[usable]


def all_but_the_top(vectors: Floats, components: int, *, unit: bool = False) -> Floats:
    """Remove the mean and the first principal components, which all words share and which say little of meaning.

    Parameters
    ----------
    components : int
        How many; for none of them, the mean stays too.
    unit : bool
        Whether each vector is then scaled to length one; zero stays zero.

    Raises
    ------
    InputError
        If the vectors are too wide for it.

    References
    ----------
    Mu and Viswanath 2018, "All-but-the-Top: Simple and Effective Postprocessing for Word Representations", algorithm 1;
    they advise one component for each 100 dimensions.
    """
    if components and vectors.shape[1] > MOST_WIDTH_OF_COMPONENTS:
        raise InputError(
            f"from vectors wider than {MOST_WIDTH_OF_COMPONENTS} no components can be removed.\nReceived: vectors of width"
            f" {vectors.shape[1]}\nLoad them as they are: --remove-components 0"
        )
    mean, top = _mean_and_top(vectors, components) if components else (None, None)
    made = np.empty(vectors.shape, np.float32)
    for rows in pieces(vectors):
        block = vectors[rows].astype(np.float64)
        if mean is not None and top is not None:
            block -= mean
            block -= (block @ top) @ top.T
        if unit:
            length = np.sqrt(np.einsum("ij,ij->i", block, block))[:, None]
            block /= np.where(length > 0, length, 1.0)
        made[rows] = block
    return made


def _mean_and_top(vectors: Floats, components: int) -> tuple[Doubles, Doubles]:
    mean = sum(vectors[rows].sum(axis=0, dtype=np.float64) for rows in pieces(vectors)) / len(vectors)
    covariance = np.zeros((vectors.shape[1], vectors.shape[1]))
    for rows in pieces(vectors):
        block = vectors[rows] - mean
        covariance += block.T @ block
    _, directions = np.linalg.eigh(covariance)
    return mean, directions[:, ::-1][:, :components]
