"""Says during a load into Milvus Lite that a server would be better, before the memory of the machine is short."""

from __future__ import annotations

import logging

from milvise.adapter.lite_memory import SHARE, lite_bytes, machine_bytes
from milvise.gallery.pair import Pair

_logger = logging.getLogger("milvise.ingest")


class LiteRoom:
    """Follows what a gallery takes of the memory.

    Parameters
    ----------
    pair : Pair
        The gallery's collections, in Milvus Lite.
    memory : int, optional
        Bytes that the machine has; by default what its system tells.
    """

    def __init__(self, pair: Pair, *, memory: int | None = None) -> None:
        self._rows = pair.visual.count()
        self._row_bytes = sum(lite_bytes(1, one.manifest.dim, one.manifest.room) for one in pair.in_order)
        self._memory = memory or machine_bytes()
        self._is_told = False

    def look(self, written: int) -> None:
        """Warn, once, if the gallery has come to take much with so many pictures more."""
        taken = (self._rows + written) * self._row_bytes
        if not written or self._is_told or self._memory is None or taken < SHARE * self._memory:
            return
        self._is_told = True
        _logger.warning(
            "Milvus Lite holds all rows in memory: %s pictures take about %.1f of this machine's %.1f GiB, in every process that searches"
            " them. A Milvus server would be better; docker-compose.yml starts one.",
            f"{self._rows + written:,}", taken / 2**30, self._memory / 2**30,
        )  # fmt: skip
