"""Which galleries there are, and what each of them can be asked."""

from __future__ import annotations

from dataclasses import dataclass

from milvise.adapter import Store
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.spaces import VISUAL
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import (
    classes_alias,
    encoder_of,
    gallery_of,
    joint_alias,
    maker_of,
    visual_alias,
    vocabulary_alias,
)


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """One gallery.

    Attributes
    ----------
    name : str
    pictures : int
        How many it holds.
    encoder : str
        What turned them into vectors.
    has_words : bool
        Whether it can be searched by word.
    has_classes : bool
        Whether a search can focus on a class.
    """

    name: str
    pictures: int
    encoder: str
    has_words: bool
    has_classes: bool


def galleries_in(store: Store, *, only: str | None = None) -> list[GallerySummary]:
    """Return the galleries that are live, by name; with `only` that one.

    Calls to Milvus: the catalog, one or two for each collection that it records, and a count for each gallery.

    Raises
    ------
    NotFoundError
        If there is no such gallery.
    """
    live = {manifest.alias: manifest for manifest in store.manifests()}
    shown = [
        manifest
        for manifest in live.values()
        if manifest.room == VISUAL
        and manifest.alias == visual_alias(gallery_of(manifest.alias))
        and only in (None, gallery_of(manifest.alias))
    ]
    if only is not None and not shown:
        raise missing_gallery(store, only)
    found = []
    for manifest in sorted(shown, key=lambda one: one.alias):
        made = manifest.fingerprint
        name, encoder = gallery_of(manifest.alias), encoder_of(made)
        projected = encoder != DEFAULT_ENCODER or joint_alias(name) in live
        found.append(
            GallerySummary(
                name,
                store.open(manifest).count(settled=True),
                encoder,
                has_words=projected and vocabulary_alias(made) in live,
                has_classes=classes_alias(maker_of(made)) in live,
            )
        )
    return found
