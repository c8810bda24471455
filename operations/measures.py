"""What of a gallery is measured, and how: the parts of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from milvise.adapter import IndexSpec
from milvise.errors import UsageError
from milvise.evaluation.bias.groups import Attribute
from milvise.evaluation.bias.measure import LEAST_GROUP
from milvise.operations.checks import as_texts, require_count


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How well searches find what labels say.

    Attributes
    ----------
    labels : str
        Where labels stand: ``label``, or a metadata column; a list or ``a;b`` is several.
    taxonomy : Path, optional
        A CSV file with the columns ``child`` and ``parent``, for hierarchical precision.
    head : Path, optional
        The gallery's trained head, if it lies elsewhere than when the gallery was projected.
    tagged, similar : int
        At most so many pictures are tagged, and searched by.

    Raises
    ------
    UsageError
        If a number cannot be.
    """

    labels: str = "label"
    taxonomy: Path | None = None
    head: Path | None = None
    tagged: int = 2_000
    similar: int = 300

    def __post_init__(self) -> None:
        require_count("tagged", self.tagged, 1)
        require_count("similar", self.similar, 1)


@dataclass(frozen=True, slots=True)
class IndexRecall:
    """What the index finds of the exact answer, and how fast.

    Attributes
    ----------
    k : int
        How many results count.
    queries : int
        So many queries for each index.
    kinds : tuple of str
        Indexes that are also tried, on a copy that is dropped, such as ``ivf_flat``.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    k: int = 10
    queries: int = 200
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_count("k", self.k, 1, 1_000)
        require_count("queries", self.queries, 2)
        as_texts("kinds", self.kinds)
        _ = self.parsed

    @property
    def parsed(self) -> tuple[IndexSpec, ...]:
        """The indexes that are also tried."""
        return tuple(IndexSpec.parse(kind) for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Bias:
    """How groups of pictures differ in searches that say nothing about them, in tags, in words and in the joint space.

    Attributes
    ----------
    attributes : tuple of str
        Groups to compare, each ``NAME`` (a metadata column) or ``NAME=REGEX`` (what is found in a picture's URI).
    tests : Path, optional
        A TOML file with word sets, neutral searches and unwanted tags of one's own.
    top : int
        How many results of a neutral search count.
    least_group : int
        Smaller groups are left out.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    attributes: tuple[str, ...] = ()
    tests: Path | None = None
    top: int = 20
    least_group: int = LEAST_GROUP

    def __post_init__(self) -> None:
        require_count("top", self.top, 1, 1_000)
        require_count("least_group", self.least_group, 2)
        as_texts("attributes", self.attributes)
        _ = self.parsed

    @property
    def parsed(self) -> tuple[Attribute, ...]:
        """The attributes."""
        return tuple(Attribute.parse(text) for text in self.attributes)


P = TypeVar("P", Accuracy, IndexRecall, Bias)


def part(name: str, asked: P | bool, kind: type[P]) -> P | None:
    """Return how a part is measured where a caller says how, or only whether.

    Raises
    ------
    UsageError
        If it is something else.
    """
    if isinstance(asked, bool):
        return kind() if asked else None
    if not isinstance(asked, kind):
        raise UsageError(
            f"{name} cannot be measured like this.\nExpected: True, False, or {kind.__name__}(…)\nReceived: {asked!r}"
        )
    return asked
