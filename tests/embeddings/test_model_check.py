"""Models that are sound pass the check: those of keras.applications, those that milvise writes, and common ones of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

from milvise.embeddings.devise.backbones import load_backbone
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.heads import conse_head, linear_head, mlp_head, residual_head
from milvise.embeddings.model_files import archive as model_archive
from milvise.embeddings.model_files import check as model_check
from milvise.embeddings.model_files import config as model_config
from milvise.embeddings.model_files import weights_file
from milvise.embeddings.model_files.keras_file import load_model, save_model
from milvise.errors import ModelError


def same(model: Any, path: Path) -> None:
    loaded = load_model(path)
    for mine, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("name", ["MobileNetV2", "MobileNetV3Small", "ConvNeXtTiny"])
def test_networks_of_keras_applications_are_loaded(tmp_path: Path, name: str) -> None:
    model = getattr(keras.applications, name)(weights=None, classes=7)
    model.save(tmp_path / "model.keras")
    same(model, tmp_path / "model.keras")


def test_heads_are_loaded(tmp_path: Path) -> None:
    names = {"cat": np.float32([1, 0]), "dog": np.float32([0, 1])}
    conse = ConseHead(Classes(("cat", "dog"), np.ones((2, 3), np.float32), np.zeros(2, np.float32)), names)
    residual = residual_head(conse, np.ones(3, np.float32), np.eye(3, dtype=np.float32), penalty=0.1)
    for model in (linear_head(3, 2), mlp_head(3, 2), conse_head(conse), residual):
        save_model(model, tmp_path / "head.keras", {})
        same(model, tmp_path / "head.keras")


def _transfer() -> Any:
    """A network that takes pictures of any size, inside one with augmentation, as Keras's guides build it."""
    augmented = keras.Sequential([L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomContrast(0.1)])
    base = keras.applications.MobileNet(include_top=False, weights=None, alpha=0.25)
    inputs = keras.Input((32, 32, 3))
    x = base(L.Resizing(64, 64)(augmented(inputs)), training=False)
    model = keras.Model(inputs, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x)))
    model.compile("adam", "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)  # its state is written beside the weights
    return model


def _shared() -> Any:
    inputs = keras.Input((16, 16, 3))
    block = keras.Sequential([L.Conv2D(3, 3, padding="same"), L.BatchNormalization()])
    start = keras.initializers.HeNormal()
    x = keras.ops.mean(block(block(inputs))[:, 2:10] * 2 - np.ones(3, "float32"), axis=(1, 2))
    return keras.Model(inputs, L.Dense(2, kernel_initializer=start)(L.Dense(4, kernel_initializer=start)(x)))


def _short_floats() -> Any:
    inputs = keras.Input((8, 8, 3))
    x = L.Flatten()(L.Conv2D(2, 3, dtype="bfloat16", kernel_regularizer="l2")(inputs))
    return keras.Model(inputs, L.Dense(2, dtype="mixed_float16")(x))


def _sequential() -> Any:
    return keras.Sequential(
        [keras.Input((16, 16, 3)), L.Conv2D(4, 3), L.PReLU(), L.GroupNormalization(2), L.Flatten(), L.Dense(3)]
    )


@pytest.mark.parametrize("build", [_transfer, _shared, _short_floats, _sequential])
def test_models_of_ones_own_are_loaded(tmp_path: Path, build: Callable[[], Any]) -> None:
    model = build()
    model.save(tmp_path / "own.keras")
    same(model, tmp_path / "own.keras")


def test_the_limits_are_those_that_are_written_down() -> None:
    text = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    assert (model_archive.MOST_BYTES, model_archive.MOST_JSON_BYTES, model_check.MOST_VALUES) == (2**32, 2**24, 2**25)
    for number in (
        model_config.MOST_CALLS,
        model_config.MOST_DEPTH,
        model_config.MOST_TEXT,
        model_archive.MOST_RATIO,
        weights_file.MOST_OBJECTS,
        weights_file.MOST_DEPTH,
        weights_file.MOST_READS,
    ):
        assert f"{number:,}" in text


def test_a_sequential_model_is_a_backbone(tmp_path: Path) -> None:
    _sequential().save(tmp_path / "own.keras")
    assert load_backbone(str(tmp_path / "own.keras")).dim == 14 * 14 * 4


@pytest.mark.parametrize("name", ["w.weights.h5", "w.keras", "w.h5"])
def test_weights_are_read_from_every_file_that_keras_writes(tmp_path: Path, name: str) -> None:
    keras.utils.set_random_seed(5)
    model = keras.applications.MobileNet(weights=None, alpha=0.25)
    (model.save_weights if name == "w.weights.h5" else model.save)(tmp_path / name)
    other = tmp_path / "other.keras"
    keras.utils.set_random_seed(6)
    keras.applications.MobileNet(weights=None, alpha=0.25).save(other)
    loaded = load_backbone(str(other), weights=tmp_path / name).model
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_a_model_that_fits_one_number_of_pictures_alone_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3), batch_size=3)
    keras.Model(inputs, L.Dense(2)(keras.ops.reshape(inputs, (3, 192)))).save(tmp_path / "fixed.keras")
    with pytest.raises(ModelError, match="Keras cannot run it"):
        load_backbone(str(tmp_path / "fixed.keras"))


def test_a_model_that_fails_later_says_so(tmp_path: Path) -> None:
    class Broken:
        def predict_on_batch(self, _: object) -> None:
            raise ValueError("\x1b[31mno")

    _sequential().save(tmp_path / "own.keras")
    backbone = replace(load_backbone(str(tmp_path / "own.keras")), model=Broken())
    with pytest.raises(ModelError, match=r"Keras cannot run own on 4 pictures: .\[31mno"):
        backbone.embed(np.zeros((4, 16, 16, 3), np.uint8), batch_size=4)
