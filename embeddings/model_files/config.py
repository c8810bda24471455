"""Reading the configuration of a Keras model as data, before Keras reads it as instructions.

Keras makes an object of every part of a configuration that names a class, and calls some of them. Here each part must be one of
a list: layers that networks for pictures are made of, operations on tensors, and what these are set up with. None of them holds
code or reads a file. `safe_mode` of Keras refuses some of the others, and was got round several times (CVE-2025-1550,
CVE-2025-8747, CVE-2025-9906, CVE-2025-12058, CVE-2025-49655, CVE-2026-1462).
"""

from __future__ import annotations

from typing import Any

from milvise.errors import ModelError

MOST_DEPTH = 100
"""Lists and objects in each other; the networks of ``keras.applications`` have 12."""

MOST_CALLS = 10_000
"""Layers and operations, each as often as it is called; the largest of ``keras.applications`` has 1,041."""

MOST_NUMBER = 2**53
MOST_TEXT = 4096

_LAYERS = (
    "InputLayer Dense Conv2D DepthwiseConv2D SeparableConv2D Conv2DTranspose BatchNormalization LayerNormalization"
    " GroupNormalization UnitNormalization Normalization Rescaling Resizing CenterCrop Activation ReLU LeakyReLU PReLU ELU Softmax"
    " Dropout SpatialDropout2D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization Flatten Reshape Permute Identity"
    " MaxPooling2D AveragePooling2D GlobalMaxPooling2D GlobalAveragePooling2D ZeroPadding2D Cropping2D UpSampling2D Add Subtract"
    " Multiply Average Maximum Minimum Concatenate Dot RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast"
    " RandomBrightness RandomCrop"
)
_ALLOWED = {
    "keras": "DTypePolicy Sequential Functional",
    "keras.models": "Sequential Functional",
    "keras.src.models.functional": "Functional",
    "keras.src.models.sequential": "Sequential",
    "keras.dtype_policies": "DTypePolicy",
    "keras.layers": _LAYERS,
    "keras.src.applications.convnext": "LayerScale",
    "keras.src.applications.inception_resnet_v2": "CustomScaleLayer",
    "keras.initializers": (
        "Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotUniform GlorotNormal HeNormal"
        " HeUniform LecunNormal LecunUniform Orthogonal Identity"
    ),
    "keras.regularizers": "L1 L2 L1L2 OrthogonalRegularizer",
    "keras.constraints": "MaxNorm NonNeg UnitNorm MinMaxNorm",
    "keras.src.ops.numpy": (
        "Add Subtract Multiply Divide TrueDivide Power Max Min Mean Sum Maximum Minimum Square Sqrt Exp Log Abs Absolute Negative"
        " Reciprocal Clip Reshape Transpose Concatenate Matmul ExpandDims Squeeze GetItem Tanh Sign Var Std"
    ),
    "keras.src.ops.nn": (
        "Relu Relu6 Sigmoid Softmax LogSoftmax Silu Gelu HardSigmoid HardSilu LeakyRelu Elu Selu Softplus Normalize MaxPool"
        " AveragePool"
    ),
    "keras.src.ops.core": "Cast SaturateCast ConvertToTensor StopGradient",
    "keras.src.ops.math": "Rsqrt Logsumexp",
}
_NAMED = {(module, name) for module, names in _ALLOWED.items() for name in names.split()}
_MODELS = ("Functional", "Sequential")

_PARTS = {"__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__"}
"""What stands for a tensor, an array, or a part of one."""

_ACTIVATIONS = (
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid log_softmax"
    " mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign squareplus swish tanh tanh_shrink"
)
_ACTIVATION_NAMES = _ACTIVATIONS.split()
_NUMBERS = (
    "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 bool mixed_float16 mixed_bfloat16"
)
_TYPES = _NUMBERS.split()
_NOT_SET = ("lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size")
"""Settings that change a layer's weights once it is built."""


def check_config(config: Any) -> None:
    """Check that a model's configuration is made of known parts, and is no larger than a network is.

    Parameters
    ----------
    config : object
        What stands in ``config.json``, as `json.loads` returned it.

    Raises
    ------
    ModelError
        If not; the message names the part.
    """
    if not isinstance(config, dict) or config.get("class_name") not in _MODELS:
        raise ModelError(
            "its configuration is not that of a network.\nExpected: a Functional or Sequential model\n"
            f"Received: {_named(config) if isinstance(config, dict) else type(config).__name__}"
        )
    # How it was trained is passed over by Keras, because it is loaded without being compiled.
    calls = _calls({key: value for key, value in config.items() if key != "compile_config"}, 1)
    if calls > MOST_CALLS:
        raise ModelError(f"its layers are called {calls} times.\nExpected: {MOST_CALLS} at most")


