"""Backbone and head as one graph, pixels in, visual and joint vectors out, in the formats that servers load."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.model_files.keras_file import save_model
from milvise.embeddings.runtimes.openvino_engine import import_openvino
from milvise.embeddings.runtimes.quiet_keras import import_keras, silenced
from milvise.errors import ModelError

_PROBE_TOLERANCE = 1e-4


def preprocess_in_graph(backbone: Backbone, pixels: Any) -> Any:
    """Return a backbone's preprocessing of a Keras tensor of pixels (n, size, size, 3) in [0, 255], as a layer.

    What networks do to pixels is an affine map of the three channels, which is a convolution of width one.

    Raises
    ------
    ModelError
        If this backbone's is not.
    """
    keras = import_keras("exporting")
    corners = np.concatenate([np.zeros((1, 3)), np.eye(3)]).astype(np.float32).reshape(4, 1, 1, 3)
    at_zero, *basis = np.asarray(backbone.preprocess(corners.copy())).reshape(4, 3)
    kernel = np.stack(basis) - at_zero
    colour = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3)).astype(np.float32)
    if np.abs(colour @ kernel + at_zero - backbone.preprocess(colour.copy())).max() > _PROBE_TOLERANCE:
        raise ModelError(
            f"the preprocessing of {backbone.name} is not a map of each pixel's channels, and cannot be exported."
        )
    if pixels.dtype != "float32":
        pixels = keras.layers.Rescaling(1.0, name="pixels_as_float")(pixels)
    if np.array_equal(kernel, np.eye(3)) and not at_zero.any():
        return pixels
    layer = keras.layers.Conv2D(3, 1, trainable=False, name="preprocess")
    outputs = layer(pixels)
    layer.set_weights([kernel.reshape(1, 1, 3, 3), at_zero])
    return outputs


def one_graph(backbone: Backbone, head: Any | None) -> Any:
    """Return a Keras model from ``pixels``, uint8 of shape (n, size, size, 3), to ``visual`` and ``joint`` vectors.

    Parameters
    ----------
    head : keras.Model, optional
        Without it there is no ``joint``.
    """
    keras = import_keras("exporting")
    pixels = keras.Input((backbone.size, backbone.size, 3), dtype="uint8", name="pixels")
    # Nested, as the head is: it may be such a graph itself, and have the same names.
    visual = keras.layers.Identity(name="visual")(backbone.model(preprocess_in_graph(backbone, pixels), training=False))
    outputs = {"visual": visual}
    if head is not None:
        outputs["joint"] = head(visual)
    return keras.Model(pixels, outputs, name="milvise")


def export_graph(graph: Any, out: Path, record: Mapping[str, Any]) -> str:
    """Write a graph, and return the format that the path's name asks for.

    ``.keras`` is a Keras file, ``.xml`` OpenVINO (with a ``.bin`` beside it), anything else a folder in TensorFlow's
    SavedModel format with a ``serving_default`` signature.

    Raises
    ------
    ModelError
        If something stands there already, or it cannot be written.
    MissingExtraError
        If OpenVINO is asked for and not installed.
    """
    formats: dict[str, Callable[[Any, Path, Mapping[str, Any]], None]] = {".keras": save_model, ".xml": _openvino}
    if out.exists():
        raise ModelError(f"{out} is there already. Remove it, or choose another name.")
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"the folder {out.parent} for {out.name} cannot be made: {error.strerror}") from error
    formats.get(out.suffix, _saved_model)(graph, out, record)
    return {".keras": "keras", ".xml": "openvino"}.get(out.suffix, "saved_model")


def _saved_model(graph: Any, out: Path, _record: Mapping[str, Any]) -> None:
    with _written_whole(out) as folder:
        graph.export(folder / out.name, format="tf_saved_model", verbose=False)


def _openvino(graph: Any, out: Path, _record: Mapping[str, Any]) -> None:
    openvino = import_openvino("exporting to OpenVINO")
    with tempfile.TemporaryDirectory(prefix="milvise-") as elsewhere, _written_whole(out) as folder:
        saved = Path(elsewhere, "model")
        graph.export(saved, format="tf_saved_model", verbose=False)
        # Single precision, as ingest computes; by default OpenVINO would save half.
        openvino.save_model(openvino.Core().read_model(saved), folder / out.name, compress_to_fp16=False)


@contextmanager
def _written_whole(out: Path) -> Iterator[Path]:
    """Yield a folder whose content is moved to where `out` lies once all of it is written."""
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".milvise-") as name:
        folder = Path(name)
        try:
            with silenced():
                yield folder
            for made in sorted(folder.iterdir()):
                shutil.move(made, out.absolute().parent / made.name)
        except Exception as error:  # TensorFlow and OpenVINO raise nearly anything, on full disks too
            raise ModelError(f"the model cannot be written to {out}: {error}") from error
