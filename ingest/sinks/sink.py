"""What a sink is: where the rows of a run go."""

from __future__ import annotations

from typing import Protocol

from milvise.ingest.rows import RowBatch


class Sink(Protocol):
    """Where the rows of a run go.

    Only one thread writes into a sink.
    """

    def write(self, batch: RowBatch) -> None:
        """Take rows. A sink may hold some back until `finish`."""

    def finish(self) -> int:
        """Complete what was written, once everything is; return how many rows there are now."""
