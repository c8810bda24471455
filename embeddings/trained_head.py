"""A trained head and its record: what it was trained on, and with which other models its vectors belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.embeddings.cutting import weights_hash
from milvise.embeddings.keras_file import load_model, read_record
from milvise.errors import FingerprintError, ModelError

Array = np.ndarray[Any, np.dtype[np.float32]]
Fingerprint = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """A function from visual to joint vectors, from a ``.keras`` file that ``milvise train`` wrote.

    Attributes
    ----------
    model : keras.Model
    path : Path
    record : dict
        ``head`` (kind), ``loss``, ``weights`` (hash), ``visual`` and ``words`` (fingerprints of what it was trained
        with), ``trained_on`` (labels and numbers of pictures), ``scores``, ``history``, ``seed``.
    """

    model: Any
    path: Path
    record: Mapping[str, Any]

    @property
    def dim(self) -> int:
        """Width of the joint vectors."""
        return int(self.model.output_shape[-1])

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What tells this head from others."""
        return {"kind": self.record["head"], "loss": self.record["loss"], "weights": self.record["weights"]}

    def __call__(self, visual: Array) -> Array:
        """Return joint unit vectors (n, words' width) for visual vectors (n, visual width)."""
        return np.asarray(self.model(np.asarray(visual, dtype=np.float32), training=False), dtype=np.float32)

    def require_belongs(self, *, visual: Fingerprint, words: Fingerprint, gallery: str) -> None:
        """Check that the head was trained on vectors of this backbone and these words.

        Raises
        ------
        FingerprintError
            If not; it names both fingerprints.
        """
        for what, expected in (("visual vectors of another backbone", visual), ("other words", words)):
            received = self.record["visual" if expected is visual else "words"]
            if dict(received) != dict(expected):
                raise FingerprintError(
                    f"the head {self.path} was trained with {what} than those of the gallery {gallery!r}.\n"
                    f"Expected: {dict(expected)}\nReceived: {dict(received)}\nTrain one for it: milvise train --gallery"
                    f" {gallery} --head {self.record['head']} --out FILE.keras"
                )


def load_head(path: Path) -> TrainedHead:
    """Read a head.

    Raises
    ------
    ModelError
        If the file is not there, is not a Keras model, or is not a head.
    FingerprintError
        If its weights are not those that its record was written for.
    """
    model = load_model(path)
    record = read_record(path)
    if not {"head", "loss", "weights", "visual", "words"} <= set(record):
        raise ModelError(
            f"{path} is a Keras model without a record of what it was trained on, and is not taken for a head.\n"
            "Expected: a file written by milvise train --gallery … --out FILE.keras"
        )
    found = weights_hash(model)
    if found != record["weights"]:
        raise FingerprintError(
            f"the weights in {path} are not those that were trained.\nExpected: {record['weights']}\nReceived: {found}"
        )
    return TrainedHead(model, path, record)
