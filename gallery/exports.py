"""A gallery's models and vectors for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from milvise.adapter import Collection, Store
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.graph import export_graph, one_graph
from milvise.errors import NotFoundError, UsageError
from milvise.gallery.missing import missing_gallery
from milvise.gallery.models import head_of, stored_backbone
from milvise.gallery.names import WORDS_ALIAS, joint_alias, visual_alias
from milvise.gallery.projector import write_projector
from milvise.gallery.words_and_classes import require_heads, require_same_words


def export_model(store: Store, gallery: str, out: Path) -> dict[str, Any]:
    """Write a gallery's backbone and head as one graph: ``pixels`` in, ``visual`` and ``joint`` vectors out.

    ``pixels`` are uint8 of shape (n, size, size, 3), resized as `milvise.embeddings.pictures.decode.decode` does; a gallery
    without joint vectors gives a graph without them.

    Parameters
    ----------
    out : Path
        ``.keras``, ``.xml`` for OpenVINO, or a folder in TensorFlow's SavedModel format.

    Raises
    ------
    NotFoundError
        If there is no gallery of this name, or no words for its head.
    MissingExtraError
        If Keras, or OpenVINO for ``.xml``, is not installed.
    ModelError
        If it cannot be written, or something stands there.
    FingerprintError
        If the backbone or head on this machine is not the gallery's.
    """
    visual, joint, words = _live(store, gallery, VISUAL), store.live(joint_alias(gallery)), store.live(WORDS_ALIAS)
    require_heads(visual, "exported as a model")
    head = None
    if joint is not None:
        if words is None:
            raise NotFoundError("the gallery's head needs the words that it was made with, and none are loaded.")
        require_same_words(joint, words)
        head = head_of(store, visual, joint, words).keras_model()
    backbone = stored_backbone(visual.manifest)
    record: dict[str, Any] = {"visual": backbone.fingerprint, "resize": backbone.rule}
    if joint is not None:
        record["joint"] = dict(joint.manifest.fingerprint)
    written = export_graph(one_graph(backbone, head), out, record)
    width = None if head is None else int(head.output_shape[-1])
    return {
        "out": str(out),
        "format": written,
        "size": backbone.size,
        "resize": backbone.rule,
        "visual_dim": backbone.dim,
        "joint_dim": width,
    }


def export_projector(
    store: Store,
    gallery: str,
    out: Path,
    *,
    space: str = VISUAL,
    limit: int = 10_000,
    filter: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write vectors, metadata and thumbnails for TensorBoard's Embedding Projector, see `milvise.gallery.projector`.

    Raises
    ------
    UsageError
        If `space` is neither ``visual`` nor ``joint``.
    NotFoundError
        If there is no such gallery, or it has no such vectors.
    InputError
        If the folder cannot be written, or nothing fits the filter.
    """
    if space not in (VISUAL, JOINT):
        raise UsageError(f"unknown space.\nExpected: visual, joint\nReceived: {space}")
    _live(store, gallery, VISUAL)
    return write_projector(_live(store, gallery, space), out, limit=limit, filter=filter, progress=progress)


def _live(store: Store, gallery: str, room: str) -> Collection:
    found = store.live(visual_alias(gallery) if room == VISUAL else joint_alias(gallery))
    if found is None:
        if room == VISUAL:
            raise missing_gallery(store, gallery)
        raise NotFoundError(f"the gallery {gallery!r} has no joint vectors.")
    return found
