"""One Milvus with everything that milvise keeps in it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from milvise import config
from milvise.adapter import Store, missing_gallery
from milvise.adapter.catalog import copies_alias
from milvise.adapter.store import check_name
from milvise.adapter.word_users import galleries_made_with
from milvise.errors import NotFoundError
from milvise.queries.live import Live
from milvise.queries.search import Gallery
from milvise.queries.verification.record import Verification
from milvise.queries.verify import verify
from milvise.queries.vocabulary import Vocabulary

_NO_WORDS = "no words are loaded. Load some, such as: milvise ingest words glove-6b-50d"


class Database:
    """A connection to Milvus, closed by `close` or the end of a ``with`` block."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.words = Vocabulary(Live(store, "words", missing=_NO_WORDS))

    def gallery(self, name: str = config.DEFAULT_GALLERY) -> Gallery:
        """Return the gallery of this name; whether it is there shows when it is asked something."""
        return Gallery(self.store, self.words, check_name(name))

    def status(self, gallery: str | None = None) -> list[dict[str, Any]]:
        """Return what stands in Milvus: one entry per live collection, with its size, index and fingerprint.

        Raises
        ------
        NotFoundError
            If a gallery is named and is not there.
        """
        manifests = self.store.manifests()
        if gallery is not None:
            wanted = {f"{check_name(gallery)}_visual", f"{gallery}_joint"}
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
            }
            for manifest in manifests
        ]

    def verify(
        self,
        gallery: str | None = None,
        *,
        pictures: int = 0,
        repair: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> Verification:
        """Return whether a gallery, and everything that it stands on, is whole; see `milvise.queries.verify`.

        Parameters
        ----------
        gallery : str, optional
            By default ``default``; where that is not there, words and catalog are verified alone.
        pictures : int
            How many stored vectors are compared with their picture files, which needs the backbone on this machine.
        repair : bool
            Whether what is not whole is first made again from the rest.
        say : callable
            Told what the repair did, as it happens.

        Raises
        ------
        NotFoundError
            If a gallery is named and is not there.
        DeniedError
            If something is to be repaired and this user may not write.
        """
        name = check_name(config.DEFAULT_GALLERY if gallery is None else gallery)
        return verify(self.store, name, required=gallery is not None, pictures=pictures, repair=repair, say=say)

    def drop(self, gallery: str, *, only_kept: bool = False) -> list[str]:
        """Remove a gallery's collections, not the picture files; return their names.

        Parameters
        ----------
        only_kept : bool
            Whether the live ones stay, and only those go that were kept when the gallery was projected with another head,
            or that an unfinished run left. Copies that are being evaluated go in either case.

        Raises
        ------
        NotFoundError
            If there is none of this name.
        """
        dropped = []
        for alias in (f"{check_name(gallery)}_joint", f"{gallery}_visual"):
            dropped += self.store.drop_others(copies_alias(alias))
            dropped += self.store.drop_others(alias) if only_kept else self.store.drop(alias)
        if not dropped and self.store.points_at(f"{gallery}_visual") is None:
            raise missing_gallery(self.store, gallery)
        return dropped

    def word_users(self) -> list[str]:
        """Return the names of the galleries that are searched with the words that are loaded."""
        live = self.store.live("words")
        return [] if live is None else galleries_made_with(self.store, live.manifest)

    def drop_words(self, *, only_kept: bool = False) -> list[str]:
        """Remove the words; return the names of the collections that are gone.

        Parameters
        ----------
        only_kept : bool
            Whether the live ones stay, and only those go that a run left which did not come to its end.

        Raises
        ------
        NotFoundError
            If there are no words to remove.
        """
        dropped = self.store.drop_others("words") if only_kept else self.store.drop("words")
        if not dropped and self.store.live("words") is None:
            raise NotFoundError("no words are loaded, and no unfinished run left any.")
        return dropped

    def close(self) -> None:
        """Close the connection; a Milvus Lite file can then be opened by another process."""
        self.store.connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
