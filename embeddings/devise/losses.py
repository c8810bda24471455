"""What a head is trained to make small: functions of a label's index and the joint vector predicted for its picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milvise.core.arrays import Floats
from milvise.embeddings.runtimes.quiet_keras import import_keras

Loss = Callable[[Any, Any], Any]

LOSSES = ("cosine", "hinge_rank")
MARGIN = 0.1


def make_loss(name: str, targets: Floats, trained: Floats) -> Loss:
    """Return a loss for Keras: of label indices (n, 1) and joint unit vectors (n, dim), one value each, shape (n,).

    ``cosine`` is one minus the cosine to the label's vector. ``hinge_rank`` sums over all other trained labels j

        max(0, margin - t_label . v + t_j . v)

    with margin 0.1; v, the predicted vector, has length one here, so that it cannot buy the margin by growing.

    Parameters
    ----------
    name : {"cosine", "hinge_rank"}
    targets : ndarray of shape (labels, dim), float32
        The labels' distinct unit vectors.
    trained : ndarray of shape (labels,), float32
        1 for those that are trained on, 0 for those that must not be known in training.

    References
    ----------
    Frome et al. 2013, "DeViSE: A Deep Visual-Semantic Embedding Model", equation 1.
    """
    return _cosine(targets) if name == "cosine" else _hinge_rank(targets, trained)


def _cosine(targets: Floats) -> Loss:
    ops = import_keras("training").ops

    def cosine(labels: Any, joint: Any) -> Any:
        own = ops.take(targets, ops.cast(ops.reshape(labels, (-1,)), "int32"), axis=0)
        return 1.0 - ops.sum(own * joint, axis=-1)

    return cosine


def _hinge_rank(targets: Floats, trained: Floats) -> Loss:
    ops = import_keras("training").ops

    def hinge_rank(labels: Any, joint: Any) -> Any:
        similarities = ops.matmul(joint, ops.transpose(ops.convert_to_tensor(targets)))
        own = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), len(targets), dtype="float32")
        to_own = ops.sum(similarities * own, axis=-1, keepdims=True)
        return ops.sum(ops.relu(MARGIN - to_own + similarities) * (1.0 - own) * trained, axis=-1)

    return hinge_rank
