"""A gallery, or the words, removed from Milvus; picture files stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from milvise.adapter.catalog import copies_alias
from milvise.errors import NotFoundError
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import WORDS_ALIAS, joint_alias, visual_alias
from milvise.gallery.versions import hide
from milvise.gallery.word_users import galleries_made_with
from milvise.operations.progress import Progress, notes, silent
from milvise.queries.database import Database


@dataclass(frozen=True, slots=True)
class Drop:
    """What is removed.

    Attributes
    ----------
    gallery : str, optional
        The words where none is named.
    only_kept : bool
        Whether the live collections stay, and only those go that were kept when the gallery was projected with another head,
        or that an unfinished run left. Copies that are being evaluated go in either case.
    """

    gallery: str | None = None
    only_kept: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was removed.

    Attributes
    ----------
    collections : tuple of str
        The names of the collections that are gone.
    gallery : str, optional
        None for the words.
    """

    collections: tuple[str, ...]
    gallery: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        dropped = {"dropped": list(self.collections)}
        return dropped if self.gallery is None else {"gallery": self.gallery, **dropped}


def drop(db: Database, request: Drop, progress: Progress = silent) -> Dropped:
    """Remove a gallery's collections, or those of the words; `progress` is told their names.

    Raises
    ------
    NotFoundError
        If there is nothing of the kind.
    """
    if request.gallery is None:
        dropped = _drop_words(db, only_kept=request.only_kept)
    else:
        dropped = _drop_gallery(db, request.gallery, only_kept=request.only_kept)
    for name in dropped:
        notes(progress)(f"Removed {name}.")
    return Dropped(tuple(dropped), request.gallery)


def word_users(db: Database) -> tuple[str, ...]:
    """Return the names of the galleries that are searched with the words that are loaded."""
    live = db.store.live(WORDS_ALIAS)
    return () if live is None else tuple(galleries_made_with(db.store, live.manifest))


def _drop_gallery(db: Database, gallery: str, *, only_kept: bool) -> list[str]:
    dropped = []
    # A rebuild that was killed may have left its name for the version to come, and Milvus drops nothing that has a name.
    hide(db.store, gallery)
    for alias in (joint_alias(gallery), visual_alias(gallery)):
        dropped += db.store.drop_others(copies_alias(alias))
        dropped += db.store.drop_others(alias) if only_kept else db.store.drop(alias)
    if not dropped and db.store.points_at(visual_alias(gallery)) is None:
        raise missing_gallery(db.store, gallery)
    return dropped


def _drop_words(db: Database, *, only_kept: bool) -> list[str]:
    dropped = db.store.drop_others(WORDS_ALIAS) if only_kept else db.store.drop(WORDS_ALIAS)
    if not dropped and db.store.live(WORDS_ALIAS) is None:
        raise NotFoundError("no words are loaded, and no unfinished run left any.")
    return dropped
