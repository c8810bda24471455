"""What collections are called: the aliases of a gallery, of an encoder's classes and texts, and of the words.

They are put together here and nowhere else. An alias is a pointer; the real collection behind it is called after the alias and a
hash (`milvise.adapter.catalog.Manifest.collection`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milvise.adapter.catalog import Manifest
from milvise.adapter.store import check_name
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.records import Fingerprint

WORDS_ALIAS = "words"
_VISUAL, _JOINT = "_visual", "_joint"
_CLASSES, _HIERARCHY, _TEXTS = "classes_", "hierarchy_", "texts_"


def visual_alias(gallery: str) -> str:
    """Return the alias of a gallery's visual vectors, which raises `UsageError` where the name cannot be one."""
    return check_name(gallery) + _VISUAL


def joint_alias(gallery: str) -> str:
    """Return the alias of a gallery's joint vectors, which raises `UsageError` where the name cannot be one."""
    return check_name(gallery) + _JOINT


def coming(gallery: str) -> str:
    """Return the name under which the version of a gallery that is to go live is searched before it does."""
    return f"{gallery}__next"


def encoder_of(made: Fingerprint) -> str:
    """Return the name of the encoder that made visual vectors with this fingerprint; those of DeViSE name none."""
    return str(made.get("encoder", DEFAULT_ENCODER))


def maker_of(made: Fingerprint) -> str:
    """Return what classes are called after: the backbone that made visual vectors with this fingerprint, or another encoder.

    Beside single precision it is one of another name, so that both can stand in one Milvus.
    """
    encoder = encoder_of(made)
    if encoder != DEFAULT_ENCODER:
        return f"encoder_{encoder}"
    return "_".join(filter(None, [str(made.get("backbone", "")), str(made.get("precision", ""))]))


def texts_alias(encoder: str) -> str:
    """Return the alias of an encoder's texts, which are to its galleries what the words are to those of DeViSE."""
    return _TEXTS + encoder


def vocabulary_alias(made: Fingerprint) -> str:
    """Return the alias of the words or texts that visual vectors with this fingerprint are searched with."""
    encoder = encoder_of(made)
    return WORDS_ALIAS if encoder == DEFAULT_ENCODER else texts_alias(encoder)


def classes_alias(backbone: str) -> str:
    """Return the alias of a backbone's classes."""
    return _CLASSES + backbone


def hierarchy_alias(backbone: str) -> str:
    """Return the alias of the hierarchy of a backbone's classes."""
    return _HIERARCHY + backbone


def gallery_of(alias: str) -> str:
    """Return the gallery whose visual or joint vectors have this alias, ``""`` where it is another one."""
    return next((alias.removesuffix(end) for end in (_VISUAL, _JOINT) if alias.endswith(end)), "")


def backbone_of(alias: str) -> str:
    """Return the backbone whose classes or their hierarchy have this alias, ``""`` where it is another one."""
    return next((alias.removeprefix(start) for start in (_CLASSES, _HIERARCHY) if alias.startswith(start)), "")


def hierarchy_of(classes: Manifest, version: Mapping[str, Any]) -> Manifest:
    """Return the manifest of the hierarchy of these classes; every client knows from it what the collection is called."""
    fingerprint = {"classes": dict(classes.fingerprint), **version}
    return Manifest(hierarchy_alias(backbone_of(classes.alias)), "hierarchy", 2, fingerprint)
