"""Entries that the catalog lost, made again: from what is kept with a collection, or by the hash in its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from milvise.adapter import Manifest, Store
from milvise.adapter.catalog import essence_of
from milvise.adapter.partition import FIELD
from milvise.adapter.schema import fits, holds_partition, holds_top_classes, width
from milvise.adapter.schema import room_of as room_named
from milvise.core.precision import PRECISIONS, in_precision
from milvise.core.records import Fingerprint
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise import efficientnet_lite
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.runtimes.engines import fingerprint_of
from milvise.embeddings.wordnet.hierarchy import VERSION
from milvise.embeddings.words.load import PACKAGED, load_words
from milvise.errors import MilviseError
from milvise.gallery.names import backbone_of, classes_alias, hierarchy_of
from milvise.gallery.verification.classes import content_hash
from milvise.gallery.verification.ground import alias_of


@dataclass(slots=True)
class KnownModels:
    """What is known of what collections may have been made of.

    Attributes
    ----------
    visual : list of (fingerprint, recipe)
        Backbones.
    words : list of fingerprint
    classifiers : list of str
        Hashes of classes.
    """

    visual: list[tuple[Fingerprint, Mapping[str, Any]]] = field(default_factory=list)
    words: list[Fingerprint] = field(default_factory=list)
    classifiers: list[str] = field(default_factory=list)

    def learn(self, made: Manifest) -> None:
        """Note what a manifest says."""
        fingerprint = dict(made.fingerprint)
        if made.room == VISUAL:
            self._add(self.visual, (fingerprint, dict(made.recipe)))
        elif made.room == "words":
            self._add(self.words, fingerprint)
        elif made.room == "hierarchy" and isinstance(fingerprint.get("classes"), Mapping):
            self.learn(made.changed(room="classes", fingerprint=dict(fingerprint["classes"])))
        elif made.room in ("classes", JOINT):
            if isinstance(fingerprint.get("visual"), Mapping):
                self._add(self.visual, (dict(fingerprint["visual"]), {}))
            if isinstance(fingerprint.get("words"), Mapping):
                self._add(self.words, dict(fingerprint["words"]))
            if "classifier" in fingerprint:
                self._add(self.classifiers, str(fingerprint["classifier"]))

    @staticmethod
    def _add(known: list[Any], new: Any) -> None:
        if new not in known:
            known.append(new)


@dataclass(frozen=True, slots=True)
class Identified:
    """A manifest that was made again, and from what."""

    manifest: Manifest
    how: str


def identify(store: Store, names: list[str], known: KnownModels) -> Iterator[Identified]:
    """Yield what the collections of these names are, as far as it can be found; nothing is written.

    What one of them is may say what another is: they are gone through until no more is learned.
    """
    open_names = {name: dict(store.describe(name)) for name in names}
    for name, described in list(open_names.items()):
        made = essence_of(described)
        # The name holds a hash of the manifest, so that nothing else can have been written there.
        if made is not None and made.room == room_of(made.alias, described):
            known.learn(made)
            del open_names[name]
            yield Identified(made, "from what is kept with it")
    machine = _Machine()
    learned = True
    while open_names and learned:
        learned = False
        for name, described in list(open_names.items()):
            found = next(
                (made for made in _candidates(store, name, described, known, machine) if made.collection == name), None
            )
            if found is not None:
                known.learn(found)
                del open_names[name]
                learned = True
                yield Identified(found, "because its name holds the hash of what made it")


class _Machine:
    """The models on this machine, built when they are first needed."""

    def __init__(self) -> None:
        self._backbones: list[tuple[Fingerprint, Mapping[str, Any]]] | None = None

    def backbones(self) -> list[tuple[Fingerprint, Mapping[str, Any]]]:
        """Return fingerprints and recipes of the backbones that can be built without a download."""
        if self._backbones is None:
            here = [name for name in efficientnet_lite.VARIANTS if efficientnet_lite.packaged_weights(name) is not None]
            self._backbones = [made for name in here for made in _fingerprints_of(name)]
        return self._backbones


def _candidates(
    store: Store, name: str, described: Mapping[str, Any], known: KnownModels, machine: _Machine
) -> Iterator[Manifest]:
    """Yield what a collection of this name may be."""
    alias, dim = alias_of(name), width(described)
    room, seen = room_of(alias, described), holds_top_classes(described)
    if dim is None:
        return
    if room == "words":
        for words in known.words:
            yield Manifest(alias, room, dim, words)
        yield from _packaged_words(alias, dim, store.bare(name, room).count())
    elif room == "classes":
        classifier = content_hash(store.bare(name, room))
        for visual, _ in (*known.visual, *machine.backbones()):
            yield Manifest(alias, room, dim, {"visual": visual, "classifier": classifier})
    elif room == "hierarchy":
        for (visual, _), classifier in product(known.visual, known.classifiers):
            classes = Manifest(
                classes_alias(backbone_of(alias)),
                "classes",
                1,
                {"visual": visual, "classifier": classifier},
            )
            yield hierarchy_of(classes, VERSION)
    elif room == VISUAL:
        # A recipe that is known is worth more than none, and may be learned of after the fingerprint.
        for visual, recipe in sorted(known.visual, key=lambda one: not one[1]):
            yield Manifest(alias, room, dim, visual, recipe=recipe or _recipe_of(visual, machine), top_classes=seen)
        for visual, recipe in machine.backbones():
            yield Manifest(alias, room, dim, visual, recipe=recipe, top_classes=seen)
    elif room == JOINT:
        for (visual, _), words, classifier in product(known.visual, known.words, known.classifiers):
            head = {"kind": ConseHead.KIND, "classes": classifier}
            made_by = {"visual": visual, "head": head, "words": words}
            yield Manifest(alias, room, dim, made_by, recipe={"head": ConseHead.KIND})


def room_of(alias: str, described: Mapping[str, Any]) -> str:
    """Return the room of a collection by its fields, ``""`` where they are none of milvise's.

    Visual and joint collections may have the same fields, and have other aliases.
    """
    seen, partition = holds_top_classes(described), FIELD if holds_partition(described) else ""
    fitting = [
        name
        for name in ("words", "classes", "hierarchy", VISUAL, JOINT)
        if fits(described, room_named(name, top_classes=seen, partition=partition))
    ]
    return next(
        (room for room in fitting if room in ("words", "classes", "hierarchy") or alias.endswith(f"_{room}")), ""
    )


def _recipe_of(visual: Fingerprint, machine: _Machine) -> Mapping[str, Any]:
    return next((recipe for made, recipe in machine.backbones() if dict(made) == dict(visual)), {})


def _fingerprints_of(backbone: str) -> list[tuple[Fingerprint, Mapping[str, Any]]]:
    try:
        made = fingerprint_of(backbone)
    except MilviseError:
        return []
    recipe = {"backbone": backbone, "weights": None}
    return [(in_precision(made, precision), in_precision(recipe, precision)) for precision in PRECISIONS]


def _packaged_words(alias: str, dim: int, rows: int) -> Iterator[Manifest]:
    try:
        made = load_words(PACKAGED, limit=rows).fingerprint
    except MilviseError:
        return
    yield Manifest(alias, "words", dim, made, sources=(PACKAGED,))
