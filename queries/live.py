"""A live collection that may be replaced while it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from milvise.adapter import Collection, Store
from milvise.errors import NotFoundError

T = TypeVar("T")


class Live:
    """The collection behind an alias, found once and found again when the alias has moved on.

    Parameters
    ----------
    missing : str
        What to say when there is none.
    """

    def __init__(self, store: Store, alias: str, *, missing: str) -> None:
        self._store = store
        self._alias = alias
        self._missing = missing
        self._collection: Collection | None = None

    @property
    def collection(self) -> Collection:
        """The live collection.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        if self._collection is None:
            self._collection = self._store.live(self._alias)
        if self._collection is None:
            raise NotFoundError(self._missing)
        return self._collection

    def read(self, reading: Callable[[Collection], T]) -> T:
        """Return what `reading` makes of the collection; once more if it was replaced and dropped meanwhile."""
        try:
            return reading(self.collection)
        except NotFoundError:
            self._collection = None
            return reading(self.collection)
