"""How exactly a network computes the vectors of pictures.

``single``
    Floats of 32 bits, as networks are trained.
``half``
    Floats of 16 bits where the processor multiplies such numbers itself, of 32 bits elsewhere: no less exact than half.

Vectors of two precisions are told apart by their fingerprints, because neighbours that are nearly equally close may change places.
`benchmarks/precision.py` prints what each gains and loses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milvise.errors import UsageError

SINGLE, HALF, AUTO = "single", "half", "auto"
PRECISIONS = (SINGLE, HALF)
ASKED_PRECISIONS = (AUTO, *PRECISIONS)


def in_precision(values: Mapping[str, Any], precision: str) -> dict[str, Any]:
    """Return a recipe or a fingerprint with another precision; single goes without saying."""
    exact = {name: value for name, value in values.items() if name != "precision"}
    return exact if precision == SINGLE else {**exact, "precision": precision}


def precision_of(recipe: Mapping[str, Any]) -> str:
    """Return the precision that a recipe or a fingerprint names; single goes without saying.

    Raises
    ------
    UsageError
        If there is no such precision.
    """
    precision = recipe.get("precision", SINGLE)
    if precision not in PRECISIONS:
        raise UsageError(
            f"the vectors of pictures are made in a precision that this version does not know.\nExpected: {', '.join(PRECISIONS)}\n"
            f"Received: {precision!r}"
        )
    return str(precision)
