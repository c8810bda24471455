"""A visual vector in 256 characters, which keeps how alike pictures are.

What a picture looks like is needed of every candidate of a guessed word (`milvise.queries.ranking.score`). A random projection onto 192 axes keeps
cosines to some hundredths (the variance is at most 1/192), and a byte for each value is enough. Sketches are compared with sketches only.

The axes are signs, drawn by NumPy's `RandomState`, whose numbers never change: sketches made on any machine can be compared.

References
----------
Achlioptas 2003, "Database-friendly random projections: Johnson-Lindenstrauss with binary coins".
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from milvise.core.arrays import Doubles, Floats, unit

AXES = 192
"""A multiple of three, so that texts can be laid end to end."""

LENGTH = AXES * 4 // 3
"""Characters of a text."""

_SEED = 0
_MOST = 127

Values = np.ndarray[Any, np.dtype[np.int8]]


def sketch(visual: Floats) -> list[str]:
    """Return the texts of visual vectors, shape (n, width)."""
    # In double precision the sum of so many single ones does not depend on the order in which processors add them up.
    drawn = np.asarray(visual, dtype=np.float64) @ _axes(visual.shape[1])
    largest = np.abs(drawn).max(axis=1, keepdims=True)
    values = np.rint(_MOST * drawn / np.where(largest > 0, largest, 1)).astype(np.int8)
    return [base64.b64encode(each.tobytes()).decode("ascii") for each in values]


def read_sketches(texts: Sequence[str]) -> Floats:
    """Return the unit vectors, shape (n, 192), float32, that texts of `sketch` hold.

    Raises
    ------
    ValueError
        If a text is none that `sketch` made.
    """
    return unit(sketch_values(texts))


def sketch_values(texts: Sequence[str]) -> Values:
    """Return the values, shape (n, 192), of which texts hold a byte each.

    Raises
    ------
    ValueError
        If a text is none that `sketch` made.
    """
    return np.frombuffer(base64.b64decode("".join(texts), validate=True), dtype=np.int8).reshape(len(texts), AXES)


@lru_cache(maxsize=4)
def _axes(width: int) -> Doubles:
    signs = np.random.RandomState(_SEED).randint(0, 2, size=(width, AXES))
    return np.asarray(2 * signs - 1, dtype=np.float64)
