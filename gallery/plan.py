"""What a run is to make: the collections' manifests, and the models behind their vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.core.config import DEFAULT_BACKBONE, DEFAULT_ENCODER
from milvise.core.precision import AUTO, SINGLE, in_precision, precision_of
from milvise.core.spaces import VISUAL
from milvise.embeddings.devise.classes import Classes, stored_classes
from milvise.embeddings.devise.encoder import Devise
from milvise.embeddings.devise.network import Network
from milvise.embeddings.encoder import ImageEncoder, TextEncoder, abilities, classes_of
from milvise.errors import ModelError, NotFoundError, StoreError, UsageError
from milvise.gallery.heads import Head, conse_fingerprint, conse_head, head_spec, joint_manifest, trained_head
from milvise.gallery.models import visual_fingerprint
from milvise.gallery.names import WORDS_ALIAS, classes_alias, encoder_of, joint_alias, maker_of, visual_alias
from milvise.gallery.partitions import partition_for
from milvise.gallery.texts import write_texts
from milvise.gallery.write_hierarchy import write_hierarchy


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to make: manifests, and the models behind them.

    Attributes
    ----------
    visual, joint : Manifest
        The collections; no `joint` for ``--head none``.
    encoder : ImageEncoder
        From pixels to the vectors of these collections.
    head : ConseHead or TrainedHead, optional
        From visual to joint vectors.
    classes : Classes, optional
        Those of the encoder, if it has any.
    texts : TextEncoder, optional
        The encoder, if its texts are to be loaded beside its classes. The texts of DeViSE are the words that stand.
    remarks : tuple of str
        What is to be said of it.
    """

    gallery: str
    encoder: ImageEncoder
    visual: Manifest
    joint: Manifest | None = None
    head: Head | None = None
    classes: Classes | None = None
    texts: TextEncoder | None = None
    remarks: tuple[str, ...] = ()


def plan_for(
    store: Store,
    encoder: ImageEncoder,
    *,
    gallery: str,
    head: str | None,
    recipe: Mapping[str, Any],
    names: Path | None,
    partition: str | None = None,
) -> Plan:
    """Decide what a run makes with an encoder; parameters and errors as `make_plan`.

    Raises
    ------
    UsageError
        Also if a head or names of classes are given for an encoder that takes none, or a gallery of DeViSE has joint vectors,
        which another encoder would not replace.
    ModelError
        Also if the encoder has a space that no gallery has.
    """
    able = abilities(encoder)
    if able.heads is not None:
        return make_plan(
            store,
            gallery=gallery,
            backbone=able.heads.network,
            head=head,
            recipe=recipe,
            names=names,
            partition=partition,
        )
    info = encoder.info
    if head is not None or names is not None:
        raise UsageError(
            f"the encoder {info.name!r} takes neither heads nor names of classes: --head and --classes are for the encoder"
            f" {DEFAULT_ENCODER!r}."
        )
    if store.live(joint_alias(gallery)) is not None:
        raise UsageError(
            f"the gallery {gallery} was made by the encoder {DEFAULT_ENCODER!r} and has joint vectors, which {info.name!r} makes"
            " none of. Use another gallery."
        )
    if others := sorted(set(info.spaces) - {VISUAL}):
        raise ModelError(
            f"the encoder {info.name!r} has spaces that no gallery has.\nExpected: {VISUAL} alone, in which its pictures and texts"
            f" are\nReceived: also {', '.join(others)}"
        )
    visual = Manifest(
        visual_alias(gallery), VISUAL, info.spaces[VISUAL], visual_fingerprint(info), recipe=recipe,
        partition=partition_for(store, gallery, partition),
    )  # fmt: skip
    classes = None if able.classes is None else classes_of(able.classes, info)
    return Plan(gallery, encoder, visual, classes=classes, texts=able.texts)


