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
from milvise.embeddings.classes import stored_classes
from milvise.embeddings.conse import ConseHead
from milvise.embeddings.heads import conse_head as keras_conse
from milvise.embeddings.phrases import lookups
from milvise.embeddings.trained_head import TrainedHead
from milvise.errors import FingerprintError, NotFoundError, UnknownClassError, UsageError
from milvise.queries.encoder import PictureLike, stored_backbone, stored_head, visual_vector
from milvise.queries.expression import parse
from milvise.queries.focus import candidates_for, focused_query, focused_similarity
from milvise.queries.live import Live, answered
from milvise.queries.projector import write_projector
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
                weights = _class_weights(self._classes_of(visual), focus)
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
                vector = joint.vectors([key])[key]
            else:
                head = self._head_of(visual, joint, words)
                vector = head(_visual_of(visual, picture, None)[np.newaxis])[0]
            return nearest_words(words, vector, limit=limit, filter=frequent)

        return answered(request, *self._lives)

    def classes(self) -> list[str]:
        """Return the names of the classes that `similar` can focus on."""
        return answered(lambda: _class_names(self._classes_of(self._visual.collection)), *self._lives)

    def export_model(self, out: Path) -> dict[str, Any]:
        """Write the backbone and the head as one graph: ``pixels`` in, ``visual`` and ``joint`` vectors out.

        ``pixels`` are uint8 of shape (n, size, size, 3), resized as `milvise.embeddings.pictures.decode` does; a gallery
        without joint vectors gives a graph without them.

        Parameters
        ----------
        out : Path
            ``.keras``, ``.xml`` for OpenVINO, or a folder in TensorFlow's SavedModel format.

        Raises
        ------
        MissingExtraError
            If Keras, or OpenVINO for ``.xml``, is not installed.
        ModelError
            If it cannot be written, or something stands there.
        FingerprintError
            If the backbone or head on this machine is not the gallery's.
        """
        from milvise.embeddings.graph import export_graph, one_graph

        visual = self._visual.collection
        head = None
        if self._store.live(f"{self.name}_joint") is not None:
            made = self._head_of(*self._for_words())
            head = keras_conse(made) if isinstance(made, ConseHead) else made.model
        backbone = stored_backbone(visual.manifest)
        record = {"visual": backbone.fingerprint, "resize": backbone.rule}
        if head is not None:
            record["joint"] = dict(self._joint.collection.manifest.fingerprint)
        kind = export_graph(one_graph(backbone, head), out, record)
        width = None if head is None else int(head.output_shape[-1])
        shape = {"size": backbone.size, "resize": backbone.rule, "visual_dim": backbone.dim, "joint_dim": width}
        return {"out": str(out), "format": kind, **shape}

    def export_projector(
        self, out: Path, *, space: str = "visual", limit: int = 10_000, filter: str = ""
    ) -> dict[str, Any]:
        """Write vectors, metadata and thumbnails for TensorBoard's Embedding Projector, see `milvise.queries.projector`.

        Raises
        ------
        UsageError
            If `space` is neither ``visual`` nor ``joint``.
        InputError
            If the folder cannot be written, or nothing fits the filter.
        """
        lives = {"visual": self._visual, "joint": self._joint}
        if space not in lives:
            raise UsageError(f"unknown space.\nExpected: visual, joint\nReceived: {space}")
        return write_projector(lives[space].collection, out, limit=limit, filter=filter)

    def _for_words(self) -> tuple[Collection, Collection, Collection]:
        """Return the visual and the joint collection and the words, which one request reads throughout."""
        visual, joint, words = self._visual.collection, self._joint.collection, self._words.collection
        made_with, standing = dict(joint.manifest.fingerprint["words"]), dict(words.manifest.fingerprint)
        if made_with != standing:
            raise FingerprintError(
                f"the gallery {self.name!r} was made with other words than those that stand now, and their vectors cannot"
                f" be compared.\nExpected: {made_with}\nReceived: {standing}\nProject its stored visual vectors anew, which"
                f" needs no pictures: milvise project --gallery {self.name} --head conse"
            )
        return visual, joint, words

    def _head_of(self, visual: Collection, joint: Collection, words: Collection) -> ConseHead | TrainedHead:
        """Return the head that made a joint collection."""
        if joint.manifest.fingerprint["head"]["kind"] != ConseHead.KIND:
            return stored_head(joint.manifest)
        rows = self._classes_of(visual).query('name != ""', fields=["name", "index", "bias", "vector"])
        classes = stored_classes(rows)
        return ConseHead(classes, words.vectors([form for name in classes.names for form in lookups(name)]))

    def _classes_of(self, visual: Collection) -> Collection:
        """Return the classes of the backbone that made a visual collection."""
        made = dict(visual.manifest.fingerprint)
        classes = self._store.live(f"classes_{made['backbone']}")
        if classes is None:
            raise NotFoundError(f"the backbone {made['backbone']} has no classes loaded that can be focused on.")
        if dict(classes.manifest.fingerprint["visual"]) != made:
            raise FingerprintError(
                f"the classes of {made['backbone']} that stand now belong to another version of it than the gallery"
                f" {self.name!r}.\nExpected: {made}\nReceived: {dict(classes.manifest.fingerprint['visual'])}\nLoad the"
                " gallery again."
            )
        return classes


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
