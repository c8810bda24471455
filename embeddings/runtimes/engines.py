"""What runs a network: Keras, on a GPU where there is one, or OpenVINO on a processor."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from milvise.core.precision import HALF, SINGLE
from milvise.core.records import Fingerprint
from milvise.embeddings.devise.backbones import Backbone, load_backbone
from milvise.embeddings.devise.network import Network
from milvise.embeddings.runtimes import gpu
from milvise.embeddings.runtimes.openvino_cache import NotExportableError, cached_backbone, kept_backbone
from milvise.embeddings.runtimes.openvino_engine import half_floats
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import UsageError

ENGINES = ("auto", "keras", "openvino")

GOOD_IN_HALF = ("efficientnet_lite0",)
"""Backbones of which `benchmarks/precision.py` found, with their own weights, that searches lose next to nothing in half precision."""


def load_network(spec: str, *, weights: Path | None = None, engine: str = "auto", precision: str = SINGLE) -> Network:
    """Return a backbone with what runs it.

    Parameters
    ----------
    spec, weights
        As `load_backbone`.
    engine : {"auto", "keras", "openvino"}
        ``auto`` is Keras where it sees a GPU; else OpenVINO where it is installed and the network can be exported; else
        Keras. On a GPU networks compute in half precision, except those in ``.keras`` files, which say themselves.
        OpenVINO needs Keras once for each backbone: the exported graph is kept in the user's cache.
    precision : {"single", "half"}
        How exactly it computes. OpenVINO computes in half precision where the processor can. Keras computes on a processor in single precision, whatever
        is asked for.

    Raises
    ------
    UsageError
        If there is no such engine.
    MissingExtraError
        If the engine, or for a first export Keras, is not installed.
    ModelError, WeightsError
        As `load_backbone`; and if OpenVINO is asked for and the network cannot be exported.
    """
    if engine not in ENGINES:
        raise UsageError(f"unknown engine.\nExpected: {', '.join(ENGINES)}\nReceived: {engine}")
    if engine == "openvino":
        return cached_backbone(spec, weights, precision=precision)
    if gpu.may_be_there() and gpu.is_seen():
        return replace(_on_gpu(spec, weights), precision=precision)
    if engine == "auto" and importlib.util.find_spec("openvino") is not None:
        try:
            return cached_backbone(spec, weights, precision=precision)
        except NotExportableError as error:
            return replace(cast(Backbone, error.loaded), precision=precision)
    return replace(load_backbone(spec, weights=weights), precision=precision)


def fastest_precision(recipe: Mapping[str, Any], engine: str = "auto") -> str:
    """Return the fastest precision in which this machine runs a network and that was found to lose next to nothing.

    It is half for `GOOD_IN_HALF` where OpenVINO runs them on a processor that multiplies floats of 16 bits, and single elsewhere.

    Parameters
    ----------
    recipe : mapping
        ``backbone``, and ``weights`` where they are not its own.
    engine : str
        What is to run it.
    """
    if recipe.get("backbone") not in GOOD_IN_HALF or recipe.get("weights"):
        return SINGLE
    on_processor = engine == "openvino" or (engine == "auto" and importlib.util.find_spec("openvino") is not None)
    if not on_processor or (engine == "auto" and gpu.may_be_there() and gpu.is_seen()):
        return SINGLE
    return SINGLE if half_floats() is None else HALF


def fingerprint_of(spec: str) -> Fingerprint:
    """Return the fingerprint of a backbone. One that is not in the cache is built by Keras for it, and not exported.

    Raises
    ------
    MissingExtraError
        If Keras is needed and not installed.
    ModelError, WeightsError
        As `load_backbone`.
    """
    kept = kept_backbone(spec) if importlib.util.find_spec("openvino") is not None else None
    return (kept or load_backbone(spec)).fingerprint


def _on_gpu(spec: str, weights: Path | None) -> Network:
    keras = import_keras("computing the vector of a picture")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return replace(load_backbone(spec, weights=weights), on_gpu=True)
    finally:
        keras.config.set_dtype_policy(before)
