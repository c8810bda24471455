"""Start here: requests to one gallery.

words   -> expression -> vector in word space  -> joint collection  -> pictures
picture -> stored or computed visual vector    -> visual collection -> pictures      (plain, or focused on a class)
picture -> stored or computed joint vector     -> words             -> tags
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Collection, Store
from milvise.adapter.collection import MOST_HITS
from milvise.adapter.escape import both
from milvise.config import DEFAULT_LIMIT
from milvise.embeddings.network import Head
from milvise.errors import NotFoundError, UnknownClassError
from milvise.queries.encoder import PictureLike, visual_vector
from milvise.queries.expression import parse
from milvise.queries.focus import are_enough, candidate_counts, focused_query, focused_similarity
from milvise.queries.known import KnownVectors
from milvise.queries.live import Live, answered
from milvise.queries.models import LiveClasses, head_of, require_same_words
from milvise.queries.spelling import closest
from milvise.queries.vocabulary import FREQUENT, Vocabulary, expression_vectors, nearest_words
from milvise.records import Hit, WordHit, distance, record_id

Array = np.ndarray[Any, np.dtype[np.float32]]

_FIELDS = ["uri", "label", "meta"]
_FOCUS_EFFORT = 4


class Gallery:
    """One collection of pictures; ``db.gallery(name)`` of a `milvise.Database`."""

    def __init__(self, store: Store, words: Vocabulary, name: str) -> None:
        self.name = name
        self._store = store
        self._words = words.live
        self._known_words = words.known
        self._known_classes = KnownVectors()
        self._known_head: tuple[str, Head] | None = None
        missing = f"there is no gallery {name!r}. Load one: milvise ingest images FOLDER --gallery {name}"
        unprojected = (
            f"the gallery {name!r} has no joint vectors, which searching by word needs. Make some from its stored visual"
            f" vectors: milvise project --gallery {name} --head conse"
        )
        self._visual = Live(store, f"{name}_visual", missing=missing)
        self._joint = Live(store, f"{name}_joint", missing=unprojected)
        self._classes = LiveClasses(store)
        self._lives = (self._visual, self._joint, self._words, self._classes)

    def search(self, expression: str, *, limit: int = DEFAULT_LIMIT, filter: str = "") -> list[Hit]:
        """Return the pictures that show what the words say, closest first.

        Parameters
        ----------
        expression : str
            Such as ``dog``, ``cat sofa`` or ``"dining table"``; see `milvise.queries.expression`.
        limit : int
            How many.
        filter : str
            A Milvus expression over ``label``, ``uri``, ``width``, ``height`` and ``meta["…"]``.

        Raises
        ------
        UnknownWordError, ExpressionError
            As `Vocabulary.similar`.
        FingerprintError
            If the gallery was projected with other words than those that stand now.
        FilterError
            If Milvus cannot read the filter.
        """
        return self.search_many([expression], limit=limit, filter=filter)[0]

    def search_many(
        self, expressions: Sequence[str], *, limit: int = DEFAULT_LIMIT, filter: str = ""
    ) -> list[list[Hit]]:
        """Return for each of several expressions what `search` does, asked of Milvus in one call.

        Raises
        ------
        UnknownWordError, ExpressionError, FingerprintError, FilterError
            As `search`, if it would for any of them.
        """
        several = [parse(expression) for expression in expressions]
        if not several:
            return []

        def request() -> list[list[Hit]]:
            joint, words = self._for_words()
            vectors = expression_vectors(words, several, self._known_words)
            return _nearest_to_each(joint, vectors, limit=limit, filter=filter)

        return answered(request, *self._lives)

    def similar(
        self, picture: PictureLike, *, focus: str | None = None, limit: int = DEFAULT_LIMIT, filter: str = ""
    ) -> list[Hit]:
        """Return the pictures that look like a picture, closest first; a stored picture leaves itself out.

        Parameters
        ----------
        picture : path, bytes, PIL image, ndarray, or the id or URI of a stored picture
            A text is a path if a file is there. Only a stored picture needs no neural network on this machine.
        focus : str, optional
            A class that the backbone knows, such as ``Siamese cat``: only what speaks for it counts. `similarity` is
            then the cosine of the vectors weighted by the class's weights.
        limit, filter
            As `search`.

        Raises
        ------
        NotFoundError
            If the text is neither a file nor the id or URI of a stored picture.
        UnknownClassError
            If the backbone does not know the class; it carries close spellings.
        """

        def request() -> list[Hit]:
            visual = self._visual.collection
            key, query = _visual_of(visual, picture)
            asked = limit + (key is not None)
            if focus is None:
                hits = _nearest_to_each(visual, [query], limit=asked, filter=filter)[0]
            else:
                weights = self._class_weights(self._classes.of(visual), focus)
                hits = _focused(visual, query, weights, limit=asked, filter=filter)
            return [hit for hit in hits if hit.id != key][:limit]

        return answered(request, *self._lives)

    def tags(
        self, picture: PictureLike, *, limit: int = DEFAULT_LIMIT, among: int = FREQUENT, filter: str = ""
    ) -> list[WordHit]:
        """Return the words that say what a picture shows, closest first.

        Parameters
        ----------
        picture
            As `similar`.
        limit : int
            How many.
        among : int
            Only so many of the most frequent words are considered.
        filter : str
            A further Milvus expression over ``word`` and ``rank``.
        """
        frequent = both(filter, f"rank < {int(among)}")

        def request() -> list[WordHit]:
            visual = self._visual.collection
            joint, words = self._for_words()
            if _is_stored(picture):
                _, vector = _stored(joint, str(picture))
            else:
                vector = self._head(visual, joint, words)(visual_vector(picture, visual.manifest)[np.newaxis])[0]
            return nearest_words(words, vector[np.newaxis], limit=limit, filter=frequent)[0]

        return answered(request, *self._lives)

    def classes(self) -> list[str]:
        """Return the names of the classes that `similar` can focus on."""
        return answered(lambda: _class_names(self._classes.of(self._visual.collection)), *self._lives)

    def _for_words(self) -> tuple[Collection, Collection]:
        """Return the joint collection and the words, which one request reads throughout."""
        try:
            joint = self._joint.collection
        except NotFoundError:
            # Perhaps because there is no such gallery, which is another thing to say.
            _ = self._visual.collection
            raise
        words = self._words.collection
        require_same_words(joint, words)
        return joint, words

    def _head(self, visual: Collection, joint: Collection, words: Collection) -> Head:
        """Return the head that made the joint vectors; their collection's name holds a hash of what it is made of."""
        known = self._known_head
        if known is None or known[0] != joint.name:
            known = self._known_head = joint.name, head_of(self._store, visual, joint, words)
        return known[1]

    def _class_weights(self, classes: Collection, name: str) -> Array:
        found = self._known_classes.of(classes, [name])
        if name in found:
            return found[name]
        names = _class_names(classes)
        same = next((known for known in names if known.lower() == name.lower().replace("_", " ")), None)
        if same is None:
            place = f"the {len(names):,} classes of {classes.manifest.alias}"
            raise UnknownClassError(name, closest(name, names), kind="class", place=place)
        return self._known_classes.of(classes, [same])[same]


