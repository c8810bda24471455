"""One graph from pixels to both vectors, in every format equal to what ingest computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from milvise.embeddings.devise.backbones import Backbone, load_backbone
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.efficientnet_lite import preprocess_input
from milvise.embeddings.devise.graph import export_graph, one_graph, preprocess_in_graph
from milvise.embeddings.devise.heads import conse_head
from milvise.embeddings.model_files.keras_file import read_record
from milvise.errors import ModelError

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def conse(nets: list[Backbone], class_names: Path) -> ConseHead:
    classes: Classes = nets[0].classes(class_names)
    return ConseHead(
        classes, {"cat": np.float32([1, 0, 0]), "dog": np.float32([0, 1, 0]), "table": np.float32([0, 0, 1])}
    )


@pytest.fixture(scope="module")
def graph(nets: list[Backbone], conse: ConseHead) -> Any:
    return one_graph(nets[0], conse_head(conse))


@pytest.fixture
def expected(nets: list[Backbone], conse: ConseHead) -> dict[str, np.ndarray]:
    visual = nets[0].embed(PIXELS)
    return {"visual": visual, "joint": conse(visual)}


def close(found: dict[str, Any], expected: dict[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, vectors in expected.items():
        np.testing.assert_allclose(np.asarray(found[name]), vectors, atol=1e-4)


def test_a_saved_model_serves_pixels(graph: Any, expected: dict[str, np.ndarray], tmp_path: Path) -> None:
    import tensorflow as tf

    assert export_graph(graph, tmp_path / "served" / "1", {}) == "saved_model"
    served = tf.saved_model.load(str(tmp_path / "served" / "1")).signatures["serving_default"]
    ((), inputs) = served.structured_input_signature
    assert (inputs["pixels"].dtype, inputs["pixels"].shape) == (tf.uint8, (None, 16, 16, 3))
    close(served(tf.constant(PIXELS)), expected)


def test_a_keras_file_carries_its_record(graph: Any, expected: dict[str, np.ndarray], tmp_path: Path) -> None:
    import keras

    assert export_graph(graph, tmp_path / "model.keras", {"resize": "squash"}) == "keras"
    close(keras.saving.load_model(tmp_path / "model.keras")(PIXELS), expected)
    assert read_record(tmp_path / "model.keras") == {"resize": "squash"}


def test_openvino_gives_the_same_in_single_precision(
    graph: Any, expected: dict[str, np.ndarray], tmp_path: Path
) -> None:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    assert export_graph(graph, tmp_path / "model.xml", {}) == "openvino"
    single = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(tmp_path / "model.xml", "CPU", single)
    found = compiled(PIXELS)
    close({output.get_any_name(): found[output] for output in compiled.outputs}, expected)


def test_without_a_head_there_are_visual_vectors_only(nets: list[Backbone]) -> None:
    assert set(one_graph(nets[0], None)(PIXELS)) == {"visual"}


@pytest.mark.parametrize("name", ["vgg16", "inception_v3", "densenet", "efficientnet", "lite"])
def test_what_networks_do_to_pixels_is_in_the_graph(name: str, nets: list[Backbone]) -> None:
    import keras

    preprocess = preprocess_input if name == "lite" else getattr(keras.applications, name).preprocess_input
    backbone = Backbone("b", "l", 16, 12, "squash", "h", None, None, nets[0].model, preprocess)
    pixels = keras.Input((16, 16, 3), dtype="uint8")
    made = keras.Model(pixels, preprocess_in_graph(backbone, pixels))(PIXELS)
    np.testing.assert_allclose(made, preprocess(PIXELS.astype(np.float32)), atol=1e-4)


def test_what_is_not_a_map_of_channels_is_refused(nets: list[Backbone]) -> None:
    import keras

    backbone = Backbone("b", "l", 16, 12, "squash", "h", None, None, nets[0].model, lambda pixels: pixels**2)
    with pytest.raises(ModelError, match="cannot be exported"):
        preprocess_in_graph(backbone, keras.Input((16, 16, 3)))


def test_a_graph_can_be_the_backbone_of_another(nets: list[Backbone], tmp_path: Path) -> None:
    import keras

    once = one_graph(nets[0], None)
    keras.Model(once.inputs, keras.layers.Dense(3)(once.outputs[0])).save(tmp_path / "once.keras")
    twice = one_graph(load_backbone(str(tmp_path / "once.keras")), None)
    np.testing.assert_allclose(twice(PIXELS)["visual"], once(PIXELS)["visual"], rtol=1e-4, atol=1e-5)


def test_nothing_is_written_over(graph: Any, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(ModelError, match="is there already"):
        export_graph(graph, tmp_path / "model", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be made"):
        export_graph(graph, tmp_path / "file" / "model", {})
