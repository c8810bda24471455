"""What is known of each of many keys, where few values differ: some 40 bytes a key, where a dictionary takes hundreds."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

V = TypeVar("V", bound=Hashable)

_AT_ONCE = 10_000


class FewValues(Mapping[str, V], Generic[V]):
    """A mapping that is filled once, and yields its keys in their order.

    Parameters
    ----------
    items : iterable of (str, value)
        Of a key that comes twice the last value counts. Keys hold no NUL character.

    Attributes
    ----------
    values_in_use : tuple
        The values that differ.
    numbers : ndarray of shape (keys,), int32
        For each key the place of its value among them.
    """

    def __init__(self, items: Iterable[tuple[str, V]]) -> None:
        numbers, known = array("i"), dict[V, int]()
        parts: list[Any] = []
        held: list[bytes] = []
        for key, value in items:
            held.append(key.encode("utf-8", "surrogatepass"))
            numbers.append(known.setdefault(value, len(known)))
            if len(held) == _AT_ONCE:
                # Not as single objects of Python, which take three times as much.
                parts.append(np.asarray(held))
                held = []
        keys = np.concatenate([*parts, np.asarray(held)]) if parts or held else np.zeros(0, "S1")
        self.values_in_use = tuple(known)
        self.numbers = np.asarray(numbers, np.int32)
        self._keys = keys
        if not (keys[1:] > keys[:-1]).all():
            order = np.argsort(keys, kind="stable")
            last = np.append(keys[order][1:] != keys[order][:-1], True)
            self._keys, self.numbers = keys[order][last], self.numbers[order][last]

    def __getitem__(self, key: str) -> V:
        place = self._place(key)
        if place is None:
            raise KeyError(key)
        return self.values_in_use[int(self.numbers[place])]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._place(key) is not None

    def __iter__(self) -> Iterator[str]:
        return (key.decode("utf-8", "surrogatepass") for key in self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def counts(self) -> dict[V, int]:
        """Return how many keys have each value."""
        found = np.bincount(self.numbers, minlength=len(self.values_in_use))
        return {value: int(count) for value, count in zip(self.values_in_use, found, strict=True) if count}

    def places(self, keys: Iterable[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return where keys that are there stand among all, in their order."""
        wanted = [key.encode("utf-8", "surrogatepass") for key in keys]
        return np.asarray(np.searchsorted(self._keys, np.asarray(wanted)) if wanted else [], np.int64)

    def only(self, values: Container[V]) -> FewValues[V]:
        """Return the part with these values."""
        kept, chosen = FewValues[V](()), self._chosen(lambda value: value in values)
        kept.values_in_use, kept.numbers, kept._keys = self.values_in_use, self.numbers[chosen], self._keys[chosen]
        return kept

    def first(self, most: int, *, where: Callable[[V], bool]) -> list[str]:
        """Return the smallest keys, at most so many, whose value is one that is asked for."""
        return [key.decode("utf-8", "surrogatepass") for key in self._keys[self._chosen(where)][:most]]

    def _chosen(self, where: Callable[[V], bool]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.asarray([where(value) for value in self.values_in_use] or [False], bool)[self.numbers]

    def _place(self, key: str) -> int | None:
        encoded = key.encode("utf-8", "surrogatepass")
        place = int(np.searchsorted(self._keys, np.bytes_(encoded)))
        return place if place < len(self._keys) and self._keys[place] == encoded else None
