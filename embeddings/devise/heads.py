"""Heads as Keras models: visual vectors ``(n, visual width)`` to joint unit vectors ``(n, words' width)``.

``linear``
    One dense layer.
``mlp``
    Dense 2000, batch normalisation, ReLU, dropout 0.5, dense to the words' width, batch normalisation.
``residual``
    Class probabilities p times the word vectors N of the class names, which is the ``conse`` head, plus a correction:

        joint = unit(unit(p N) + t(x) p^0.75 W)        t(x) = max(0, max over trained labels l of cos(x - mean, m_l))

    W starts at zero and is learned, with a penalty on its size. It moves the vectors of those class names that the
    training pictures look like, and leaves the others where they are; the power lets classes that are not the first guess
    have a say. The trust t is how close the visual vector x comes to the trained labels (m_l is the mean of a label's
    vectors, from the mean of all): a picture unlike all that was trained on gets nearly its ``conse`` vector.

References
----------
Frome et al. 2013, "DeViSE: A Deep Visual-Semantic Embedding Model", section 3.2 (the linear head).
Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (the conse head).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.runtimes.quiet_keras import import_keras

POWER = 0.75
KINDS = ("linear", "mlp", "residual")


def linear_head(visual_dim: int, dim: int) -> Any:
    """Return the ``linear`` head with random weights."""
    keras = import_keras("training")
    inputs = keras.Input((visual_dim,), name="visual")
    return _head(inputs, keras.layers.Dense(dim)(inputs), "linear")


def mlp_head(visual_dim: int, dim: int) -> Any:
    """Return the ``mlp`` head with random weights."""
    keras = import_keras("training")
    inputs = keras.Input((visual_dim,), name="visual")
    x = keras.layers.BatchNormalization()(keras.layers.Dense(2000)(inputs))
    x = keras.layers.Dropout(0.5)(keras.layers.ReLU()(x))
    return _head(inputs, keras.layers.BatchNormalization()(keras.layers.Dense(dim)(x)), "mlp")


def conse_head(conse: ConseHead) -> Any:
    """Return the ``conse`` head as a Keras model."""
    keras = import_keras("exporting")
    inputs = keras.Input((conse.weights.shape[0],), name="visual")
    return _head(inputs, _conse(inputs, conse)[1], "conse")


def residual_head(conse: ConseHead, mean: Floats, label_means: Floats, *, penalty: float) -> Any:
    """Return the ``residual`` head, whose output is that of `conse` until it is trained.

    Parameters
    ----------
    conse : ConseHead
    mean : ndarray of shape (visual width,), float32
        Of the labels' mean vectors.
    label_means : ndarray of shape (labels, visual width), float32
        For each trained label the mean of its vectors, less `mean`, of unit length.
    penalty : float
        Of the squared size of W, beside the mean loss of a picture.
    """
    keras = import_keras("training")
    inputs = keras.Input((conse.weights.shape[0],), name="visual")
    probabilities, untrained = _conse(inputs, conse)
    centred = keras.layers.UnitNormalization(name="direction")(_less(inputs, mean))
    closest = keras.ops.max(_fixed(centred, label_means.T, name="closeness"), axis=-1, keepdims=True)
    correction = keras.layers.Dense(
        conse.dim,
        use_bias=False,
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(penalty),
        name="correction",
    )(keras.ops.power(probabilities, POWER))
    return _head(inputs, untrained + keras.ops.relu(closest) * correction, "residual")


def _head(inputs: Any, outputs: Any, kind: str) -> Any:
    keras = import_keras("training")
    return keras.Model(inputs, keras.layers.UnitNormalization(name="joint")(outputs), name=f"{kind}_head")


def _conse(inputs: Any, conse: ConseHead) -> tuple[Any, Any]:
    """Return class probabilities, and the unit vectors made of them."""
    keras = import_keras("training")
    logits = _fixed(inputs, conse.weights, conse.bias, name="classes")
    probabilities = keras.layers.Softmax(name="probabilities")(logits)
    return probabilities, keras.layers.UnitNormalization(name="untrained")(
        _fixed(probabilities, conse.names, name="names")
    )


def _less(inputs: Any, mean: Floats) -> Any:
    """Return the inputs less a fixed vector, which stands among the model's weights."""
    keras = import_keras("training")
    layer = keras.layers.BatchNormalization(center=False, scale=False, epsilon=0.0, trainable=False, name="centred")
    outputs = layer(inputs)
    layer.set_weights([mean, np.ones_like(mean)])
    return outputs


def _fixed(inputs: Any, *weights: Floats, name: str) -> Any:
    """Return the output of a dense layer whose weights are given and stay as they are."""
    keras = import_keras("training")
    layer = keras.layers.Dense(weights[0].shape[1], use_bias=len(weights) > 1, trainable=False, name=name)
    outputs = layer(inputs)
    layer.set_weights(weights)
    return outputs
