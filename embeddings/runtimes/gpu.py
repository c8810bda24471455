"""What Keras needs to know of a GPU: whether there is one, and how many pictures fit into it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from milvise.embeddings.devise.network import BATCH_SIZE
from milvise.embeddings.runtimes.quiet_keras import import_keras

LARGEST_BATCH = 512
_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
_BYTES = 2  # float16
_LAYERS_AT_ONCE = 4
"""Inputs, outputs and the workspace of the layer that runs, and as much again."""


def may_be_there() -> bool:
    """Return whether this machine may have a GPU; Keras, which takes seconds to import, is asked only then."""
    return any(Path(device).exists() for device in _DEVICES)


def is_seen() -> bool:
    """Return whether Keras, on the backend that ``KERAS_BACKEND`` names, sees a GPU."""
    backend = import_keras("computing the vector of a picture").backend.backend()
    if backend == "torch":
        import torch

        return bool(torch.cuda.is_available())
    if backend == "jax":
        import jax

        return any(device.platform == "gpu" for device in jax.devices())
    if backend != "tensorflow":
        return False
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    for device in devices:
        # Otherwise TensorFlow takes all memory at once, and none is seen to be free.
        tf.config.experimental.set_memory_growth(device, True)
    return bool(devices)


def batch_size(model: Any) -> int:
    """Return how many pictures a Keras model can take at once: a power of two that half of the free memory holds."""
    free = free_bytes()
    return BATCH_SIZE if free is None else fitting(picture_bytes(model), free // 2)


def picture_bytes(model: Any) -> int:
    """Return an estimate of what one picture takes on its way through a Keras model."""
    largest = 0
    for layer in model.layers:
        shape = getattr(layer.output, "shape", ())
        values = 1
        for side in shape[1:]:
            values *= int(side or 1)
        largest = max(largest, values)
    return _LAYERS_AT_ONCE * _BYTES * largest


def fitting(each: int, free: int) -> int:
    """Return the largest power of two of pictures of `each` bytes that fit, from `BATCH_SIZE` to `LARGEST_BATCH`."""
    size = BATCH_SIZE
    while size < LARGEST_BATCH and 2 * size * each <= free:
        size *= 2
    return size


def free_bytes() -> int | None:
    """Return the free memory of the first GPU, None where that cannot be found out."""
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
        return int(sys.modules["torch"].cuda.mem_get_info()[0])
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout  # noqa: S603 - fixed words
        return int(answer.split()[0]) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
