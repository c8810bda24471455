"""Backbones: the vectors are what the network's own layer gives, and what cannot be built says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from milvise.embeddings.devise.backbones import load_backbone
from milvise.embeddings.devise.efficientnet_lite import VARIANTS
from milvise.embeddings.pictures.decode import decode
from milvise.errors import ModelError, WeightsError


def pixels(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def save_random(build: Any, folder: Path) -> tuple[Any, Path]:
    keras.utils.set_random_seed(0)
    model = build(weights=None)
    path = folder / "random.weights.h5"
    model.save_weights(path)
    return model, path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A small network of one's own: a layer called ``features``, then a classifier of three classes."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="early")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Dense(6, name="features")(keras.layers.Flatten()(x))
    outputs = keras.layers.Dense(3, activation="softmax", name="head")(keras.layers.Dropout(0.5)(x))
    path = tmp_path / "my-net.keras"
    keras.Model(inputs, outputs).save(path)
    return path


def test_vgg16_gives_what_its_layer_fc2_gives(tmp_path: Path) -> None:
    model, weights = save_random(keras.applications.VGG16, tmp_path)
    backbone = load_backbone("vgg16", weights=weights)
    assert (backbone.layer, backbone.dim, backbone.size) == ("fc2", 4096, 224)
    batch = pixels(3, 224)
    expected = keras.Model(model.inputs, model.get_layer("fc2").output)(
        keras.applications.vgg16.preprocess_input(batch.astype(np.float32)), training=False
    )
    np.testing.assert_allclose(backbone.embed(batch, batch_size=2), expected, rtol=1e-4, atol=1e-5)
    classes = backbone.classes()
    assert classes.weights.shape == (1000, 4096)
    assert classes.names[207] == "Golden Retriever"


def test_inception_v3_gives_its_pooled_features(tmp_path: Path) -> None:
    model, weights = save_random(keras.applications.InceptionV3, tmp_path)
    backbone = load_backbone("inception_v3", weights=weights)
    assert (backbone.layer, backbone.dim, backbone.size) == ("avg_pool", 2048, 299)
    batch = pixels(2, 299)
    expected = keras.Model(model.inputs, model.get_layer("avg_pool").output)(
        keras.applications.inception_v3.preprocess_input(batch.astype(np.float32)), training=False
    )
    np.testing.assert_allclose(backbone.embed(batch), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "dim"), [("MobileNetV3Small", 1024), ("mobilenet", 1024)])
def test_a_convolutional_classifier_counts_as_one(tmp_path: Path, name: str, dim: int) -> None:
    build = {"MobileNetV3Small": keras.applications.MobileNetV3Small, "mobilenet": keras.applications.MobileNet}[name]
    model, weights = save_random(build, tmp_path)
    backbone = load_backbone(name, weights=weights)
    assert backbone.dim == dim
    batch = pixels(1, backbone.size)
    classes = backbone.classes()
    logits = backbone.embed(batch) @ classes.weights.T + classes.bias
    odds = np.exp(logits - logits.max())
    expected = np.asarray(model(backbone.preprocess(batch.astype(np.float32)), training=False))
    np.testing.assert_allclose(odds / odds.sum(), expected.reshape(1, -1), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_efficientnet_lite_classifies_real_photos(name: str, photos: list[Path]) -> None:
    backbone = load_backbone(name)
    assert backbone.dim == 1280
    numbered = [path for path in photos if path.name.startswith("imagenet_")]
    decoded = [decode(path.read_bytes(), size=backbone.size, rule=backbone.rule).pixels for path in numbered]
    classes = backbone.classes()
    best = np.argmax(backbone.embed(np.stack(decoded)) @ classes.weights.T + classes.bias, axis=1)
    right = [int(path.stem.rsplit("_", 1)[1]) == guess for path, guess in zip(numbered, best, strict=True)]
    assert len(right) == 20
    assert np.mean(right) >= 0.8, [classes.names[guess] for guess in best]


def test_vectors_do_not_depend_on_the_batch(tiny: Path) -> None:
    backbone = load_backbone(f"{tiny}:features")
    batch = pixels(7, 8)
    one_by_one = np.concatenate([backbone.embed(batch[i : i + 1], batch_size=1) for i in range(7)])
    np.testing.assert_allclose(backbone.embed(batch, batch_size=3), one_by_one, rtol=1e-5)


def test_a_model_of_ones_own_is_cut_at_the_named_layer(tiny: Path, tmp_path: Path) -> None:
    model = keras.saving.load_model(tiny)
    backbone = load_backbone(f"{tiny}:features")
    assert (backbone.name, backbone.layer, backbone.dim) == ("my_net", "features", 6)
    batch = pixels(2, 8)
    expected = keras.Model(model.inputs, model.get_layer("features").output)(batch.astype(np.float32))
    np.testing.assert_allclose(backbone.embed(batch), np.asarray(expected), rtol=1e-5)
    assert load_backbone(str(tiny)).layer == "features"
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\ncat\n")
    assert backbone.classes(names).names == ("cat", "dog", "cat (2)")


def test_classes_that_are_not_imagenets_need_names(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"3 classes.*--classes FILE"):
        load_backbone(str(tiny)).classes()
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    with pytest.raises(ModelError, match=r"3 classes.*\nReceived: 2 names"):
        load_backbone(str(tiny)).classes(names)


def test_a_layer_that_no_classifier_reads_knows_no_classes(tiny: Path) -> None:
    backbone = load_backbone(f"{tiny}:early")
    assert backbone.dim == 4
    with pytest.raises(ModelError, match="no classifier reads"):
        backbone.classes()


def test_the_fingerprint_follows_the_weights(tiny: Path, tmp_path: Path) -> None:
    first = load_backbone(str(tiny)).fingerprint
    assert load_backbone(str(tiny)).fingerprint == first
    model = keras.saving.load_model(tiny)
    model.get_layer("features").set_weights([weights + 1 for weights in model.get_layer("features").get_weights()])
    other = tmp_path / "other.weights.h5"
    model.save_weights(other)
    assert load_backbone(str(tiny), weights=other).fingerprint != first


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("vgg61", r"no backbone of this name[\s\S]*VGG16"),
        ("nowhere.keras", "no model file"),
        ("efficientnet_lite0:missing", "no layer 'missing'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(spec: str, problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        load_backbone(spec)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.keras"
    path.write_text("no model")
    with pytest.raises(ModelError, match="not a Keras model"):
        load_backbone(str(path))


def test_weights_of_another_network_are_refused(tmp_path: Path, tiny: Path) -> None:
    other = tmp_path / "other.weights.h5"
    keras.saving.load_model(tiny).save_weights(other)
    with pytest.raises(WeightsError, match="does not hold the weights"):
        load_backbone("efficientnet_lite0", weights=other)
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="not a PyTorch state dict"):
        load_backbone("efficientnet_lite0", weights=broken)
    with pytest.raises(WeightsError, match="no file of weights"):
        load_backbone("vgg16", weights=tmp_path / "missing.h5")


def test_weights_that_cannot_be_downloaded_say_where_to_put_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise Exception("URL fetch failure on https://example.org/mobilenet_v2.h5")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", unreachable)
    with pytest.raises(WeightsError, match=rf"put it into {tmp_path}/models, or give it: --weights FILE"):
        load_backbone("mobilenet_v2")
