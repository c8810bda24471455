"""What a run is to make: the collections' manifests, and the models behind their vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.adapter.store import check_name
from milvise.embeddings.backbones import Backbone
from milvise.embeddings.classes import Classes
from milvise.embeddings.conse import ConseHead
from milvise.embeddings.phrases import lookups
from milvise.errors import ModelError, NotFoundError, UsageError

HEADS = ("conse", "none")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to make: manifests, and the models behind them.

    Attributes
    ----------
    visual, joint : Manifest
        The collections; no `joint` for ``--head none``.
    head : ConseHead, optional
        From visual to joint vectors.
    classes : Classes, optional
        Those of the backbone, if it has any.
    """

    gallery: str
    backbone: Backbone
    visual: Manifest
    joint: Manifest | None
    head: ConseHead | None
    classes: Classes | None


def make_plan(
    store: Store, *, gallery: str, backbone: Backbone, head: str, recipe: Mapping[str, Any], names: Path | None
) -> Plan:
    """Decide what a run makes, and check everything that can be checked before any picture is read.

    Raises
    ------
    UsageError
        If the gallery's name or the head cannot be, or the gallery has joint vectors and none are asked for.
    ModelError
        If the backbone has no classes for the conse head.
    NotFoundError
        If no words are loaded for the conse head.
    """
    check_name(gallery)
    if head not in HEADS:
        raise UsageError(f"unknown head.\nExpected: {', '.join(HEADS)}\nReceived: {head}")
    if head == "none" and store.live(f"{gallery}_joint") is not None:
        raise UsageError(
            f"the gallery {gallery} can be searched by word, and pictures loaded with --head none could not. Leave"
            " --head out, or use another gallery."
        )
    visual = Manifest(f"{gallery}_visual", "visual", backbone.dim, backbone.fingerprint, recipe=recipe)
    classes = _classes(backbone, names, needed=head != "none")
    if head == "none":
        return Plan(gallery, backbone, visual, None, None, classes)
    words = store.live("words")
    if words is None:
        raise NotFoundError(
            "the conse head needs words, and none are loaded. Load some first, such as: milvise ingest words glove-6b-50d"
            "\nOr go without search by word: --head none"
        )
    assert classes is not None
    made = ConseHead(classes, words.vectors([form for name in classes.names for form in lookups(name)]))
    fingerprint = {
        "visual": backbone.fingerprint,
        "head": {"kind": ConseHead.KIND, "classes": classes_fingerprint(backbone, classes)["classifier"]},
        "words": dict(words.manifest.fingerprint),
    }
    return Plan(gallery, backbone, visual, Manifest(f"{gallery}_joint", "joint", made.dim, fingerprint), made, classes)


def load_classes(store: Store, plan: Plan) -> None:
    """Load the backbone's classes into Milvus where they are not there yet."""
    if plan.classes is None:
        return
    alias = f"classes_{plan.backbone.name}"
    manifest = Manifest(alias, "classes", plan.backbone.dim, classes_fingerprint(plan.backbone, plan.classes))
    live = store.live(alias)
    if live is not None and live.name == manifest.collection:
        return
    collection = store.build(manifest)
    rows = zip(plan.classes.names, plan.classes.bias, plan.classes.weights, strict=True)
    collection.upsert(
        {"name": name, "index": index, "bias": float(bias), "vector": weights}
        for index, (name, bias, weights) in enumerate(rows)
    )
    store.publish(store.finish(collection, IndexSpec("flat")))


def classes_fingerprint(backbone: Backbone, classes: Classes) -> dict[str, Any]:
    """Return what makes classes what they are: the backbone under them, their weights and their names."""
    digest = hashlib.sha256(classes.names_hash().encode())
    digest.update(np.ascontiguousarray(classes.weights).tobytes())
    digest.update(np.ascontiguousarray(classes.bias).tobytes())
    return {"visual": backbone.fingerprint, "classifier": digest.hexdigest()[:16]}


def _classes(backbone: Backbone, names: Path | None, *, needed: bool) -> Classes | None:
    try:
        return backbone.classes(names)
    except ModelError:
        if needed:
            raise
        return None