def make_plan(
    store: Store,
    *,
    gallery: str,
    backbone: Network,
    head: str | None,
    recipe: Mapping[str, Any],
    names: Path | None,
    partition: str | None = None,
) -> Plan:
    """Decide what a run of DeViSE makes, and check everything that can be checked before any picture is read.

    Parameters
    ----------
    head : str, optional
        ``conse``, ``none``, or the path of a trained head; by default the one that the gallery has, else ``conse``.
    partition : str, optional
        The metadata column by which a gallery that is new is partitioned; by default that of the gallery.

    Raises
    ------
    UsageError
        If the gallery's name or the head cannot be, the gallery has joint vectors and none are asked for, or it has another partition column.
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
    classes = _classes(store, backbone, names, needed=spec == "conse")
    visual = Manifest(
        visual_alias(gallery),
        VISUAL,
        backbone.dim,
        backbone.fingerprint,
        recipe=recipe,
        top_classes=classes is not None,
        partition=partition_for(store, gallery, partition),
    )
    if spec == "none":
        return Plan(gallery, Devise(backbone), visual, classes=classes)
    words = _words(store)
    made: Head
    if spec == "conse":
        assert classes is not None
        made, kind = conse_head(classes, words), conse_fingerprint(classes_fingerprint(visual, classes))
    else:
        made = trained_head(spec, gallery=gallery, visual=backbone.fingerprint, words=words, engine=backbone.engine)
        kind = made.fingerprint
    joint = joint_manifest(visual, words, made, kind)
    return Plan(gallery, Devise(backbone, made), visual, joint, made, classes, remarks=_remarks(made))


def _remarks(head: Head) -> tuple[str, ...]:
    if not head.unnamed:
        return ()
    listed = ", ".join(head.unnamed[:5])
    return (f"{len(head.unnamed)} classes without any known word take no part in the joint space: {listed} …",)


def make_recipe(
    store: Store,
    gallery: str,
    backbone: str | None,
    weights: Path | None,
    encoder: str | None = None,
    precision: str | None = None,
    *,
    fastest: Callable[[Mapping[str, Any]], str] = lambda recipe: SINGLE,
) -> dict[str, Any]:
    """Return how to make the encoder of a run: what is asked for, else the gallery's, else the default.

    Parameters
    ----------
    precision : {"auto", "single", "half"}, optional
        By default, and with ``auto``, that of the gallery.
    fastest : callable
        From the recipe of a gallery that is new to what ``auto`` is for it.

    Raises
    ------
    UsageError
        If a backbone, weights or a precision are given for an encoder that has none.
    """
    alias = visual_alias(gallery)
    if encoder not in (None, DEFAULT_ENCODER):
        if backbone is not None or weights is not None or precision is not None:
            raise UsageError(
                f"--backbone, --weights and --precision are for the encoder {DEFAULT_ENCODER!r}.\nReceived: the encoder"
                f" {encoder!r} too"
            )
        return {"encoder": encoder}
    # Where a backbone is named the catalog need not know the gallery's.
    live = _standing(store, alias, needed=backbone is None and weights is None)
    stood = {} if live is None else live.manifest.recipe
    is_other = live is not None and encoder is not None and encoder_of(live.manifest.fingerprint) != encoder
    if backbone is None and weights is None and stood and not is_other:
        return changed_recipe(stood, None if precision == AUTO else precision)
    made = {"backbone": backbone or DEFAULT_BACKBONE, "weights": str(weights.resolve()) if weights else None}
    if precision in (None, AUTO) and stood:
        return in_precision(made, precision_of(stood))
    return in_precision(made, fastest(made) if precision == AUTO else precision or SINGLE)


def _standing(store: Store, alias: str, *, needed: bool) -> Collection | None:
    try:
        return store.live(alias)
    except StoreError:
        if needed:
            raise
        return None


def changed_recipe(recipe: Mapping[str, Any], precision: str | None) -> dict[str, Any]:
    """Return a recipe with another precision; with None it stays as it is.

    Raises
    ------
    UsageError
        If an encoder is described that has no precision.
    """
    if precision is None:
        return dict(recipe)
    if recipe.get("encoder", DEFAULT_ENCODER) != DEFAULT_ENCODER:
        raise UsageError(
            f"--precision is for the encoder {DEFAULT_ENCODER!r}.\nReceived: the encoder {recipe['encoder']!r} too"
        )
    return in_precision(recipe, precision)


def load_beside(store: Store, visual: Manifest, classes: Classes | None, texts: TextEncoder | None) -> list[str]:
    """Load the encoder's texts and classes into Milvus where they are not there yet; return what is to be remarked.

    Where rows hold what the network saw, the hierarchy of its classes is loaded too, which such rows are ranked with.

    Parameters
    ----------
    visual : Manifest
        Of the visual vectors that are loaded with them.
    """
    if texts is not None:
        write_texts(store, texts, visual)
    if classes is None:
        return []
    manifest = _load_classes(store, visual, classes)
    return write_hierarchy(store, manifest, lambda: classes) if visual.top_classes else []


def _load_classes(store: Store, visual: Manifest, classes: Classes) -> Manifest:
    alias = classes_alias(maker_of(visual.fingerprint))
    manifest = Manifest(alias, "classes", visual.dim, classes_fingerprint(visual, classes))
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


def classes_fingerprint(visual: Manifest, classes: Classes) -> dict[str, Any]:
    """Return what makes classes what they are: what makes the vectors that they read, their weights and their names."""
    return {"visual": dict(visual.fingerprint), "classifier": classes.content_hash()}


def _words(store: Store) -> Collection:
    words = store.live(WORDS_ALIAS)
    if words is None:
        raise NotFoundError(
            "a head needs words, and none are loaded. Load some first, such as: milvise ingest words glove-6b-50d"
            "\nOr go without search by word: --head none"
        )
    return words


def _classes(store: Store, backbone: Network, names: Path | None, *, needed: bool) -> Classes | None:
    """Return the classes of a backbone, as the names say or as an earlier load was told."""
    try:
        return backbone.classes(names)
    except ModelError:
        stood = store.live(classes_alias(maker_of(backbone.fingerprint))) if names is None else None
        if stood is not None and dict(stood.manifest.fingerprint["visual"]) == dict(backbone.fingerprint):
            return stored_classes(stood.query('name != ""', fields=["name", "index", "bias", "vector"]))
        if needed:
            raise
        return None
