"""The cheapest search parameters that find enough: chosen on one sample of queries, checked on another, and stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from milvise.errors import UsageError
from milvise.evaluation.index.exact_search import exact_cosines, found_cosines, recalls
from milvise.evaluation.index.sampled_queries import questions_for
from milvise.evaluation.index.search_parameters import effort, grid
from milvise.evaluation.report.figures import interval
from milvise.queries.evaluation_reads import GalleryReader


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was chosen for one of a gallery's collections.

    Attributes
    ----------
    space : str
        ``joint`` or ``visual``.
    before, index : str
        The index with its search parameters, before and now.
    recall : float
        On the queries that the choice was made on.
    checked : float
        On as many other queries.
    reached : bool
        Whether the target was reached on both; if not, the most thorough setting was taken.
    queries : int
        How many of each there were: none for an exact index, which needs no tuning, and for one with next to no rows.
    """

    space: str
    before: str
    index: str
    recall: float
    checked: float
    reached: bool
    queries: int

    def to_json(self) -> dict[str, Any]:
        """Return the choice as plain values."""
        return asdict(self) | {"recall": round(self.recall, 4), "checked": round(self.checked, 4)}


def tune(
    reading: GalleryReader,
    *,
    recall: float,
    k: int = 10,
    queries: int = 400,
    note: Callable[[str], None],
    store: bool = True,
) -> list[Tuned]:
    """Choose search parameters for both collections of a gallery, and store them where every client reads them.

    The cheapest setting is taken of which it is sure (lower end of the 95 % interval over queries) that it reaches the
    target, and that reaches it on as many other queries too.

    Parameters
    ----------
    recall : float
        Share of the exact `k` closest that a search is to find, in (0, 1].
    store : bool
        Whether the choice is stored in the catalog.

    Raises
    ------
    UsageError
        If the target is not in (0, 1].
    """
    if not 0 < recall <= 1:
        raise UsageError(f"the recall to reach is a share above 0 and at most 1.\nReceived: {recall}")
    spaces = list(reading.spaces)
    chosen = [_tune_space(reading, name, recall, k, queries, note) for name in spaces]
    if store:
        reading.require_unchanged()
        for tuned in chosen:
            reading.record_index(tuned.space, tuned.index)
    return chosen


def _tune_space(
    reading: GalleryReader, name: str, target: float, k: int, queries: int, note: Callable[[str], None]
) -> Tuned:
    space = reading.space(name)
    before = str(space.index)
    first, second = questions_for(reading, name, queries)
    if effort(space.index) is None or not len(first):
        # An exact index finds everything, and nothing can be found out about an empty one.
        return Tuned(name, before, before, 1.0, 1.0, True, 0)
    note(f"Computing exact answers over {space.rows:,} {name} vectors …")
    exact, exact_second = exact_cosines(space, first, k), exact_cosines(space, second, k)
    settings = grid(space.index, k)
    for setting in settings:
        note(f"Searching {name} with {setting} …")
        found = recalls(found_cosines(space.searched_with(setting), first, k), exact)
        low, _ = interval(found)
        if (low or 0.0) < target and setting != settings[-1]:
            continue
        checked = recalls(found_cosines(space.searched_with(setting), second, k), exact_second)
        means = float(np.mean(found)), float(np.mean(checked))
        if min(means) >= target or setting == settings[-1]:
            return Tuned(name, before, str(setting), *means, min(means) >= target, len(first))
    raise AssertionError("the last setting is always taken")