def _calls(value: Any, depth: int) -> int:
    """Check one value and what it holds; return how many layers and operations running it would call."""
    if depth > MOST_DEPTH:
        raise ModelError(f"its configuration is nested more deeply than {MOST_DEPTH} levels.")
    if isinstance(value, dict):
        return _object_calls(value, depth)
    if isinstance(value, list):
        return sum(_calls(item, depth + 1) for item in value)
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int) and abs(value) > MOST_NUMBER:
        raise ModelError(f"its configuration has a number of {len(str(abs(value)))} digits.")
    return 0


def _object_calls(value: dict[str, Any], depth: int) -> int:
    for name in value:
        _check_text(name)
    is_model = value.get("class_name") in _MODELS
    if "class_name" in value:
        _check_class(value, is_model)
    _check_settings(value)
    calls = sum(_calls(item, depth + 1) for item in value.values())
    nodes = value.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise ModelError(f"the calls of {_named(value)} are not a list.")
    if "class_name" in value and "inbound_nodes" in value:
        calls = (calls + 1) * max(1, len(nodes))
    return calls


def _check_class(value: dict[str, Any], is_model: bool) -> None:
    """Check an object that Keras would make."""
    name, module = value["class_name"], value.get("module")
    if isinstance(name, str) and name in _PARTS and module is None:
        _check_part(value)
        return
    if name == "function" and module in ("builtins", "keras.activations"):
        if value.get("config") not in _ACTIVATION_NAMES or value.get("registered_name") not in (
            None,
            "function",
            value["config"],
        ):
            raise ModelError(f"it names a function that is no activation.\nReceived: {value.get('config')!r:.100}")
        return
    if not isinstance(name, str) or not isinstance(module, str) or (module, name) not in _NAMED:
        raise ModelError(
            f"it has a part that milvise does not load: {_named(value)}. Parts that hold code, read files or are not known could do"
            " anything on this machine.\nExpected: the layers and operations of networks for pictures, such as those of"
            " keras.applications"
        )
    if value.get("registered_name") not in (None, name):
        raise ModelError(f"{_named(value)} is registered as something else: {value['registered_name']!r:.100}")
    if not isinstance(value.get("config"), dict):
        raise ModelError(f"{_named(value)} has no configuration.")
    if is_model:
        _check_model(value)
    elif value.get("compile_config"):
        raise ModelError(f"{_named(value)} says how it is trained, which only a network does.")


def _check_model(value: dict[str, Any]) -> None:
    layers = value["config"].get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) and "class_name" in layer for layer in layers):
        raise ModelError(f"{_named(value)} has no list of layers.")
    if "shared_object_id" in value:
        raise ModelError(f"{_named(value)} is shared between networks.")
    if "inbound_nodes" in value and value.get("compile_config"):
        raise ModelError(
            f"the network {str(value['config'].get('name'))!r:.100} inside it is compiled. Save it again with a part that is not."
        )


def _check_part(value: dict[str, Any]) -> None:
    """Check what stands for a tensor: its type must be one of numbers."""
    name, config = value["class_name"], value.get("config")
    if not isinstance(config, dict):
        if name == "__ellipsis__":
            return
        raise ModelError(f"{name} has no configuration.")
    if name != "__slice__" and config.get("dtype") not in _TYPES:
        raise ModelError(f"{name} is not of numbers.\nReceived: {config.get('dtype')!r:.100}")


def _check_settings(value: dict[str, Any]) -> None:
    """Check the settings that stand for more than themselves."""
    kind = value.get("dtype")
    if isinstance(kind, str) and kind not in _TYPES:
        raise ModelError(f"it computes in a type that is not known: {kind!r:.100}\nExpected: {', '.join(_TYPES)}")
    if value.get("class_name") == "DTypePolicy" and isinstance(config := value.get("config"), dict):
        _check_settings({"dtype": config.get("name", "float32")})
        if config.get("source_name") is not None:
            raise ModelError("it is quantized. Expected: a network in floating point")
    for setting in _NOT_SET:
        if value.get(setting) is not None:
            raise ModelError(f"it is set up with {setting}, which milvise does not load.")


def _check_text(text: str) -> None:
    if len(text) > MOST_TEXT or not text.isprintable():
        raise ModelError(f"its configuration has a text that is too long or cannot be printed: {text[:50]!r}")


def _named(value: dict[str, Any]) -> str:
    """Return how a part is called, in a form that does no harm on a terminal."""
    name, module = value.get("class_name"), value.get("module")
    if name == "function":
        name = f"function {value.get('config')}"
    return ascii(f"{module}.{name}" if isinstance(module, str) else f"{name}")[:150]
