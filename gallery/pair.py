"""The two collections of a gallery, and the order in which they are written.

A picture is done when the *visual* collection has its row. The joint row is written before it, and deleted before it, so
that a run that ends between any two calls leaves nothing that the next run would not find and put right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.adapter.index_memory import SCALAR_BYTES
from milvise.adapter.pages import EVERY_KEY, KeyRange
from milvise.adapter.schema import SKETCH, TOP_CLASSES
from milvise.core.arrays import Floats
from milvise.core.chunks import chunks
from milvise.core.records import Row
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.sketches import sketch
from milvise.embeddings.devise.top_classes import class_probabilities, encode
from milvise.errors import InputError
from milvise.gallery.heads import Head
from milvise.gallery.plan import Plan, load_beside

_ROWS = 1_000

_SHARED = ("sha256", "label", "meta")


@dataclass(frozen=True, slots=True)
class Pair:
    """A gallery's collections.

    Attributes
    ----------
    visual : Collection
    joint : Collection, optional
        None for ``--head none``.
    head : ConseHead or TrainedHead, optional
        From visual to joint vectors.
    classes : Classes, optional
        Those of the backbone; what it saw is stored with each picture where the collection has a column for it.
    before_write : callable
        Called before pictures are written, changed or deleted.
    """

    visual: Collection
    joint: Collection | None = None
    head: Head | None = None
    classes: Classes | None = None
    before_write: Callable[[], None] = lambda: None

    @property
    def in_order(self) -> list[Collection]:
        """The collections in the order in which they are written."""
        return [self.visual] if self.joint is None else [self.joint, self.visual]

    def share_of(self, collection: Collection, index: IndexSpec) -> IndexSpec:
        """Return the index for one of the collections: a budget of memory is for both, and each gets what its rows take of it."""
        sizes = {one.name: row_bytes(one.manifest) for one in self.in_order}
        return index.share(sizes[collection.name] / sum(sizes.values()))

    def stored(self, keys: Sequence[str]) -> dict[str, Row]:
        """Return hash, label and metadata of the pictures that are done, by key."""
        return self.visual.get(keys, fields=["sha256", "label", "meta"], own_writes=True)

    def strays(self, keys: Sequence[str]) -> list[str]:
        """Return those of the pictures that have a joint row and are not done: a run ended between its two writes."""
        if self.joint is None or not keys:
            return []
        return self._not_done(list(self.joint.get(keys, fields=["id"], own_writes=True)))

    def _not_done(self, keys: Sequence[str]) -> list[str]:
        done = self.visual.get(keys, fields=["id"], own_writes=True) if keys else {}
        return [key for key in keys if key not in done]

    def write(self, rows: Sequence[Row], joint: Floats | None) -> int:
        """Write rows with visual vectors, and beside them their joint vectors (n, width); return how many."""
        self.before_write()
        if rows and self.joint is not None and joint is not None:
            self.joint.upsert({**row, "vector": vector} for row, vector in zip(rows, joint, strict=True))
        return self.visual.upsert(self._as_ranked(rows))

    def _as_ranked(self, rows: Sequence[Row]) -> Sequence[Row]:
        if not rows or not self.visual.manifest.top_classes or self.classes is None:
            return rows
        return with_top_classes(rows, self.classes)

    def relabel(self, key: str, label: str, meta: Mapping[str, Any]) -> None:
        """Write a new label and new metadata beside the vectors that stand."""
        self.before_write()
        said = {"label": label, "meta": dict(meta)}
        for collection in self.in_order:
            row = collection.get([key], fields=[*collection.room.fields, "vector"], own_writes=True).get(key)
            # Where rows are replaced in two steps, a run that was killed between them leaves a picture without its joint row.
            row = self._projected(key) if row is None else row
            if row is not None:
                collection.upsert([{**row, **said}])

    def _projected(self, key: str) -> Row | None:
        row = self.visual.get([key], fields=[*self.visual.room.fields, "vector"], own_writes=True).get(key)
        if row is None or self.head is None:
            return None
        return {**row, "vector": self.head(np.asarray([row["vector"]], dtype=np.float32))[0]}

    def delete(self, keys: Sequence[str]) -> None:
        """Delete pictures."""
        self.before_write()
        for collection in self.in_order:
            collection.delete(keys)

    def other_owner(self, uri: str, path: Path | None) -> Path | None:
        """Return another file that exists under this URI in a folder that the gallery was loaded from.

        Parameters
        ----------
        path : Path, optional
            The file that the picture is read from now, None if it is no file on this machine.
        """
        candidates = (Path(root, uri) for root in self.visual.manifest.sources)
        return next((other for other in candidates if _is_another(other, path)), None)

    def project_missing(
        self,
        *,
        nothing_stands: bool = False,
        keys: KeyRange = EVERY_KEY,
        progress: Callable[[int], None] = lambda done: None,
    ) -> int:
        """Give joint vectors to done pictures that have none, from their visual vectors; return how many they were.

        A picture whose joint row has another content, label or metadata counts as having none.

        Parameters
        ----------
        nothing_stands : bool
            Whether it is known that there is no joint row yet: asking makes a server load the collection, which takes seconds.
        keys : KeyRange
            Only pictures with these ids.
        progress : callable
            Told how many pictures have been looked at.
        """
        if self.joint is None or self.head is None:
            return 0
        nothing_stands = nothing_stands or self.joint.count() == 0
        every, projected, looked_at = [*self.visual.room.fields, "vector"], 0, 0
        # Where an earlier run has begun, vectors are read of what it has left alone: they are nearly all of a row.
        for rows in chunks(self.visual.scan(every if nothing_stands else ["id", *_SHARED], keys=keys), _ROWS):
            missing = rows if nothing_stands else self._missing(rows, self.joint, every)
            if missing:
                vectors = self.head(np.asarray([row["vector"] for row in missing], dtype=np.float32))
                joined = zip(missing, vectors, strict=True)
                projected += self.joint.upsert({**row, "vector": vector} for row, vector in joined)
            looked_at += len(rows)
            progress(looked_at)
        return projected

    def _missing(self, rows: list[Row], joint: Collection, fields: Sequence[str]) -> list[Row]:
        stored = joint.get([row["id"] for row in rows], fields=_SHARED, own_writes=True)
        missing = [row["id"] for row in rows if not _same(row, stored.get(row["id"]))]
        return list(self.visual.get(missing, fields=fields, own_writes=True).values())

    def delete_strays(self) -> int:
        """Delete joint vectors of pictures that are not done; return how many they were."""
        if self.joint is None or self.joint.count() == self.visual.count():
            return 0
        strays = 0
        for batch in chunks((row["id"] for row in self.joint.scan(["id"])), _ROWS):
            gone = self._not_done(batch)
            self.joint.delete(gone)
            strays += len(gone)
        return strays


def with_top_classes(rows: Sequence[Row], classes: Classes) -> list[Row]:
    """Return visual rows with what the backbone saw in each picture, which searches are ranked by."""
    # In double precision, so that the same picture has the same texts on each machine and in batches of any size.
    vectors: Any = np.asarray([row["vector"] for row in rows], dtype=np.float64)
    seen = encode(class_probabilities(vectors, classes.weights, classes.bias))
    return [
        {**row, TOP_CLASSES: top, SKETCH: drawn} for row, top, drawn in zip(rows, seen, sketch(vectors), strict=True)
    ]


def open_pair(store: Store, plan: Plan, roots: Sequence[str]) -> tuple[Pair, int, list[str]]:
    """Return the collections to write to, how many stored pictures were projected into a new joint collection, and remarks.

    What stands already and was made the same way is taken; else it is built beside the live one. A gallery that is new is
    published at once, so that it can be searched while it grows.
    """
    # Before anything is made: where the catalog lost the gallery's entry, only what made it may go on with it.
    store.live(plan.visual.alias, made_as=plan.visual)
    remarks = load_beside(store, plan.visual, plan.classes, plan.texts)
    visual = _build(store, plan.visual, roots)
    # One strong read: what an earlier run wrote is seen by all reads behind it.
    visual.count()
    joint = None if plan.joint is None else _build(store, plan.joint, roots)
    pair = Pair(visual, joint, plan.head, plan.classes)
    projected = 0 if joint is None or _is_live(store, joint) else pair.project_missing()
    for collection in pair.in_order:
        if store.live(collection.manifest.alias) is None:
            store.publish(collection)
    return pair, projected, remarks


def build_pair(store: Store, manifests: Sequence[Manifest], roots: Sequence[str]) -> Pair:
    """Return collections to write to, made where they do not stand yet; nothing is published.

    Parameters
    ----------
    manifests : sequence of Manifest
        The joint one first, if there is one, then the visual one.
    """
    made = [_build(store, manifest, roots, load=False) for manifest in manifests]
    return Pair(made[-1], made[0] if len(made) > 1 else None)


def publish_pair(store: Store, pair: Pair, index: IndexSpec, *, may_go: Callable[[Row], bool]) -> int:
    """Settle and index both collections and make them the live ones; return the number of pictures.

    Parameters
    ----------
    may_go : callable
        Whether the live gallery's picture with this id and URI may be lost where the new one lacks it.

    Raises
    ------
    InputError
        If the live gallery has pictures that the new one lacks, and that may not be.
    """
    live = store.live(pair.visual.manifest.alias)
    if live is not None and live.name != pair.visual.name:
        _refuse_loss(live, pair.visual, may_go)
    rows = 0
    for collection in pair.in_order:
        finished = store.finish(collection, pair.share_of(collection, index))
        store.publish(finished)
        rows = finished.count()
    return rows


def _build(store: Store, manifest: Manifest, roots: Sequence[str], *, load: bool = True) -> Collection:
    """Return the collection of this manifest; where it is loaded from and made with is noted in the catalog."""
    collection = store.build(manifest, load=load)
    if collection.manifest.partition != manifest.partition:
        # A run that was killed before it published anything left it.
        store.discard(collection.manifest)
        collection = store.build(manifest, load=load)
    known = tuple(dict.fromkeys([*collection.manifest.sources, *roots]))
    noted = collection.manifest.changed(sources=known, recipe=manifest.recipe)
    if noted == collection.manifest:
        return collection
    recorded = store.record(noted)
    recorded.is_new = collection.is_new
    return recorded


def row_bytes(made: Manifest) -> float:
    """Return what a row of a collection takes of memory where that is short: a byte for each value, and its scalars."""
    return made.dim + SCALAR_BYTES.get(made.room, 0)


def _same(row: Row, other: Row | None) -> bool:
    return other is not None and all(row[name] == other[name] for name in _SHARED)


def _is_another(other: Path, path: Path | None) -> bool:
    try:
        return other.exists() if path is None else not other.samefile(path)
    except OSError:
        return False


def _is_live(store: Store, collection: Collection) -> bool:
    live = store.live(collection.manifest.alias)
    return live is not None and live.name == collection.name


def _refuse_loss(live: Collection, made: Collection, may_go: Callable[[Row], bool]) -> None:
    for batch in chunks(live.scan(["id", "uri"]), _ROWS):
        stands = made.get([row["id"] for row in batch], fields=["id"], own_writes=True)
        if any(row["id"] not in stands and not may_go(row) for row in batch):
            raise InputError(
                f"{live.manifest.alias} holds pictures that none of these sources has, and another backbone must see every"
                f" picture again. Give all its sources: {', '.join(live.manifest.sources)}\nOr let them go: --prune, which"
                " keeps those that are there and cannot be read. Nothing was changed."
            )


def withdraw_pair(store: Store, pair: Pair) -> None:
    """Drop the collections that this run made for a gallery that did not come to be."""
    for collection in pair.in_order:
        if collection.is_new:
            live = store.live(collection.manifest.alias)
            if live is not None and live.name == collection.name:
                store.drop(collection.manifest.alias)
            else:
                store.discard(collection.manifest)
