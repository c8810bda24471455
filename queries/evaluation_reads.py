"""What an evaluation reads of a gallery beside the searches that users make: its rows, its vectors, and exact answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from milvise.adapter import Collection, IndexSpec, Manifest
from milvise.core.arrays import Floats, unit
from milvise.core.chunks import chunks
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.records import Hit, WordHit
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.words.phrases import lookups, missing_words, phrase_vector
from milvise.errors import NotFoundError, ReplacedError, StoreError
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import WORDS_ALIAS, encoder_of, joint_alias, texts_alias, visual_alias
from milvise.gallery.words_and_classes import LiveTexts, require_same_words
from milvise.queries.database import Database
from milvise.queries.search import Gallery
from milvise.queries.vocabulary.word_vectors import FREQUENT, nearest_words

_ROWS = 1_000
_TRIES = 3
_PICTURES = 200
"""Milvus Lite holds the cosines of all pictures in a call with all words."""


@dataclass(frozen=True, slots=True)
class StoredSpace:
    """One of a gallery's two collections, searched by vector.

    Attributes
    ----------
    collection : Collection
    rows : int
        How many vectors there are.
    """

    collection: Collection
    rows: int

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.collection.manifest.dim

    @property
    def is_lite(self) -> bool:
        """Whether it is in Milvus Lite, whose engine runs in this process."""
        return self.collection.is_lite

    @property
    def index(self) -> IndexSpec:
        """The index that stands, with the search parameters in use."""
        return IndexSpec.parse(self.collection.manifest.index)

    def vectors(self) -> Iterator[tuple[list[str], Floats]]:
        """Yield ids and unit vectors, shape (n, dim), of all rows, a thousand at a time."""
        for rows in chunks(self.collection.scan(["id", "vector"]), _ROWS):
            yield [row["id"] for row in rows], unit(np.asarray([row["vector"] for row in rows], dtype=np.float32))

    def standing(self, ids: Sequence[str]) -> tuple[list[str], Floats]:
        """Return those of these pictures that stand, and their unit vectors, shape (n, dim): others may remove pictures meanwhile."""
        found = self.collection.vectors(ids)
        kept = [key for key in ids if key in found]
        return kept, unit(np.stack([found[key] for key in kept])) if kept else np.zeros((0, self.dim), np.float32)

    def nearest(self, vectors: Floats, *, limit: int) -> list[list[tuple[str, float]]]:
        """Return for each vector the ids and cosines of the closest rows, closest first, in one call to Milvus."""
        answers = self.collection.search(vectors, limit=limit, fields=["id"])
        return [[(row["id"], score) for row, score in hits] for hits in answers]

    def searched_with(self, index: IndexSpec) -> StoredSpace:
        """Return the same rows, searched with the search parameters of `index`; nothing is stored."""
        return StoredSpace(self.collection.with_index(index), self.rows)


@dataclass(frozen=True, slots=True)
class GalleryReader:
    """A gallery as it stands at one moment.

    Attributes
    ----------
    gallery : Gallery
        For searches as users make them.
    visual, joint, words : Manifest
        What stood at the start: the pictures, the pictures among words, and these words. Where an encoder has one space alone,
        `joint` is `visual`, and `words` are the encoder's texts.
    """

    database: Database
    gallery: Gallery
    visual: Manifest
    joint: Manifest | None
    words: Manifest | None

    @property
    def spaces(self) -> tuple[str, ...]:
        """The names of the collections that stand."""
        return (JOINT, VISUAL) if self.joint is not None and self.joint != self.visual else (VISUAL,)

    def pictures(self, *, filter: str = "") -> Iterator[dict[str, Any]]:
        """Yield ``id``, ``uri``, ``label``, ``sha256`` and ``meta`` of every picture, in the order of their ids."""
        yield from self._collection(self.visual).scan(["id", "uri", "label", "sha256", "meta"], filter=filter)

    def uris(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the URIs of those of these pictures that stand, by id."""
        return {key: row["uri"] for key, row in self._collection(self.visual).get(ids, fields=["uri"]).items()}

    def rows(self, manifest: Manifest) -> int:
        """Return how many rows one of the collections has."""
        return self._collection(manifest).count()

    def space(self, name: str) -> StoredSpace:
        """Return ``visual`` or ``joint``."""
        manifest = self.visual if name == VISUAL else self.joint
        assert manifest is not None
        collection = self._collection(manifest)
        return StoredSpace(collection, collection.count())

    def sample(self, most: int) -> list[str]:
        """Return ids of pictures, at most so many. Ids are hashes: the smallest are a random sample, and the same one each time."""
        return [row["id"] for row in islice(self._collection(self.visual).scan(["id"]), most)]

    def phrases(self, phrases: Sequence[str]) -> dict[str, Floats]:
        """Return the unit vectors of phrases, by phrase; one with a word that the vocabulary lacks is left out."""
        assert self.words is not None
        words = self._collection(self.words)
        known = words.vectors(list(dict.fromkeys(form for phrase in phrases for form in lookups(phrase))))
        found = {phrase: phrase_vector(phrase, known) for phrase in phrases if not missing_words(phrase, known)}
        return {phrase: vector for phrase, vector in found.items() if vector is not None}

    def entries(self, words: Sequence[str]) -> dict[str, Floats]:
        """Return the unit vectors of those of `words` that are vocabulary entries, by word."""
        assert self.words is not None
        found = self._collection(self.words).vectors(list(dict.fromkeys(words)))
        return {word: unit(vector) for word, vector in found.items()}

    def sample_words(self, count: int, *, among: int, seed: int) -> Floats:
        """Return the unit vectors, shape (n, dim), of `count` distinct random words among the most frequent."""
        assert self.words is not None
        words = self._collection(self.words)
        ranks = np.random.default_rng(seed).permutation(min(among, words.count()))[:count].tolist()
        found: dict[int, Any] = {}
        for batch in chunks(ranks, _ROWS):
            found |= {row["rank"]: row["vector"] for row in words.query(f"rank in {batch}", fields=["rank", "vector"])}
        return unit(np.asarray([found[rank] for rank in ranks if rank in found], dtype=np.float32))

    def tags(self, ids: Sequence[str], *, limit: int, among: int = FREQUENT) -> Iterator[tuple[str, list[WordHit]]]:
        """Yield the tags of each picture, as `Gallery.tags` finds them, with many pictures a call."""
        for batch in chunks(ids, _PICTURES):
            standing = batch
            for _ in range(_TRIES):
                try:
                    yield from zip(standing, self.gallery.tags_of(standing, limit=limit, among=among), strict=True)
                    break
                except ReplacedError:
                    raise
                except NotFoundError:
                    standing = self.space(VISUAL).standing(batch)[0]

    def similar(self, key: str, *, focus: str | None = None, limit: int, filter: str) -> list[Hit] | None:
        """Return what `Gallery.similar` finds for a picture, None where the picture was removed meanwhile."""
        try:
            return self.gallery.similar(key, focus=focus, limit=limit, filter=filter)
        except ReplacedError:
            raise
        except NotFoundError:
            if self.space(VISUAL).standing([key])[0]:
                raise
            return None

    def closest_words(self, ids: Sequence[str], *, limit: int, among: int) -> Iterator[tuple[str, list[WordHit]]]:
        """Yield the words closest to each picture's joint vector, with many pictures a call."""
        assert self.words is not None
        words, joint = self._collection(self.words), self.space(JOINT)
        for batch in chunks(ids, _PICTURES):
            standing, vectors = joint.standing(batch)
            found = nearest_words(words, vectors, limit=limit, filter=f"rank < {int(among)}")
            yield from zip(standing, found, strict=True)

    def class_names(self) -> list[str]:
        """Return the names of the classes that the backbone knows, none where they are not loaded."""
        try:
            return self.gallery.classes()
        except NotFoundError:
            return []

    def record_index(self, name: str, index: str) -> None:
        """Store search parameters for ``visual`` or ``joint`` in the catalog, where every client reads them."""
        store, manifest = self.database.store, self.visual if name == VISUAL else self.joint
        assert manifest is not None
        # The catalog's entry, of which other values may have changed meanwhile.
        found = store.find(manifest)
        if found is not None and found.manifest.index != index:
            store.record(found.manifest.changed(index=index))

    def require_unchanged(self) -> None:
        """Check that the collections that were read are still the live ones.

        Raises
        ------
        StoreError
            If one of them was replaced: figures would be of two different galleries.
        """
        name = self.gallery.name
        # Not the aliases in the manifests: a version can be evaluated under another name before it goes live.
        read = ((visual_alias(name), self.visual), (joint_alias(name), self.joint))
        for alias, manifest in (*read, *((one.alias, one) for one in [self.words] if one is not None)):
            if manifest is None or (alias == joint_alias(name) and manifest == self.visual):
                continue
            live = self.database.store.live(alias)
            if live is None or live.name != manifest.collection:
                raise StoreError(
                    f"{alias} was replaced while it was evaluated, so that the figures would be of two galleries."
                    f"\nExpected: {manifest.collection}\nReceived: {live.name if live else 'none'}\nRun the command again."
                )

    def _collection(self, manifest: Manifest) -> Collection:
        return self.database.store.open(manifest)


def read_gallery(database: Database, name: str) -> GalleryReader:
    """Return a gallery as it stands now.

    Raises
    ------
    NotFoundError
        If there is none of this name.
    FingerprintError
        If it was projected with other words than those that stand.
    """
    gallery, store = database.gallery(name), database.store
    visual = store.live(visual_alias(name))
    if visual is None:
        raise missing_gallery(store, name)
    encoder = encoder_of(visual.manifest.fingerprint)
    if encoder != DEFAULT_ENCODER:
        texts = LiveTexts(store, database.words.live).of(visual) if store.live(texts_alias(encoder)) else None
        return GalleryReader(
            database, gallery, visual.manifest, visual.manifest if texts else None, texts.manifest if texts else None
        )
    joint, words = store.live(joint_alias(name)), store.live(WORDS_ALIAS)
    if joint is not None and words is not None:
        require_same_words(joint, words)
    # Without its words a joint collection cannot be asked anything.
    joint = joint if words is not None else None
    return GalleryReader(
        database, gallery, visual.manifest, joint.manifest if joint else None, words.manifest if words else None
    )
