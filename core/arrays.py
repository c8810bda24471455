"""Types of arrays, and vectors brought to length one."""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]
"""Vectors as they stand in Milvus, and what is computed from them."""

Doubles = np.ndarray[Any, np.dtype[np.float64]]
"""Figures and statistics."""

Numbers = np.ndarray[Any, np.dtype[Any]]
"""Numbers of any kind, such as those that a file holds."""

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""Pictures, shape (n, height, width, 3)."""


def unit(vector: Any) -> Floats:
    """Return a vector, or each row of a matrix, scaled to length one; zero stays zero."""
    array = np.asarray(vector, dtype=np.float32)
    # What np.linalg.norm does, without what it asks first, which takes longer for one vector.
    length = np.sqrt(np.add.reduce(array * array, axis=-1, keepdims=True))
    return np.asarray(array / np.where(length > 0, length, 1.0), dtype=np.float32)
