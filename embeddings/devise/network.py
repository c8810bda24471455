"""A backbone, whatever runs it: what it is, and that it turns pixels into visual vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from milvise.core.arrays import Floats, Pixels
from milvise.core.precision import SINGLE, in_precision
from milvise.embeddings.devise.classes import Classes, name_classes
from milvise.errors import ModelError

if TYPE_CHECKING:
    from milvise.embeddings.pictures.rgb import ResizeRule

BATCH_SIZE = 32


class Head(Protocol):
    """From visual to joint vectors."""

    @property
    def dim(self) -> int:
        """Width of the joint vectors."""

    def __call__(self, visual: Floats) -> Floats:
        """Return joint unit vectors (n, dim) for visual vectors (n, visual width)."""


@dataclass(frozen=True, slots=True)
class Network(ABC):
    """A pretrained network without its classifier.

    Attributes
    ----------
    name : str
        What it is called in collection names: letters, digits and underscores.
    layer : str
        The layer whose output is the visual vector.
    size : int
        Side of its square input in pixels.
    dim : int
        Width of the visual vector.
    rule : {"crop", "squash"}
        How pictures are brought to `size`.
    weights_hash : str
        Hash of all its weights.
    classifier : (ndarray of shape (classes, dim), ndarray of shape (classes,)), optional
        Weights and biases, where a classifier reads the visual vector.
    class_names : tuple of str, optional
        What its file calls the classes, if it was fine-tuned.
    precision : {"single", "half"}
        How exactly it computes, see `milvise.core.precision`.
    """

    name: str
    layer: str
    size: int
    dim: int
    rule: ResizeRule
    weights_hash: str
    classifier: tuple[Floats, Floats] | None
    class_names: tuple[str, ...] | None
    precision: str = field(default=SINGLE, kw_only=True)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What makes its vectors what they are; the same whatever runs it. Single precision goes without saying."""
        exact = {
            "backbone": self.name,
            "layer": self.layer,
            "size": self.size,
            "resize": self.rule,
            "weights": self.weights_hash,
        }
        return in_precision(exact, self.precision)

    @property
    @abstractmethod
    def engine(self) -> str:
        """What runs it."""

    @property
    def usual_batch(self) -> int:
        """How many pictures at once keep it busy."""
        return BATCH_SIZE

    @abstractmethod
    def embed(self, pixels: Pixels, *, batch_size: int = BATCH_SIZE) -> Floats:
        """Return the visual vectors, float32 of shape (n, dim), of pixels (n, size, size, 3)."""

    def close(self) -> None:  # noqa: B027 - most networks hold nothing but memory
        """Release the threads that run it, if any; it starts them again when it is used again."""

    def classes(self, names_file: Path | None = None) -> Classes:
        """Return the classes that its classifier knows.

        Raises
        ------
        ModelError
            If no classifier reads the visual vector, or its classes have no names.
        """
        if self.classifier is None:
            raise ModelError(
                f"no classifier reads the layer {self.layer!r} of {self.name}, so that it knows no classes."
            )
        return name_classes(*self.classifier, names_file, self.class_names)
