"""Rows into the collections of a gallery in Milvus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from milvise.adapter import IndexSpec, Store
from milvise.core.records import Row
from milvise.gallery.pair import Pair, publish_pair, withdraw_pair
from milvise.ingest.rows import RowBatch


@dataclass(frozen=True, slots=True)
class UpsertSink:
    """The two collections of a gallery; a row replaces the one with the same id.

    Attributes
    ----------
    pair : Pair
        The collections, as `milvise.gallery.pair.open_pair` opens them.
    index : IndexSpec
        Built for both at the end.
    may_go : callable
        Whether the live gallery's picture with this id and URI may be lost where the new one lacks it.
    """

    store: Store
    pair: Pair
    index: IndexSpec
    may_go: Callable[[Row], bool] = lambda row: False

    def write(self, batch: RowBatch) -> None:
        """Write rows, which last when it returns; the visual ones last, because they make a picture count as done."""
        self.pair.write(batch.rows, batch.joint)

    def finish(self) -> int:
        """Build the index and make the collections the live ones; errors as `milvise.gallery.pair.publish_pair`."""
        return publish_pair(self.store, self.pair, self.index, may_go=self.may_go)

    def withdraw(self) -> None:
        """Drop what this run made for a gallery that did not come to be."""
        withdraw_pair(self.store, self.pair)
