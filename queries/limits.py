"""How many results may be asked for."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from milvise.adapter.collection import MOST_HITS
from milvise.errors import UsageError


def check_limit(limit: object, *, most: int | None = MOST_HITS, what: str = "limit") -> None:
    """Check how many results are asked for.

    Parameters
    ----------
    limit : object
        What was given for it; a whole number is right.
    most : int, optional
        The greatest number that is allowed, by default what a Milvus server answers; None for any.

    Raises
    ------
    UsageError
        If it is no whole number, is less than 1, or more than `most`.
    """
    if isinstance(limit, SupportsIndex) and not isinstance(limit, bool):
        number = operator.index(limit)
        if 1 <= number <= (most or number):
            return
    allowed = f"a whole number between 1 and {most}" if most else "a whole number, 1 or more"
    raise UsageError(f"the {what} cannot be used.\nExpected: {allowed}\nReceived: {limit!r}")
