"""The last block of a network, apart from what comes before it."""

from __future__ import annotations

from typing import Any

from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import ModelError


def split_at_last_block(model: Any) -> tuple[Any, Any]:
    """Return a network as two models that share its layers: all but the last block, and the last block.

    Blocks end where everything goes through one tensor that an addition, a concatenation or a pooling made: in residual
    and inception networks between their blocks, in VGG before the dense layers. A network without such a place is cut in
    front of its last layer with weights.

    Raises
    ------
    ModelError
        If there is nothing with weights to split off.
    """
    keras = import_keras("training")
    operations = model.operations
    place = {id(operation): index for index, operation in enumerate(operations)}
    reads = [[place[id(source)] for source in _sources(operation) if id(source) in place] for operation in operations]
    weighted = [index for index, operation in enumerate(operations) if _is_trainable(operation)]
    if not weighted:
        raise ModelError(f"the model {model.name} has no weights to train.")
    ends = [
        index
        for index, operation in enumerate(operations[: weighted[-1]])
        if _ends_block(operation) and _is_bottleneck(index, reads)
    ]
    before = ends[-1] if ends else min(reads[weighted[-1]])
    middle = operations[before].output
    return keras.Model(model.input, middle), keras.Model(middle, model.output)


def _sources(operation: Any) -> list[Any]:
    """Return the operations whose outputs an operation reads."""
    if type(operation).__name__ == "InputLayer":
        return []
    tree = import_keras("training").tree
    return [tensor._keras_history.operation for tensor in tree.flatten(operation.input)]


def _is_trainable(operation: Any) -> bool:
    """Return whether an operation has a kernel; batch normalisation alone is not trained."""
    return any(len(weight.shape) > 1 for weight in getattr(operation, "weights", ()))


def _ends_block(operation: Any) -> bool:
    name = type(operation).__name__
    return name in ("Add", "Concatenate") or "Pooling" in name


def _is_bottleneck(index: int, reads: list[list[int]]) -> bool:
    """Return whether nothing behind an operation reads anything in front of it."""
    return all(min(read, default=index) >= index for read in reads[index + 1 :])
