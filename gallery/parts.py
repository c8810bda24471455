"""A gallery in parts of about the same size, by the ids of its pictures: these are hashes, and evenly spread."""

from __future__ import annotations

import re
from dataclasses import dataclass

from milvise.adapter.pages import KeyRange
from milvise.errors import UsageError

MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One of several parts.

    Attributes
    ----------
    number : int
        Which one, from 1.
    of : int
        How many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read a part such as ``2/8``.

        Raises
        ------
        UsageError
            If it is none.
        """
        found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text) if isinstance(text, str) else None
        if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MOST_PARTS:
            raise UsageError(
                f"this is no part of a gallery.\nExpected: such as 2/8, the second of eight, of at most {MOST_PARTS:,}\nReceived: {text}"
            )
        return cls(int(found[1]), int(found[2]))

    @property
    def keys(self) -> KeyRange:
        """The ids of its pictures. Every id lies in one part."""
        return KeyRange(
            after="" if self.number == 1 else self._edge(self.number - 1),
            until="" if self.number == self.of else self._edge(self.number),
        )

    def _edge(self, number: int) -> str:
        return f"{16**8 * number // self.of:08x}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