def _is_stored(picture: PictureLike) -> bool:
    """Return whether a picture is named, and not one that has to be read."""
    return isinstance(picture, str) and not Path(picture).is_file()


def _visual_of(visual: Collection, picture: PictureLike) -> tuple[str | None, Array]:
    """Return a picture's visual vector, and the primary key of one that is stored."""
    if _is_stored(picture):
        return _stored(visual, str(picture))
    return None, visual_vector(picture, visual.manifest)


def _stored(collection: Collection, name: str) -> tuple[str, Array]:
    """Return primary key and vector of a stored picture, which is named by its id or its URI."""
    keys = [name, record_id(name)]
    found = collection.vectors(keys)
    for key in keys:
        if key in found:
            return key, found[key]
    gallery = collection.manifest.alias.removesuffix("_visual").removesuffix("_joint")
    raise NotFoundError(
        f"{name!r} is neither a file on this machine nor the id or URI of a picture in the gallery {gallery!r}."
    )


def _class_names(classes: Collection) -> list[str]:
    return sorted(row["name"] for row in classes.query('name != ""', fields=["name"]))


def _nearest_to_each(collection: Collection, vectors: Sequence[Array], *, limit: int, filter: str) -> list[list[Hit]]:
    answers = collection.search(vectors, limit=limit, fields=_FIELDS, filter=filter)
    return [[_hit(row, score) for row, score in answer] for answer in answers]


def _focused(collection: Collection, query: Array, weights: Array, *, limit: int, filter: str) -> list[Hit]:
    search = [focused_query(query, weights)]
    for count in candidate_counts(limit, MOST_HITS):
        fields = [*_FIELDS, "vector"]
        found = collection.search(search, limit=count, fields=fields, filter=filter, effort=_FOCUS_EFFORT)[0]
        if not found:
            return []
        candidates = np.asarray([row["vector"] for row, _ in found], dtype=np.float32)
        scores = focused_similarity(query, weights, candidates)
        if len(found) < count or are_enough(query, weights, candidates, scores, last=found[-1][1], limit=limit):
            break
    best = np.argsort(-scores, kind="stable")[:limit]
    return [_hit(found[place][0], float(scores[place])) for place in best]


def _hit(row: dict[str, Any], score: float) -> Hit:
    return Hit(row["id"], row["uri"], row["label"], score, distance(score), dict(row["meta"] or {}))
