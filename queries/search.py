"""Start here: requests to one gallery.

words   -> expression -> vector in word space  -> joint collection  -> pictures
picture -> stored or computed visual vector    -> visual collection -> pictures      (plain, or focused on a class)
picture -> stored or computed joint vector     -> words             -> tags
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Collection, Store
from milvise.adapter.collection import MOST_HITS
from milvise.adapter.escape import both
from milvise.config import DEFAULT_LIMIT
from milvise.errors import NotFoundError, UnknownClassError
from milvise.queries.encoder import PictureLike, visual_vector
from milvise.queries.expression import parse
from milvise.queries.focus import candidates_for, focused_query, focused_similarity
from milvise.queries.live import Live, answered
from milvise.queries.models import classes_of, head_of, require_same_words
from milvise.queries.spelling import closest
from milvise.queries.vocabulary import FREQUENT, Vocabulary, expression_vector, nearest_words
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
        missing = f"there is no gallery {name!r}. Load one: milvise ingest images FOLDER --gallery {name}"
        unprojected = (
            f"the gallery {name!r} has no joint vectors, which searching by word needs. Make some from its stored visual"
            f" vectors: milvise project --gallery {name} --head conse"
        )
        self._visual = Live(store, f"{name}_visual", missing=missing)
        self._joint = Live(store, f"{name}_joint", missing=unprojected)
        self._lives = (self._visual, self._joint, self._words)

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
        terms = parse(expression)

        def request() -> list[Hit]:
            _, joint, words = self._for_words()
            return _nearest(joint, expression_vector(words, terms), limit=limit, filter=filter)

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
            key = _stored_key(visual, picture)
            query = _visual_of(visual, picture, key)
            asked = limit + (key is not None)
            if focus is None:
                hits = _nearest(visual, query, limit=asked, filter=filter)
            else:
                weights = _class_weights(classes_of(self._store, visual), focus)
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
            visual, joint, words = self._for_words()
            key = _stored_key(visual, picture)
            if key is not None:
                vectors = joint.vectors([key])[key][np.newaxis]
            else:
                head = head_of(self._store, visual, joint, words)
                vectors = head(_visual_of(visual, picture, None)[np.newaxis])
            return nearest_words(words, vectors, limit=limit, filter=frequent)[0]

        return answered(request, *self._lives)

    def classes(self) -> list[str]:
        """Return the names of the classes that `similar` can focus on."""
        return answered(lambda: _class_names(classes_of(self._store, self._visual.collection)), *self._lives)

    def _for_words(self) -> tuple[Collection, Collection, Collection]:
        """Return the visual and the joint collection and the words, which one request reads throughout."""
        visual, joint, words = self._visual.collection, self._joint.collection, self._words.collection
        require_same_words(joint, words)
        return visual, joint, words


def _stored_key(visual: Collection, picture: PictureLike) -> str | None:
    """Return the primary key of a stored picture, or None for a picture that has to be read."""
    if not isinstance(picture, str) or Path(picture).is_file():
        return None
    keys = [picture, record_id(picture)]
    found = visual.get(keys, fields=["id"])
    for key in keys:
        if key in found:
            return key
    raise NotFoundError(
        f"{picture!r} is neither a file on this machine nor the id or URI of a picture in the gallery"
        f" {visual.manifest.alias.removesuffix('_visual')!r}."
    )


def _visual_of(visual: Collection, picture: PictureLike, key: str | None) -> Array:
    return visual_vector(picture, visual.manifest) if key is None else visual.vectors([key])[key]


def _class_names(classes: Collection) -> list[str]:
    return sorted(row["name"] for row in classes.query('name != ""', fields=["name"]))


def _class_weights(classes: Collection, name: str) -> Array:
    found = classes.vectors([name])
    if name in found:
        return found[name]
    names = _class_names(classes)
    same = next((known for known in names if known.lower() == name.lower().replace("_", " ")), None)
    if same is None:
        place = f"the {len(names):,} classes of {classes.manifest.alias}"
        raise UnknownClassError(name, closest(name, names), kind="class", place=place)
    return classes.vectors([same])[same]


def _nearest(collection: Collection, vector: Array, *, limit: int, filter: str) -> list[Hit]:
    answers = collection.search(vector[np.newaxis], limit=limit, fields=_FIELDS, filter=filter)
    return [_hit(row, score) for row, score in answers[0]]


def _focused(collection: Collection, query: Array, weights: Array, *, limit: int, filter: str) -> list[Hit]:
    answers = collection.search(
        focused_query(query, weights)[np.newaxis],
        limit=candidates_for(limit, MOST_HITS),
        fields=[*_FIELDS, "vector"],
        filter=filter,
        effort=_FOCUS_EFFORT,
    )
    rows = [row for row, _ in answers[0]]
    if not rows:
        return []
    scores = focused_similarity(query, weights, np.asarray([row["vector"] for row in rows], dtype=np.float32))
    best = np.argsort(-scores, kind="stable")[:limit]
    return [_hit(rows[place], float(scores[place])) for place in best]


def _hit(row: dict[str, Any], score: float) -> Hit:
    return Hit(row["id"], row["uri"], row["label"], score, distance(score), dict(row["meta"] or {}))
