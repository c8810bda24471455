"""One Milvus with everything that milvise keeps in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from milvise.adapter import Store
from milvise.adapter.lite_memory import lite_bytes
from milvise.adapter.store import check_name
from milvise.core import config
from milvise.gallery.live import Live
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import WORDS_ALIAS, joint_alias, visual_alias
from milvise.queries import lifetime
from milvise.queries.galleries import GallerySummary, galleries_in
from milvise.queries.search import Gallery
from milvise.queries.vocabulary.word_vectors import Vocabulary

_NO_WORDS = "no words are loaded. Load some, such as: milvise ingest words glove-6b-50d"


class Database:
    """A connection to Milvus, closed by `close` or the end of a ``with`` block."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.words = Vocabulary(Live(store, WORDS_ALIAS, missing=_NO_WORDS))
        lifetime.opened(self)

    def gallery(self, name: str = config.DEFAULT_GALLERY) -> Gallery:
        """Return the gallery of this name; whether it is there shows when it is asked something."""
        return Gallery(self.store, self.words, check_name(name))

    def galleries(self, only: str | None = None) -> list[GallerySummary]:
        """Return the galleries that there are, by name, with what each of them can be asked.

        Parameters
        ----------
        only : str, optional
            The name of one gallery.

        Raises
        ------
        NotFoundError
            If a gallery is named and is not there.
        """
        return galleries_in(self.store, only=only)

    def has_gallery(self, name: str) -> bool:
        """Return whether there is a gallery of this name, in one call to Milvus."""
        return self.store.points_at(visual_alias(name)) is not None

    def status(self, gallery: str | None = None) -> list[dict[str, Any]]:
        """Return what stands in Milvus: one entry per live collection, with its size, index and fingerprint, and the column that it is partitioned by.

        Raises
        ------
        NotFoundError
            If a gallery is named and is not there.
        """
        manifests = self.store.manifests()
        if gallery is not None:
            wanted = {visual_alias(gallery), joint_alias(gallery)}
            manifests = [manifest for manifest in manifests if manifest.alias in wanted]
            if not manifests:
                raise missing_gallery(self.store, gallery)
        return [
            {
                "alias": manifest.alias,
                "room": manifest.room,
                "collection": manifest.collection,
                "rows": rows.count() if (rows := self.store.find(manifest)) else 0,
                "dim": manifest.dim,
                "index": manifest.index,
                "requested_index": manifest.requested_index,
                "fingerprint": dict(manifest.fingerprint),
                "sources": list(manifest.sources),
                **({"partition": manifest.partition} if manifest.partition else {}),
            }
            for manifest in manifests
        ]

    def close(self) -> None:
        """Close the connection; a Milvus Lite file can then be opened by another process.

        The last database of this process that is closed also releases networks, heads and threads, see `milvise.queries.lifetime`.
        """
        try:
            self.store.connection.close()
        finally:
            lifetime.closed(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def held_bytes(db: Database, collections: Sequence[Mapping[str, Any]]) -> int | None:
    """Return about how many bytes of memory Milvus Lite takes to search some collections, None for a server.

    Parameters
    ----------
    collections : sequence of dict
        As `Database.status` returns them.
    """
    if not db.store.connection.is_lite:
        return None
    return sum(lite_bytes(entry["rows"], entry["dim"], entry["room"]) for entry in collections)
