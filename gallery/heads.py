"""The heads of galleries: the training-free one of a backbone's classes, a trained one in a file, and the manifest of what they make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from milvise.adapter import Collection, Manifest
from milvise.core.spaces import JOINT
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.trained_head import TrainedHead, load_head
from milvise.embeddings.words.phrases import lookups
from milvise.errors import UsageError
from milvise.gallery.names import gallery_of, joint_alias

Head = ConseHead | TrainedHead


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
    return Manifest(
        joint_alias(gallery_of(visual.alias)),
        JOINT,
        head.dim,
        fingerprint,
        recipe=head.recipe,
        partition=visual.partition,
    )
