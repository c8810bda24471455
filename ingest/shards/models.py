"""What a worker needs to make the rows of a shard, without Milvus: kept beside the shards when they are planned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.encoder import Devise
from milvise.embeddings.devise.trained_head import TrainedHead, load_head
from milvise.embeddings.encoder import ImageEncoder, abilities
from milvise.embeddings.registry import load_encoder
from milvise.embeddings.words.phrases import lookups
from milvise.errors import FingerprintError, InputError
from milvise.gallery.heads import Head
from milvise.gallery.models import visual_fingerprint
from milvise.gallery.names import gallery_of
from milvise.gallery.plan import Plan
from milvise.ingest.shards.folder import ShardFolder, ShardsManifest

_CLASSES, _WORDS, _HEAD = "classes.npz", "words.npz", "head.keras"


def keep_models(plan: Plan, words: Mapping[str, Floats], folder: ShardFolder) -> None:
    """Keep the classes and the head of a plan in the folder.

    Parameters
    ----------
    words : mapping of str to ndarray of shape (words' width,), float32
        The vectors of the words of the class names, for the training-free head.
    """
    try:
        folder.model.mkdir(parents=True, exist_ok=True)
        if plan.classes is not None:
            _keep_classes(plan.classes, folder.model / _CLASSES)
        if isinstance(plan.head, ConseHead):
            np.savez(folder.model / _WORDS, words=np.array(list(words)), vectors=np.stack(list(words.values())))
        elif isinstance(plan.head, TrainedHead):
            shutil.copyfile(plan.head.path, folder.model / _HEAD)
    except OSError as error:
        raise InputError(f"{folder.model} cannot be written: {error.strerror or error}") from error


def kept_classes(folder: ShardFolder) -> Classes | None:
    """Return the classes that rows were made with, None where there are none."""
    path = folder.model / _CLASSES
    if not path.exists():
        return None
    with _opened(path) as kept:
        synsets = tuple(None if not one else str(one) for one in json.loads(str(kept["synsets"]))) or None
        return Classes(tuple(json.loads(str(kept["names"]))), kept["weights"], kept["bias"], synsets)


def load_plan(folder: ShardFolder, manifest: ShardsManifest, *, engine: str = "auto") -> Plan:
    """Return what makes the rows of the shards; the encoder is to be closed by the caller.

    Raises
    ------
    FingerprintError
        If the encoder on this machine is another one than the shards were planned with.
    MissingExtraError, MissingEncoderError, ModelError, UsageError
        As `milvise.embeddings.registry.load_encoder`.
    """
    encoder = load_encoder(manifest.visual.recipe, engine=engine)
    received = visual_fingerprint(encoder.info)
    if dict(received) != dict(manifest.visual.fingerprint):
        encoder.close()
        raise FingerprintError(
            f"the encoder on this machine is another one than {folder.path} was planned with.\nExpected:"
            f" {dict(manifest.visual.fingerprint)}\nReceived: {dict(received)}\nInstall the version that it was planned with,"
            " or plan the shards again into another folder."
        )
    classes = kept_classes(folder)
    head = _head(folder, classes, engine)
    return Plan(
        gallery_of(manifest.visual.alias), _with_head(encoder, head), manifest.visual, manifest.joint, head, classes
    )


def class_words(plan: Plan) -> list[str]:
    """Return the words whose vectors the head of a plan needs."""
    names = () if plan.classes is None or not isinstance(plan.head, ConseHead) else plan.classes.names
    return list(dict.fromkeys(form for name in names for form in lookups(name)))


def _with_head(encoder: ImageEncoder, head: Head | None) -> ImageEncoder:
    able = abilities(encoder)
    return encoder if able.heads is None or head is None else Devise(able.heads.network, head)


def _head(folder: ShardFolder, classes: Classes | None, engine: str) -> Head | None:
    if (folder.model / _HEAD).exists():
        return load_head(folder.model / _HEAD, engine=engine)
    path = folder.model / _WORDS
    if classes is None or not path.exists():
        return None
    with _opened(path) as kept:
        return ConseHead(classes, dict(zip(map(str, kept["words"]), kept["vectors"], strict=True)))


def _keep_classes(classes: Classes, path: Path) -> None:
    np.savez(
        path,
        names=np.array(json.dumps(list(classes.names))),
        weights=classes.weights,
        bias=classes.bias,
        synsets=np.array(json.dumps(list(classes.synsets or ()))),
    )


def _opened(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}. Plan the shards again.") from error
