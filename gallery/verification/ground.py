"""What a gallery stands on: the collections behind its aliases, and what the catalog says of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from milvise.adapter import Collection, Manifest, Store
from milvise.adapter.catalog import REAL_NAME
from milvise.adapter.schema import ROOMS
from milvise.gallery.names import (
    WORDS_ALIAS,
    classes_alias,
    hierarchy_alias,
    joint_alias,
    maker_of,
    visual_alias,
    vocabulary_alias,
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a gallery stands on.

    Attributes
    ----------
    entries : dict of str to Manifest or None
        The catalog's entries, by the names of real collections; None for one that cannot be read.
    names : list of str
        The real collections that stand.
    pointers : dict of str to str or None
        What the aliases of this gallery point at: ``words``, its classes, their hierarchy, its visual and its joint collection.
    live : dict of str to Collection
        The collections behind those aliases whose entries fit them.
    """

    store: Store
    gallery: str
    entries: dict[str, Manifest | None]
    names: list[str]
    pointers: dict[str, str | None]
    live: dict[str, Collection] = field(default_factory=dict)

    @property
    def visual(self) -> Collection | None:
        """The visual vectors."""
        return self.live.get(visual_alias(self.gallery))

    @property
    def joint(self) -> Collection | None:
        """The joint vectors."""
        return self.live.get(joint_alias(self.gallery))

    @property
    def words(self) -> Collection | None:
        """The words, or the texts of another encoder, that the gallery is searched with."""
        visual = self.visual
        return self.live.get(WORDS_ALIAS if visual is None else vocabulary_alias(visual.manifest.fingerprint))

    @property
    def classes(self) -> Collection | None:
        """The classes of the backbone that made the visual vectors."""
        return self._in("classes")

    @property
    def hierarchy(self) -> Collection | None:
        """The hierarchy of those classes."""
        return self._in("hierarchy")

    def _in(self, room: str) -> Collection | None:
        return next((found for found in self.live.values() if found.room.name == room), None)

    def made_for(self, alias: str) -> list[Manifest]:
        """Return the manifests, fitting their names, of collections that stand and were made for an alias."""
        return [
            made
            for name, made in self.entries.items()
            if made is not None and made.alias == alias and made.collection == name and name in self.names
        ]

    def unrecorded(self, alias: str) -> list[str]:
        """Return the names of collections that were made for an alias and that the catalog does not know."""
        return [name for name in self.names if name not in self.entries and alias_of(name) == alias]


def survey(store: Store, gallery: str) -> Ground:
    """Find what a gallery stands on: about ten calls, however many galleries there are."""
    entries, names = store.catalog.entries(), store.real_names()
    pointers = {alias: store.points_at(alias) for alias in (WORDS_ALIAS, visual_alias(gallery), joint_alias(gallery))}
    visual = entries.get(pointers[visual_alias(gallery)] or "")
    if visual is not None:
        alias = vocabulary_alias(visual.fingerprint)
        pointers[alias] = store.points_at(alias)
    for backbone in _backbones(gallery, entries, pointers):
        for alias in (classes_alias(backbone), hierarchy_alias(backbone)):
            pointers[alias] = store.points_at(alias)
    live = {}
    for alias, name in pointers.items():
        made = entries.get(name) if name is not None else None
        if made is not None and made.collection == name and made.alias == alias and made.room in ROOMS:
            live[alias] = store.open(made)
    return Ground(store, gallery, entries, names, pointers, live)


def alias_of(name: str) -> str:
    """Return the alias that a real collection of this name was made for."""
    match = REAL_NAME.fullmatch(name)
    return match["alias"] if match else ""


def _backbones(gallery: str, entries: dict[str, Manifest | None], pointers: dict[str, str | None]) -> list[str]:
    """Return the backbones that the live collections of a gallery were made by: one, but for damage."""
    visual, joint = (entries.get(pointers[alias] or "") for alias in (visual_alias(gallery), joint_alias(gallery)))
    made = [visual.fingerprint] if visual is not None else []
    made += [joint.fingerprint.get("visual", {})] if joint is not None else []
    names = [maker_of(one) for one in made if hasattr(one, "get")]
    return list(dict.fromkeys(str(name) for name in names if name))[:1]
