"""The models behind a gallery. Manifests in Milvus say which they are; the words and classes are in Milvus too, the networks on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from milvise.adapter import Collection, Manifest, Store
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.precision import precision_of
from milvise.core.records import Fingerprint
from milvise.core.spaces import VISUAL
from milvise.embeddings.devise.classes import stored_classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.words.phrases import lookups
from milvise.errors import FingerprintError
from milvise.gallery.kept_models import KeptModels
from milvise.gallery.names import encoder_of
from milvise.gallery.words_and_classes import LiveClasses

if TYPE_CHECKING:
    from milvise.embeddings.devise.backbones import Backbone
    from milvise.embeddings.devise.trained_head import TrainedHead
    from milvise.embeddings.encoder import EncoderInfo, ImageEncoder, TextEncoder


def head_of(store: Store, visual: Collection, joint: Collection, words: Collection) -> ConseHead | TrainedHead:
    """Return the head that made a joint collection: from what stands in Milvus, or from its file."""
    if joint.manifest.fingerprint["head"]["kind"] != ConseHead.KIND:
        return stored_head(joint.manifest)
    rows = LiveClasses(store).of(visual).query('name != ""', fields=["name", "index", "bias", "vector"])
    classes = stored_classes(rows)
    return ConseHead(classes, words.vectors([form for name in classes.names for form in lookups(name)]))


def stored_encoder(manifest: Manifest) -> ImageEncoder:
    """Return the encoder that made a visual collection, with what runs it fastest on this machine.

    Raises
    ------
    MissingExtraError
        If neither Keras nor, with a graph from an earlier run, OpenVINO is installed on this machine.
    MissingEncoderError
        If the package of another encoder than DeViSE is not installed on this machine.
    FingerprintError
        If the encoder on this machine is another one, or another version of it.
    """
    encoder = _encoder(manifest.recipe, encoder_of(manifest.fingerprint))
    _require_same(manifest, visual_fingerprint(encoder.info))
    return encoder


def text_encoder(texts: Manifest) -> TextEncoder:
    """Return the encoder whose vocabulary stands in a collection, to encode other texts; errors as `stored_encoder`."""
    from milvise.embeddings.encoder import abilities

    made = dict(texts.fingerprint["visual"])
    encoder = stored_encoder(Manifest("", VISUAL, texts.dim, made, recipe=texts.recipe))
    found = abilities(encoder).texts
    assert found is not None, "it encoded the vocabulary, and its fingerprint is the same"
    return found


def visual_fingerprint(info: EncoderInfo) -> dict[str, Any]:
    """Return what makes an encoder's visual vectors what they are, as their manifest has it; that of DeViSE names no encoder."""
    if info.name == DEFAULT_ENCODER:
        return dict(info.fingerprint)
    return {**info.fingerprint, "encoder": info.name, "size": info.size, "resize": info.rule}


def stored_backbone(manifest: Manifest) -> Backbone:
    """Return the Keras model of the backbone that made a visual collection; errors as `stored_encoder`."""
    from milvise.embeddings.devise.backbones import load_backbone

    weights = manifest.recipe.get("weights")
    loaded = load_backbone(manifest.recipe.get("backbone", ""), weights=weights and Path(weights))
    backbone = replace(loaded, precision=precision_of(manifest.recipe))
    _require_same(manifest, backbone.fingerprint)
    return backbone


def _require_same(manifest: Manifest, received: Fingerprint) -> None:
    if dict(received) != dict(manifest.fingerprint):
        raise FingerprintError(
            "the picture would be embedded with another model than the gallery, and their vectors cannot be compared."
            f"\nExpected: {dict(manifest.fingerprint)}\nReceived: {dict(received)}"
        )


def stored_head(manifest: Manifest) -> TrainedHead:
    """Return the trained head that made a joint collection.

    Raises
    ------
    MissingExtraError
        If Keras is not installed on this machine.
    ModelError
        If the head's file is not on this machine.
    FingerprintError
        If the head in the file is another one.
    """
    path = Path(manifest.recipe.get("head", ""))
    head = _head(path, path.stat().st_mtime_ns if path.is_file() else 0)
    expected = dict(manifest.fingerprint["head"])
    if head.fingerprint != expected:
        raise FingerprintError(
            f"the head in {head.path} is not the one that the gallery was projected with.\nExpected: {expected}\n"
            f"Received: {head.fingerprint}"
        )
    return head


def close_models() -> None:
    """Release the encoders and heads that were loaded for requests; the next request that needs one loads it again."""
    _encoders.close()
    _heads.close()


_heads: KeptModels[TrainedHead] = KeptModels()
_encoders: KeptModels[ImageEncoder] = KeptModels(lambda encoder: encoder.close())


def _head(path: Path, changed: int) -> TrainedHead:
    from milvise.embeddings.devise.trained_head import load_head

    return _heads.get((path, changed), lambda: load_head(path))


def _encoder(recipe: Mapping[str, Any], name: str) -> ImageEncoder:
    from milvise.embeddings.registry import load_encoder

    made_by = {**recipe, "encoder": name}
    return _encoders.get(json.dumps(made_by, sort_keys=True), lambda: load_encoder(made_by))
