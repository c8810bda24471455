"""The models behind a gallery. Manifests in Milvus say which they are; the words and classes are in Milvus too, the networks on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from milvise.adapter import Collection, Manifest, Store
from milvise.embeddings.devise.classes import stored_classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.network import Network
from milvise.embeddings.words.phrases import lookups
from milvise.errors import FingerprintError, NotFoundError
from milvise.gallery.kept_models import KeptModels
from milvise.gallery.live import Live
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import WORDS_ALIAS, classes_alias, gallery_of, visual_alias

if TYPE_CHECKING:
    from milvise.embeddings.devise.backbones import Backbone
    from milvise.embeddings.devise.trained_head import TrainedHead

N = TypeVar("N", bound=Network)


def require_same_words(joint: Collection, words: Collection) -> None:
    """Check that a gallery was projected with the words that stand.

    Raises
    ------
    FingerprintError
        If not; it names both fingerprints.
    """
    gallery = gallery_of(joint.manifest.alias)
    made_with, standing = dict(joint.manifest.fingerprint["words"]), dict(words.manifest.fingerprint)
    if made_with != standing:
        raise FingerprintError(
            f"the gallery {gallery!r} was made with other words than those that stand now, and their vectors cannot be"
            f" compared.\nExpected: {made_with}\nReceived: {standing}\nProject its stored visual vectors anew, which needs no"
            f" pictures: milvise project --gallery {gallery} --head conse"
        )


def visual_and_words(store: Store, gallery: str) -> tuple[Collection, Collection]:
    """Return a gallery's visual vectors and the words that stand: what a head is made from.

    Raises
    ------
    NotFoundError
        If either is not there.
    """
    visual, words = store.live(visual_alias(gallery)), store.live(WORDS_ALIAS)
    if visual is None:
        raise missing_gallery(store, gallery)
    if words is None:
        raise NotFoundError("a head needs words, and none are loaded. Load some: milvise ingest words glove-6b-50d")
    return visual, words


def classes_behind(store: Store, visual: Collection) -> Collection | None:
    """Return the classes of the backbone that made visual vectors; None where none are loaded, or those of another version of it."""
    made = dict(visual.manifest.fingerprint)
    classes = store.live(classes_alias(made["backbone"]))
    return classes if classes is not None and dict(classes.manifest.fingerprint["visual"]) == made else None


def require_same_backbone(classes: Collection, visual: Collection) -> None:
    """Check that classes belong to the backbone that made visual vectors.

    Raises
    ------
    FingerprintError
        If not; it names both fingerprints.
    """
    expected, received = dict(visual.manifest.fingerprint), dict(classes.manifest.fingerprint["visual"])
    if expected != received:
        raise FingerprintError(
            f"the classes of {expected['backbone']} that stand now belong to another version of it than the gallery"
            f" {gallery_of(visual.manifest.alias)!r}.\nExpected: {expected}\nReceived: {received}\nLoad the gallery again."
        )


class LiveClasses:
    """The classes of the backbone that made a visual collection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lives: dict[str, Live] = {}

    def of(self, visual: Collection) -> Collection:
        """Return the classes of the backbone that made a visual collection.

        Raises
        ------
        NotFoundError
            If none are loaded.
        FingerprintError
            If those that stand belong to another version of the backbone.
        """
        classes = self.standing(visual)
        require_same_backbone(classes, visual)
        return classes

    def standing(self, visual: Collection) -> Collection:
        """Return the classes that stand for the backbone of this name, perhaps those of another version of it.

        Raises
        ------
        NotFoundError
            If none are loaded.
        """
        made = dict(visual.manifest.fingerprint)
        alias = classes_alias(made["backbone"])
        missing = f"the backbone {made['backbone']} has no classes loaded that can be focused on."
        return self._lives.setdefault(alias, Live(self._store, alias, missing=missing)).collection

    def forget(self) -> None:
        """Ask Milvus again next time."""
        self._lives.clear()


def names_of(classes: Collection) -> list[str]:
    """Return the names of all classes, sorted."""
    return sorted(row["name"] for row in classes.query('name != ""', fields=["name"]))


def head_of(store: Store, visual: Collection, joint: Collection, words: Collection) -> ConseHead | TrainedHead:
    """Return the head that made a joint collection: from what stands in Milvus, or from its file."""
    if joint.manifest.fingerprint["head"]["kind"] != ConseHead.KIND:
        return stored_head(joint.manifest)
    rows = LiveClasses(store).of(visual).query('name != ""', fields=["name", "index", "bias", "vector"])
    classes = stored_classes(rows)
    return ConseHead(classes, words.vectors([form for name in classes.names for form in lookups(name)]))


def stored_network(manifest: Manifest) -> Network:
    """Return the backbone that made a visual collection, with what runs it fastest on this machine.

    Raises
    ------
    MissingExtraError
        If neither Keras nor, with a graph from an earlier run, OpenVINO is installed on this machine.
    FingerprintError
        If the backbone on this machine is another one.
    """
    return _same_as(manifest, _network(manifest.recipe.get("backbone", ""), manifest.recipe.get("weights")))


def stored_backbone(manifest: Manifest) -> Backbone:
    """Return the Keras model of the backbone that made a visual collection; errors as `stored_network`."""
    from milvise.embeddings.devise.backbones import load_backbone

    weights = manifest.recipe.get("weights")
    return _same_as(manifest, load_backbone(manifest.recipe.get("backbone", ""), weights=weights and Path(weights)))


def _same_as(manifest: Manifest, network: N) -> N:
    if dict(network.fingerprint) != dict(manifest.fingerprint):
        raise FingerprintError(
            "the picture would be embedded with another model than the gallery, and their vectors cannot be compared."
            f"\nExpected: {dict(manifest.fingerprint)}\nReceived: {network.fingerprint}"
        )
    return network


def stored_head(manifest: Manifest) -> TrainedHead:
    """Return the trained head that made a joint collection.

    Raises
    ------
    MissingExtraError
        If Keras is not installed on this machine.
    ModelError
        If the head's file is not on this machine.
    FingerprintError
        If the head in the file is another one.
    """
    path = Path(manifest.recipe.get("head", ""))
    head = _head(path, path.stat().st_mtime_ns if path.is_file() else 0)
    expected = dict(manifest.fingerprint["head"])
    if head.fingerprint != expected:
        raise FingerprintError(
            f"the head in {head.path} is not the one that the gallery was projected with.\nExpected: {expected}\n"
            f"Received: {head.fingerprint}"
        )
    return head


def close_models() -> None:
    """Release the networks and heads that were loaded for requests; the next request that needs one loads it again."""
    _networks.close()
    _heads.close()


_heads: KeptModels[TrainedHead] = KeptModels()
_networks: KeptModels[Network] = KeptModels(lambda network: network.close())


def _head(path: Path, changed: int) -> TrainedHead:
    from milvise.embeddings.devise.trained_head import load_head

    return _heads.get((path, changed), lambda: load_head(path))


def _network(spec: str, weights: str | None) -> Network:
    from milvise.embeddings.runtimes.engines import load_network

    return _networks.get((spec, weights), lambda: load_network(spec, weights=Path(weights) if weights else None))
