"""The words, texts and classes that stand beside a gallery, and whether they belong to it."""

from __future__ import annotations

from milvise.adapter import Collection, Store
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.records import Fingerprint
from milvise.errors import FingerprintError, NotFoundError, ReplacedError, UsageError
from milvise.gallery.live import Live
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import (
    WORDS_ALIAS,
    classes_alias,
    encoder_of,
    gallery_of,
    maker_of,
    texts_alias,
    visual_alias,
)


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


def require_same_version(joint: Collection, visual: Collection) -> None:
    """Check that joint vectors were made of these visual ones: two aliases of a gallery move one after the other.

    Raises
    ------
    ReplacedError
        If not; whoever asks again finds what stands then.
    """
    if dict(joint.manifest.fingerprint["visual"]) != dict(visual.manifest.fingerprint):
        raise ReplacedError(
            f"the joint vectors {joint.name} were made of other visual vectors than {visual.name}: another version of the gallery goes"
            f" live at this moment.\nIf it stays so, the change was cut off: milvise verify --gallery {gallery_of(visual.manifest.alias)}"
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
    require_heads(visual, "trained on or projected")
    if words is None:
        raise NotFoundError("a head needs words, and none are loaded. Load some: milvise ingest words glove-6b-50d")
    return visual, words


def classes_behind(store: Store, visual: Collection) -> Collection | None:
    """Return the classes of the backbone that made visual vectors; None where none are loaded, or those of another version of it."""
    made = dict(visual.manifest.fingerprint)
    classes = store.live(classes_alias(maker_of(made)))
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
            f"the classes of {maker_of(expected)} that stand now belong to another version of it than the gallery"
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
        alias = classes_alias(maker_of(made))
        missing = f"the {_maker(made)} has no classes loaded that can be focused on."
        return self._lives.setdefault(alias, Live(self._store, alias, missing=missing)).collection

    def forget(self) -> None:
        """Ask Milvus again next time."""
        self._lives.clear()


class LiveTexts:
    """The vocabulary of a gallery's text space: ``words``, or the texts of another encoder."""

    def __init__(self, store: Store, words: Live) -> None:
        self._store = store
        self._words = words
        self._lives: dict[str, Live] = {}

    def of(self, visual: Collection) -> Collection:
        """Return the vocabulary whose vectors are compared with those of a gallery.

        Raises
        ------
        NotFoundError
            If none is loaded.
        FingerprintError
            If the texts that stand belong to another version of the encoder.
        """
        made = dict(visual.manifest.fingerprint)
        encoder = encoder_of(made)
        if encoder == DEFAULT_ENCODER:
            return self._words.collection
        missing = (
            f"the encoder {encoder!r} has no texts loaded, so that its galleries cannot be searched by word, and pictures have no"
            " tags. They can be searched by picture."
        )
        live = self._lives.setdefault(encoder, Live(self._store, texts_alias(encoder), missing=missing))
        received = dict(live.collection.manifest.fingerprint["visual"])
        if received != made:
            raise FingerprintError(
                f"the texts that stand belong to another version of the encoder {encoder!r} than the gallery"
                f" {gallery_of(visual.manifest.alias)!r}.\nExpected: {made}\nReceived: {received}\nLoad the gallery again."
            )
        return live.collection

    def forget(self) -> None:
        """Ask Milvus again next time."""
        self._words.forget()
        self._lives.clear()


def require_heads(visual: Collection, what: str) -> None:
    """Check that the encoder of a gallery takes heads.

    Parameters
    ----------
    what : str
        What cannot be done to the gallery otherwise, such as ``projected``.

    Raises
    ------
    UsageError
        If not.
    """
    encoder = encoder_of(visual.manifest.fingerprint)
    if encoder != DEFAULT_ENCODER:
        raise UsageError(
            f"the gallery {gallery_of(visual.manifest.alias)!r} cannot be {what}.\nExpected: a gallery of the encoder"
            f" {DEFAULT_ENCODER!r}, which has a backbone and a head\nReceived: one of {encoder!r}"
        )


def _maker(made: Fingerprint) -> str:
    encoder = encoder_of(made)
    return f"backbone {made['backbone']}" if encoder == DEFAULT_ENCODER else f"encoder {encoder!r}"


def names_of(classes: Collection) -> list[str]:
    """Return the names of all classes, sorted."""
    return sorted(row["name"] for row in classes.query('name != ""', fields=["name"]))
