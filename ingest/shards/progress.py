"""How far all shards are, together, while several are under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from milvise.ingest.shards.embed_shard import ShardDone


@dataclass(frozen=True, slots=True)
class ShardsDone:
    """How far a run is.

    Attributes
    ----------
    shards : int
        Shards that are done.
    embedded, quarantined : int
        Pictures of those, and of the ones that are under way.
    """

    shards: int = 0
    embedded: int = 0
    quarantined: int = 0


class ShardsProgress:
    """Adds up what workers tell; several threads may tell it."""

    def __init__(self, progress: Callable[[ShardsDone], None]) -> None:
        self._progress = progress
        self._lock = Lock()
        self._done: dict[int, ShardDone] = {}
        self._under_way: dict[int, ShardDone] = {}

    def under_way(self, number: int, done: ShardDone) -> None:
        """Note how far a shard is."""
        with self._lock:
            self._under_way[number] = done

    def done(self, number: int, done: ShardDone) -> None:
        """Note that a shard is done."""
        with self._lock:
            self._under_way.pop(number, None)
            self._done[number] = done

    def lost(self, number: int) -> None:
        """Note that what was done of a shard is gone."""
        with self._lock:
            self._under_way.pop(number, None)

    def tell(self) -> None:
        """Tell how far the run is."""
        with self._lock:
            counted = [*self._done.values(), *(self._under_way[n] for n in self._under_way if n not in self._done)]
            now = ShardsDone(
                len(self._done), sum(one.embedded for one in counted), sum(one.quarantined for one in counted)
            )
        self._progress(now)
