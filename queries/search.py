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
from milvise.embeddings.classes import Classes
from milvise.embeddings.conse import ConseHead
from milvise.embeddings.phrases import lookups
from milvise.errors import FingerprintError, NotFoundError, UnknownClassError
from milvise.queries.encoder import PictureLike, visual_vector
from milvise.queries.focus import candidates_for, focused_query, focused_similarity
from milvise.queries.live import Live
from milvise.queries.spelling import closest
from milvise.queries.vocabulary import FREQUENT, Vocabulary
from milvise.records import Hit, WordHit, distance, record_id

Array = np.ndarray[Any, np.dtype[np.float32]]

_FIELDS = ["uri", "label", "meta"]
_FOCUS_EFFORT = 4


class Gallery:
    """One collection of pictures; ``db.gallery(name)`` of a `milvise.Database`."""

    def __init__(self, store: Store, words: Vocabulary, name: str) -> None:
        self.name = name
        self._store = store
        self._words = words
        missing = f"there is no gallery {name!r}. Load one: milvise ingest images FOLDER --gallery {name}"
        unprojected = (
            f"the gallery {name!r} has no joint vectors, which searching by word needs. Load it with --head conse."
        )
        self._visual = Live(store, f"{name}_visual", missing=missing)
        self._joint = Live(store, f"{name}_joint", missing=unprojected)

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
        self._visual.collection  # noqa: B018  the first thing to say is that there is no such gallery
        self._require_same_words()
        vector = self._words.vector(expression)
        return self._joint.read(lambda joint: _nearest(joint, vector, limit=limit, filter=filter))

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
        key = self._stored_key(picture)
        query = self._visual_of(picture, key)
        asked = limit + (key is not None)
        if focus is None:
            hits = self._visual.read(lambda visual: _nearest(visual, query, limit=asked, filter=filter))
        else:
            weights = self._class_weights(focus)
            hits = self._visual.read(lambda visual: _focused(visual, query, weights, limit=asked, filter=filter))
        return [hit for hit in hits if hit.id != key][:limit]

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
        self._require_same_words()
        key = self._stored_key(picture)
        if key is not None:
            vector = self._joint.read(lambda joint: joint.vectors([key]))[key]
        else:
            vector = self._head()(self._visual_of(picture, None)[np.newaxis])[0]
        frequent = f"rank < {int(among)}"
        return self._words.near(vector, limit=limit, filter=both(filter, frequent))

    def classes(self) -> list[str]:
        """Return the names of the classes that `similar` can focus on."""
        rows = self._classes().read(lambda classes: classes.query('name != ""', fields=["name"]))
        return sorted(row["name"] for row in rows)

    # -- pictures -----------------------------------------------------------------------------------------------------

    def _stored_key(self, picture: PictureLike) -> str | None:
        """Return the primary key of a stored picture, or None for a picture that has to be read."""
        if not isinstance(picture, str) or Path(picture).is_file():
            return None
        keys = [picture, record_id(picture)]
        found = self._visual.read(lambda visual: visual.get(keys, fields=["id"]))
        for key in keys:
            if key in found:
                return key
        raise NotFoundError(
            f"{picture!r} is neither a file on this machine nor the id or URI of a picture in the gallery {self.name!r}."
        )

    def _visual_of(self, picture: PictureLike, key: str | None) -> Array:
        if key is not None:
            return self._visual.read(lambda visual: visual.vectors([key]))[key]
        return visual_vector(picture, self._visual.collection.manifest)

    # -- classes and words --------------------------------------------------------------------------------------------

    def _classes(self) -> Live:
        manifest = self._visual.collection.manifest
        backbone = manifest.fingerprint["backbone"]
        missing = f"the classes of the backbone {backbone} are not loaded; it has none that can be focused on."
        live = Live(self._store, f"classes_{backbone}", missing=missing)
        stored = live.collection.manifest.fingerprint["visual"]
        if dict(stored) != dict(manifest.fingerprint):
            raise FingerprintError(
                f"the classes of {backbone} that stand now belong to another version of it than the gallery {self.name!r}."
                f"\nExpected: {dict(manifest.fingerprint)}\nReceived: {dict(stored)}\nLoad the gallery again."
            )
        return live

    def _class_weights(self, name: str) -> Array:
        live = self._classes()
        found = live.read(lambda classes: classes.vectors([name]))
        if name in found:
            return found[name]
        names = self.classes()
        same = next((known for known in names if known.lower() == name.lower().replace("_", " ")), None)
        if same is None:
            place = f"the {len(names):,} classes of the gallery {self.name!r}"
            raise UnknownClassError(name, closest(name, names), kind="class", place=place)
        return live.read(lambda classes: classes.vectors([same]))[same]

    def _head(self) -> ConseHead:
        live = self._classes()
        rows = live.read(lambda classes: classes.query('name != ""', fields=["name", "index", "bias", "vector"]))
        rows.sort(key=lambda row: int(row["index"]))
        weights = np.asarray([row["vector"] for row in rows], dtype=np.float32)
        bias = np.asarray([row["bias"] for row in rows], dtype=np.float32)
        classes = Classes(tuple(row["name"] for row in rows), weights, bias)
        return ConseHead(classes, self._words.vectors([form for name in classes.names for form in lookups(name)]))

    def _require_same_words(self) -> None:
        made_with = dict(self._joint.collection.manifest.fingerprint["words"])
        if made_with != self._words.fingerprint:
            raise FingerprintError(
                f"the gallery {self.name!r} was made with other words than those that stand now, and their vectors cannot"
                f" be compared.\nExpected: {made_with}\nReceived: {self._words.fingerprint}\nRun milvise ingest images for"
                " it again: its stored visual vectors are projected anew, without the neural network."
            )


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
