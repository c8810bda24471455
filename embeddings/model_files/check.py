"""Checking a ``.keras`` file before Keras loads it: no code, no other files, and not larger than its weights.

A network of a few hundred bytes can ask for a layer of ten thousand million units. So the network is first built without memory
for its weights, and compared with what the file holds.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from milvise.embeddings.model_files import archive as model_archive
from milvise.embeddings.model_files.config import check_config
from milvise.embeddings.model_files.weights_file import copy_weights
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import ModelError

MOST_VALUES = 2**25
"""Of what one layer gives for one picture, 128 MiB in single precision; the most in ``keras.applications`` are 17 million."""

_UNSAVED = 10_000
"""Numbers that a network has beside its weights, such as the state of dropout."""

_ANY_SIZE = 224


def copy_checked(path: Path, folder: Path) -> None:
    """Write a model into a folder that Keras loads, after checking that this runs no code and reads no other file.

    Nor does it take more memory than the file is long.

    Parameters
    ----------
    path : Path
        A ``.keras`` file.
    folder : Path
        An empty folder.

    Raises
    ------
    ModelError
        If it is not so; the message says why, as a sentence about "it".
    """
    with model_archive.opened(path) as (file, archive):
        config = model_archive.read_json(archive, model_archive.CONFIG)
        check_config(config)
        # Passed over by Keras, and so not checked.
        config["compile_config"] = None
        held = copy_weights(model_archive.weights_member(file, archive), folder / model_archive.WEIGHTS)
    # What Keras remembers of the network that has no memory it remembers by thread, and forgets with it.
    with ThreadPoolExecutor(1, thread_name_prefix="milvise-check") as apart:
        apart.submit(_check_size, config, held).result()
    (folder / model_archive.CONFIG).write_text(json.dumps(config), encoding="utf-8")


def _check_size(config: dict[str, Any], held: int) -> None:
    keras = import_keras("reading a Keras model")
    with keras.StatelessScope(initialize_variables=False):
        try:
            # A copy, because Keras takes a configuration apart as it reads it.
            model = keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)
        except Exception as error:  # Keras raises nearly anything on configurations that it cannot read
            raise ModelError(f"Keras cannot build it: {short(error)}") from error
        needed = sum(math.prod(weight.shape) for weight in model.variables)
        if needed > held + _UNSAVED:
            raise ModelError(
                f"it has {needed} weights, and its file holds {held}.\nExpected: as many as the file holds"
            )
        _check_layers(model, config)
        _check_values(keras, model)


def _check_layers(model: Any, config: dict[str, Any]) -> None:
    """Check that every layer of a configuration is part of the network: Keras makes the others too, and then drops them."""
    layers = config["config"]["layers"]
    by_name = {operation.name: operation for operation in _operations(model)}
    # A Sequential model reads all of its layers, and does not count its input among them.
    if config["class_name"] == "Functional":
        unread = [name for layer in layers if (name := _name(layer)) not in by_name]
        if unread:
            raise ModelError(f"it has layers that nothing reads, such as {unread[0]!r:.100}.")
    for layer in layers:
        if "layers" in layer["config"]:
            if _name(layer) not in by_name:
                raise ModelError(f"it has a network that nothing reads: {_name(layer)!r:.100}.")
            _check_layers(by_name[_name(layer)], layer)


def _name(layer: dict[str, Any]) -> str:
    return str(layer["config"].get("name"))


def _operations(model: Any) -> list[Any]:
    """Return the layers and operations that a network is made of, none for one of these."""
    return list(getattr(model, "operations", ()) or getattr(model, "layers", ()))


def _check_values(keras: Any, model: Any) -> None:
    """Check what every layer gives for one picture, also inside networks that are part of this one."""
    _watch(keras, model)
    # A Sequential model that nothing called has a list of one, and takes what is in it.
    try:
        inputs = model.inputs[0] if type(model).__name__ == "Sequential" else model.input
        model.compute_output_spec(
            keras.tree.map_structure(
                lambda x: keras.KerasTensor((1, *(side or _ANY_SIZE for side in x.shape[1:])), dtype=x.dtype),
                inputs,
            )
        )
    except ModelError:
        raise
    except Exception as error:  # as above
        raise ModelError(f"Keras cannot run it: {short(error)}") from error


def _watch(keras: Any, operation: Any) -> None:
    """Check what a layer gave when the network was built, and what it will give when the network is run."""
    for inner in _operations(operation):
        _watch(keras, inner)
    for node in operation._inbound_nodes:
        _check_tensors(keras, operation, node.output_tensors)
    compute: Callable[..., Any] = operation.compute_output_spec

    def checked(*args: Any, **kwargs: Any) -> Any:
        made = compute(*args, **kwargs)
        _check_tensors(keras, operation, made)
        return made

    operation.compute_output_spec = checked


def _check_tensors(keras: Any, operation: Any, tensors: Any) -> None:
    for tensor in keras.tree.flatten(tensors):
        count = math.prod(1 if side is None else side for side in tensor.shape)
        if count > MOST_VALUES:
            raise ModelError(
                f"its layer {operation.name!r:.100} gives {count} numbers for one picture.\nExpected: {MOST_VALUES} at most"
            )


def short(error: Exception) -> str:
    """Return what Keras says of an error, in a form that does no harm on a terminal: it repeats what stands in the file."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return "".join(char if char.isprintable() else "�" for char in first)[:300]
