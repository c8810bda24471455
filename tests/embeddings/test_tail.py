"""The last block of a network, apart from what comes before it."""

from __future__ import annotations

import numpy as np
import pytest

from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.last_block import split_at_last_block
from milvise.errors import ModelError


def weighted(model: object) -> list[str]:
    return [layer.name for layer in model.layers if layer.weights]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("application", "first", "last"),
    [
        ("MobileNetV2", "block_16_expand", "Conv_1_bn"),
        ("EfficientNetB0", "block7a_expand_conv", "top_bn"),
        ("ResNet50", "conv5_block3_1_conv", "conv5_block3_3_bn"),
        ("DenseNet121", "conv5_block16_0_bn", "bn"),
    ],
)
def test_residual_and_dense_networks_are_cut_between_their_blocks(application: str, first: str, last: str) -> None:
    import keras

    model = getattr(keras.applications, application)(
        weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3)
    )
    trunk, block = split_at_last_block(model)
    assert (weighted(block)[0], weighted(block)[-1]) == (first, last)
    pixels = np.random.default_rng(0).random((1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(block(trunk(pixels)), model(pixels), atol=1e-5)


def test_a_plain_network_is_cut_before_its_last_layer_with_weights(nets: list[Backbone]) -> None:
    trunk, block = split_at_last_block(nets[0].model)
    assert weighted(block) == ["features"]
    assert weighted(trunk) == [layer.name for layer in nets[0].model.layers if layer.weights][:-1]


def test_without_weights_there_is_nothing_to_train() -> None:
    import keras

    inputs = keras.Input((4,))
    with pytest.raises(ModelError, match="no weights"):
        split_at_last_block(keras.Model(inputs, keras.layers.ReLU()(inputs)))
