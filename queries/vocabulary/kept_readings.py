"""Readings of texts that were read before: many people type the same words, and a page asks for one reading several times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from milvise.queries.vocabulary.typed import TypedSearch

MOST_READINGS = 1_000
"""Those that were not asked for longest go first."""

Typed = tuple[str, bool]
"""A text, and whether misspelt words in it are replaced."""


class KeptReadings:
    """What texts were read as, with one vocabulary and one hierarchy; shared by threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._readings: OrderedDict[Typed, TypedSearch] = OrderedDict()

    def of(self, texts: list[Typed]) -> dict[Typed, TypedSearch]:
        """Return the readings that are kept."""
        with self._lock:
            found = {text: self._readings[text] for text in texts if text in self._readings}
            for text in found:
                self._readings.move_to_end(text)
            return found

    def keep(self, readings: Mapping[Typed, TypedSearch]) -> None:
        """Keep readings."""
        with self._lock:
            self._readings.update(readings)
            for _ in range(len(self._readings) - MOST_READINGS):
                self._readings.popitem(last=False)

    def __len__(self) -> int:
        return len(self._readings)
