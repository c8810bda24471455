"""What a run is to make: the collections' manifests, and the models behind their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.adapter.store import check_name
from milvise.config import DEFAULT_BACKBONE
from milvise.embeddings.classes import Classes
from milvise.embeddings.conse import ConseHead
from milvise.embeddings.learned import encode
from milvise.embeddings.network import Network
from milvise.embeddings.phrases import lookups
from milvise.embeddings.trained_head import TrainedHead, load_head
from milvise.errors import ModelError, NotFoundError, UsageError
from milvise.gallery.load_hierarchy import load_hierarchy

Head = ConseHead | TrainedHead


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
    check_name(gallery)
    live = store.live(f"{gallery}_joint")
    spec = head_spec(live) if head is None else head
    if spec == "none" and live is not None:
        raise UsageError(
            f"the gallery {gallery} can be searched by word, and pictures loaded with --head none could not. Leave"
            " --head out, or use another gallery."
        )
    classes = _classes(backbone, names, needed=spec == "conse")
    visual = Manifest(
        f"{gallery}_visual",
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
    alias = f"{check_name(gallery)}_visual"
    # Where a backbone is named the catalog need not know the gallery's.
    live = store.live(alias) if backbone is None and weights is None else None
    if live is not None and live.manifest.recipe:
        return dict(live.manifest.recipe)
    return {"backbone": backbone or DEFAULT_BACKBONE, "weights": str(weights.resolve()) if weights else None}


def head_spec(joint: Collection | None) -> str:
    """Return what ``--head`` would have to be to make joint vectors as in this collection, ``conse`` where there is none."""
    return "conse" if joint is None else str(joint.manifest.recipe.get("head", "conse"))


def conse_head(classes: Classes, words: Collection) -> ConseHead:
    """Return the training-free head of these classes and the words that stand in Milvus."""
    return ConseHead(classes, words.vectors([form for name in classes.names for form in lookups(name)]))


def conse_fingerprint(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells the training-free head of these classes from others."""
    return {"kind": ConseHead.KIND, "classes": classes["classifier"]}


def trained_head(
    spec: str, *, gallery: str, visual: Mapping[str, Any], words: Collection, engine: str = "auto"
) -> TrainedHead:
    """Return the head in a file, checked to belong to these visual vectors and words.

    Raises
    ------
    UsageError
        If it is no path of a ``.keras`` file.
    ModelError, FingerprintError
        If it is no head, or was trained with another backbone or other words.
    """
    if not spec.endswith(".keras"):
        raise UsageError(f"unknown head.\nExpected: conse, or the path of a .keras file\nReceived: {spec}")
    head = load_head(Path(spec).resolve(), engine=engine)
    head.require_belongs(visual=visual, words=words.manifest.fingerprint, gallery=gallery)
    return head


def joint_manifest(visual: Manifest, words: Collection, head: Head, kind: Mapping[str, Any]) -> Manifest:
    """Return the manifest of the joint vectors that a head makes of a gallery's visual vectors."""
    fingerprint = {"visual": visual.fingerprint, "head": dict(kind), "words": dict(words.manifest.fingerprint)}
    recipe: dict[str, Any] = {"head": ConseHead.KIND}
    if isinstance(head, TrainedHead):
        recipe = {"head": str(head.path)}
        if head.joint_share is not None:
            recipe |= {"joint_share": head.joint_share, "learned": encode(head.learned)}
    return Manifest(visual.alias.removesuffix("visual") + "joint", "joint", head.dim, fingerprint, recipe=recipe)


def load_classes(store: Store, plan: Plan) -> list[str]:
    """Load the backbone's classes and their hierarchy into Milvus where they are not there yet; return what is to be remarked."""
    if plan.classes is None:
        return []
    classes = plan.classes
    manifest = _load_classes(store, plan, classes)
    return load_hierarchy(store, manifest, lambda: classes)


def _load_classes(store: Store, plan: Plan, classes: Classes) -> Manifest:
    alias = f"classes_{plan.backbone.name}"
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
    words = store.live("words")
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
