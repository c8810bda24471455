"""What a run is to make: the collections' manifests, and the models behind their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.core.config import DEFAULT_BACKBONE
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.network import Network
from milvise.errors import ModelError, NotFoundError, UsageError
from milvise.gallery.heads import Head, conse_fingerprint, conse_head, head_spec, joint_manifest, trained_head
from milvise.gallery.names import WORDS_ALIAS, classes_alias, joint_alias, visual_alias
from milvise.gallery.write_hierarchy import write_hierarchy


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to make: manifests, and the models behind them.

    Attributes
    ----------
    visual, joint : Manifest
        The collections; no `joint` for ``--head none``.
    head : ConseHead or TrainedHead, optional
        From visual to joint vectors.
    classes : Classes, optional
        Those of the backbone, if it has any.
    """

    gallery: str
    backbone: Network
    visual: Manifest
    joint: Manifest | None
    head: Head | None
    classes: Classes | None


def make_plan(
    store: Store,
    *,
    gallery: str,
    backbone: Network,
    head: str | None,
    recipe: Mapping[str, Any],
    names: Path | None,
) -> Plan:
    """Decide what a run makes, and check everything that can be checked before any picture is read.

    Parameters
    ----------
    head : str, optional
        ``conse``, ``none``, or the path of a trained head; by default the one that the gallery has, else ``conse``.

    Raises
    ------
    UsageError
        If the gallery's name or the head cannot be, or the gallery has joint vectors and none are asked for.
    ModelError
        If the backbone has no classes for the conse head, or the head cannot be read.
    FingerprintError
        If the head was trained with another backbone or other words.
    NotFoundError
        If no words are loaded for the head.
    """
    live = store.live(joint_alias(gallery))
    spec = head_spec(live) if head is None else head
    if spec == "none" and live is not None:
        raise UsageError(
            f"the gallery {gallery} can be searched by word, and pictures loaded with --head none could not. Leave"
            " --head out, or use another gallery."
        )
    classes = _classes(backbone, names, needed=spec == "conse")
    visual = Manifest(
        visual_alias(gallery),
        "visual",
        backbone.dim,
        backbone.fingerprint,
        recipe=recipe,
        top_classes=classes is not None,
    )
    if spec == "none":
        return Plan(gallery, backbone, visual, None, None, classes)
    words = _words(store)
    made: Head
    if spec == "conse":
        assert classes is not None
        made, kind = conse_head(classes, words), conse_fingerprint(classes_fingerprint(backbone, classes))
    else:
        made = trained_head(spec, gallery=gallery, visual=backbone.fingerprint, words=words, engine=backbone.engine)
        kind = made.fingerprint
    return Plan(gallery, backbone, visual, joint_manifest(visual, words, made, kind), made, classes)


def make_recipe(store: Store, gallery: str, backbone: str | None, weights: Path | None) -> dict[str, Any]:
    """Return how to make the backbone of a run: what is asked for, else the gallery's, else the default."""
    alias = visual_alias(gallery)
    # Where a backbone is named the catalog need not know the gallery's.
    live = store.live(alias) if backbone is None and weights is None else None
    if live is not None and live.manifest.recipe:
        return dict(live.manifest.recipe)
    return {"backbone": backbone or DEFAULT_BACKBONE, "weights": str(weights.resolve()) if weights else None}


def load_classes(store: Store, plan: Plan) -> list[str]:
    """Load the backbone's classes and their hierarchy into Milvus where they are not there yet; return what is to be remarked."""
    if plan.classes is None:
        return []
    classes = plan.classes
    manifest = _load_classes(store, plan, classes)
    return write_hierarchy(store, manifest, lambda: classes)


def _load_classes(store: Store, plan: Plan, classes: Classes) -> Manifest:
    alias = classes_alias(plan.backbone.name)
    manifest = Manifest(alias, "classes", plan.backbone.dim, classes_fingerprint(plan.backbone, classes))
    live = store.live(alias, made_as=manifest)
    if live is not None and live.name == manifest.collection and live.count() == len(classes.names):
        return manifest
    collection = store.build(manifest)
    rows = zip(classes.names, classes.bias, classes.weights, strict=True)
    collection.upsert(
        {"name": name, "index": index, "bias": float(bias), "vector": weights}
        for index, (name, bias, weights) in enumerate(rows)
    )
    store.publish(store.finish(collection, IndexSpec("flat")))
    return manifest


def classes_fingerprint(backbone: Network, classes: Classes) -> dict[str, Any]:
    """Return what makes classes what they are: the backbone under them, their weights and their names."""
    return {"visual": backbone.fingerprint, "classifier": classes.content_hash()}


def _words(store: Store) -> Collection:
    words = store.live(WORDS_ALIAS)
    if words is None:
        raise NotFoundError(
            "a head needs words, and none are loaded. Load some first, such as: milvise ingest words glove-6b-50d"
            "\nOr go without search by word: --head none"
        )
    return words


def _classes(backbone: Network, names: Path | None, *, needed: bool) -> Classes | None:
    try:
        return backbone.classes(names)
    except ModelError:
        if needed:
            raise
        return None
