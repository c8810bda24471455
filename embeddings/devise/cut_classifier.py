"""Cutting the classifier off a network: what it reads is the visual vector, what it weighs are the classes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.errors import ModelError

ANY_SIZE = 224
"""The side in pixels for networks that take pictures of any size."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A network without its classifier.

    Attributes
    ----------
    model : keras.Model
        From preprocessed pixels (n, size, size, 3) to visual vectors (n, dim).
    layer : str
        The layer whose output is the visual vector.
    classifier : (ndarray of shape (classes, dim), ndarray of shape (classes,)), optional
        Weights and biases, where a classifier reads the visual vector.
    weights_hash : str
        Hash of the network's weights.
    """

    model: Any
    layer: str
    size: int
    dim: int
    classifier: tuple[Floats, Floats] | None
    weights_hash: str


def cut(model: Any, layer: str = "") -> Cut:
    """Cut a network at a layer, or by default in front of its classifier, which is its last layer with weights.

    Raises
    ------
    ModelError
        If there is no such layer, or the network does not read square pictures.
    """
    import keras

    classifier = next((layer for layer in reversed(model.layers) if layer.weights), None)
    if classifier is None:
        raise ModelError(f"the model {model.name} has no weights.")
    shape = model.input_shape
    if len(shape) != 4 or shape[1] != shape[2]:
        raise ModelError(f"the input of {model.name} must be square pictures.\nReceived: {shape}")
    read = _source(classifier.input)
    source = _layer(model, layer) if layer else read
    output = source.output if layer else classifier.input
    if len(output.shape) > 2:
        output = keras.layers.GlobalAveragePooling2D()(output)
    visual = keras.Model(model.input, output)
    dim = int(visual.output_shape[-1])
    weighed = _weights(classifier, dim) if source is read else None
    return Cut(visual, source.name, int(shape[1] or ANY_SIZE), dim, weighed, weights_hash(visual))


def _layer(model: Any, name: str) -> Any:
    try:
        return model.get_layer(name)
    except ValueError as error:
        names = ", ".join(layer.name for layer in model.layers[-12:])
        raise ModelError(f"{model.name} has no layer {name!r}. Its last layers are {names}.") from error


def _source(tensor: Any) -> Any:
    """Return the layer that made a tensor, looking through dropout, which does nothing outside training."""
    layer = tensor._keras_history.operation
    return _source(layer.input) if type(layer).__name__ == "Dropout" else layer


def _weights(classifier: Any, dim: int) -> tuple[Floats, Floats] | None:
    """Return weights (classes, dim) and bias (classes,) of a dense or 1 x 1 convolutional classifier."""
    kernel, *bias = classifier.get_weights()
    if kernel.ndim not in (2, 4) or kernel.size != dim * kernel.shape[-1]:
        return None
    weights = kernel.reshape(dim, -1).T.astype(np.float32)
    return np.ascontiguousarray(weights), bias[0].astype(np.float32) if bias else np.zeros(len(weights), np.float32)


def weights_hash(model: Any) -> str:
    """Return a hash of all weights of a Keras model."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]
