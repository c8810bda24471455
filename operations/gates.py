"""Gates: limits on figures that a version must keep to go live, as people type them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from milvise.errors import UsageError
from milvise.operations.evaluate import Limits


def read_gates(texts: Sequence[str]) -> Limits:
    """Read gates such as ``all.p@10=0.4`` (at least; also ``>=``) and ``bias.sex.max_skew<0.7`` (at most; also ``<=``).

    Raises
    ------
    UsageError
        If one is something else.
    """
    under: dict[str, float] = {}
    over: dict[str, float] = {}
    for text in texts:
        found = re.fullmatch(r"\s*([^\s=<>]+)\s*(>=|<=|=|<|>)\s*(-?\d+(?:\.\d+)?)\s*", text)
        if not found:
            raise UsageError(
                "a gate is a figure's name and a limit.\nExpected: such as all.p@10=0.4 (at least) or bias.sex.max_skew<0.7 (at most)"
                f"\nReceived: {text!r}"
            )
        name, sign, limit = found.groups()
        (over if sign.startswith("<") else under)[name] = float(limit)
    return Limits(under, over)
