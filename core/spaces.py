"""The spaces in which pictures are compared: with each other, with words, or with both."""

from __future__ import annotations

from typing import Final, Literal, TypeGuard

from milvise.errors import UsageError

Space = Literal["visual", "joint"]
"""Where vectors stand: each is a collection in Milvus."""

SearchSpace = Literal["visual", "joint", "fused", "ranked"]
"""Where a search looks: ``fused`` and ``ranked`` are both spaces, see `milvise.queries.plan.query`."""

VISUAL: Final = "visual"
JOINT: Final = "joint"
FUSED: Final = "fused"
RANKED: Final = "ranked"
SPACES: Final[tuple[SearchSpace, ...]] = (JOINT, VISUAL, FUSED, RANKED)


def search_space(text: str) -> SearchSpace:
    """Return the space that a user names.

    Raises
    ------
    UsageError
        If there is no such space.
    """
    if not _is_space(text):
        raise UsageError(f"unknown space.\nExpected: {', '.join(SPACES)}\nReceived: {text}")
    return text


def _is_space(text: str) -> TypeGuard[SearchSpace]:
    return text in SPACES
