"""A gallery moved to another head, from its stored visual vectors, while it is searched.

    visual collection -> head -> new joint collection -> index -> check -> move the alias -> drop the old one

Until the alias moves, every search is answered from the old joint collection; a run that ends before leaves it as it was, and
the same command goes on with what is there. Neither pictures nor the neural network that embedded them are needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.adapter.escape import both
from milvise.embeddings.devise.classes import Classes, stored_classes
from milvise.errors import NotFoundError, StoreError
from milvise.gallery.heads import Head, conse_fingerprint, conse_head, joint_manifest, trained_head
from milvise.gallery.names import classes_alias, joint_alias, maker_of
from milvise.gallery.pair import Pair
from milvise.gallery.parts import Part
from milvise.gallery.words_and_classes import classes_behind, require_same_backbone, visual_and_words
from milvise.gallery.write_hierarchy import write_hierarchy

SAMPLE = 100
TOLERANCE = 1e-4
_PASSES = 5


@dataclass(frozen=True, slots=True)
class Projection:
    """What moving a gallery to a head did.

    Attributes
    ----------
    projected : int
        Pictures whose joint vector was computed; fewer than `rows` where an earlier run had begun.
    removed : int
        Joint vectors, left by an earlier run, of pictures that are gone.
    checked : int
        Stored vectors that were compared with the head's.
    joint_share : float, optional
        How much the joint part counts in the default search for the labels that a trained head learned, where a share was chosen.
    replaced, kept : str, optional
        The joint collection that was live before, dropped or kept.
    notes : tuple of str
        What else there is to say.
    """

    gallery: str
    head: dict[str, Any]
    collection: str
    rows: int
    projected: int
    removed: int
    checked: int
    index: str
    replaced: str | None
    kept: str | None
    seconds: float
    joint_share: float | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the projection as plain values."""
        return {**asdict(self), "seconds": round(self.seconds, 3), "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class ProjectedPart:
    """What making joint vectors of a part of a gallery did; nothing went live.

    Attributes
    ----------
    part : str
        Which part, such as ``2/8``.
    collection : str
        Where the vectors stand.
    looked_at, projected : int
        Pictures of the part, and those whose joint vector was computed.
    """

    gallery: str
    part: str
    collection: str
    looked_at: int
    projected: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def project(
    store: Store,
    *,
    gallery: str,
    head: str,
    index: IndexSpec | None = None,
    keep: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Projection:
    """Move a gallery to a head; see the module's description.

    Parameters
    ----------
    head : str
        ``conse``, or the path of a trained head.
    index : IndexSpec, optional
        For the joint collection; by default as it was asked for before.
    keep : bool
        Whether the joint collection that is live now is kept. Projecting to its head again is then a matter of moments.
    progress : callable
        Told how many pictures have been looked at, and how many there are.

    Raises
    ------
    NotFoundError
        If the gallery, the words, or the classes for ``conse`` are not there.
    FingerprintError
        If the head was trained with another backbone or other words; it names both fingerprints.
    StoreError
        If what was written is not what the head gives, or pictures keep changing; the gallery stays as it was.
    """
    started = time.monotonic()
    store = store.patient()
    before = store.live(joint_alias(gallery))
    visual, made, kind, manifest = _made_with(store, gallery, head)
    spec = index or IndexSpec.parse(before.manifest.requested_index if before else "auto")
    store.indexes.require(spec, dim=manifest.dim)
    pair = Pair(visual, store.build(manifest), made)
    projected, removed, finished = _complete(store, pair, spec, progress)
    checked = _check(visual, finished, made)
    replaced = None if before is None or before.name == finished.name else before.name
    # A manifest found in the catalog may name another file with the same head.
    store.publish(store.record(finished.manifest.changed(recipe=manifest.recipe)), keep=keep)
    notes = tuple(_write_hierarchy(store, visual))
    return Projection(
        gallery, dict(kind), finished.name, finished.count(), projected, removed, checked, finished.manifest.index,
        None if keep else replaced, replaced if keep else None, time.monotonic() - started,
        manifest.recipe.get("joint_share"), notes,
    )  # fmt: skip


def project_part(
    store: Store,
    *,
    gallery: str,
    head: str,
    part: Part,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ProjectedPart:
    """Make the joint vectors of a part of a gallery beside the live ones; parameters and errors as `project`.

    Processes and machines that each make another part need not know of each other. `project` finds what they made.
    """
    started = time.monotonic()
    store = store.patient()
    visual, made, _, manifest = _made_with(store, gallery, head)
    pair = Pair(visual, store.build(manifest), made)
    assert pair.joint is not None
    total, looked_at = visual.count(part.keys.expression(visual.room.key)), 0

    def tell(done: int) -> None:
        nonlocal looked_at
        looked_at = done
        progress(done, total)

    projected = pair.project_missing(nothing_stands=pair.joint.is_new, keys=part.keys, progress=tell)
    return ProjectedPart(gallery, str(part), pair.joint.name, looked_at, projected, time.monotonic() - started)


def _made_with(store: Store, gallery: str, head: str) -> tuple[Collection, Head, dict[str, Any], Manifest]:
    """Return the visual vectors, the head, what tells it from others, and what it makes of them."""
    visual, words = visual_and_words(store, gallery)
    made, kind = _head(store, head, gallery, visual, words)
    return (
        visual,
        made,
        kind,
        joint_manifest(visual.manifest, words, made, kind).changed(sources=visual.manifest.sources),
    )


def _head(store: Store, spec: str, gallery: str, visual: Collection, words: Collection) -> tuple[Head, dict[str, Any]]:
    made_by = dict(visual.manifest.fingerprint)
    if spec != "conse":
        head = trained_head(spec, gallery=gallery, visual=made_by, words=words)
        return head, head.fingerprint
    classes = store.live(classes_alias(maker_of(made_by)))
    if classes is None:
        raise NotFoundError(f"the backbone {maker_of(made_by)} has no classes loaded, which the conse head needs.")
    require_same_backbone(classes, visual)
    return conse_head(_stored(classes), words), conse_fingerprint(classes.manifest.fingerprint)


def _write_hierarchy(store: Store, visual: Collection) -> list[str]:
    """Load the hierarchy of the gallery's classes, which galleries that were made before it have not; return remarks."""
    classes = classes_behind(store, visual)
    if classes is None:
        return []
    return write_hierarchy(store, classes.manifest, lambda: _stored(classes))


def _stored(classes: Collection) -> Classes:
    return stored_classes(classes.query('name != ""', fields=["name", "index", "bias", "vector"]))


def _complete(
    store: Store, pair: Pair, spec: IndexSpec, progress: Callable[[int, int], None]
) -> tuple[int, int, Collection]:
    """Project and index until both collections hold the same number of pictures, which others may be adding to."""
    assert pair.joint is not None
    projected = removed = 0
    rows = pair.visual.count()
    for attempt in range(_PASSES):
        is_new = attempt == 0 and pair.joint.is_new
        projected += pair.project_missing(nothing_stands=is_new, progress=lambda done: progress(done, rows))
        removed += 0 if is_new else pair.delete_strays()
        finished = store.finish(pair.joint, spec)
        if finished.count() == pair.visual.count():
            return projected, removed, finished
    raise StoreError(
        f"the gallery changed all the while it was projected.\nExpected: {pair.visual.count()} joint vectors\nReceived:"
        f" {finished.count()}\nNothing was changed. Wait for other writers to end, and run the same command again."
    )


def _check(visual: Collection, joint: Collection, head: Head) -> int:
    """Compare stored joint vectors of a sample of pictures, spread over the gallery, with what the head gives."""
    keys = sample_keys(visual, SAMPLE)
    sources, stored = visual.vectors(keys), joint.vectors(keys)
    if missing := [key for key in keys if key not in stored]:
        raise StoreError(f"{len(missing)} of {len(keys)} sampled pictures have no joint vector. Run the command again.")
    if not keys:
        return 0
    expected = head(np.stack([sources[key] for key in keys]))
    difference = float(np.abs(expected - np.stack([stored[key] for key in keys])).max())
    if difference > TOLERANCE:
        raise StoreError(
            "stored joint vectors differ from those of the head.\n"
            f"Expected: at most {TOLERANCE}\nReceived: {difference:.2g}\nThe gallery stays as it was."
        )
    return len(keys)


def sample_keys(visual: Collection, count: int, *, filter: str = "") -> list[str]:
    """Return up to `count` keys: ids are hashes, so that those with the smallest ones are a random sample."""
    rows = visual.count(filter)
    # Twice as many are asked for as are needed, because hashes are only nearly even.
    below = 'id != ""' if rows <= 4 * count else f'id < "{int(16**8 * 2 * count / rows):08x}"'
    return sorted(row["id"] for row in visual.query(both(below, filter), fields=["id"]))[:count]
