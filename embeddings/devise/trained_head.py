"""A trained head and its record: what it was trained on, and with which other models its vectors belong together."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.records import Fingerprint
from milvise.embeddings.devise.cut_classifier import weights_hash
from milvise.embeddings.devise.learned_words import encode
from milvise.embeddings.model_files.keras_file import HEAD_PARTS, load_model, read_record
from milvise.embeddings.runtimes.openvino_cache import NotExportableError, cached_head
from milvise.embeddings.runtimes.openvino_engine import read_graph, run_graph
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import FingerprintError, ModelError


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """A function from visual to joint vectors, from a ``.keras`` file that ``milvise train`` wrote.

    Attributes
    ----------
    path : Path
    record : dict
        ``head`` (kind), ``loss``, ``weights`` (hash), ``visual`` and ``words`` (fingerprints of what it was trained
        with), ``trained_on`` (labels and numbers of pictures), ``scores``, ``history``, ``seed``,
        ``joint_share`` (see `milvise.training.share.Share`; heads of earlier versions have none).
    dim : int
        Width of the joint vectors.
    run : callable
        From visual to joint vectors.
    """

    path: Path
    record: Mapping[str, Any]
    dim: int
    run: Callable[[Floats], Floats]

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What tells this head from others."""
        return {"kind": self.record["head"], "loss": self.record["loss"], "weights": self.record["weights"]}

    @property
    def joint_share(self) -> float | None:
        """How much the joint part counts in the default search for the words that were learned, None where no share was chosen."""
        share = dict(self.record.get("joint_share") or {}).get("share")
        return None if share is None else float(share)

    @property
    def recipe(self) -> dict[str, Any]:
        """How the head is made again, for the manifest of its vectors, and what searches need to know of it."""
        share = self.joint_share
        return {"head": str(self.path)} | (
            {} if share is None else {"joint_share": share, "learned": encode(self.learned)}
        )

    @property
    def unnamed(self) -> tuple[str, ...]:
        """Classes that have no part in it: none."""
        return ()

    def keras_model(self) -> Any:
        """Return the head as a Keras model; errors as `checked_head`."""
        return checked_head(self.path)[0]

    @property
    def learned(self) -> list[str]:
        """The labels that it was trained on."""
        # Labels with one and the same vector are listed together.
        return [label for names in self.record["trained_on"]["labels"] for label in names.split(" / ")]

    def __call__(self, visual: Floats) -> Floats:
        """Return joint unit vectors (n, words' width) for visual vectors (n, visual width)."""
        return self.run(np.asarray(visual, dtype=np.float32))

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


def load_head(path: Path, *, engine: str = "auto") -> TrainedHead:
    """Read a head.

    Parameters
    ----------
    engine : {"auto", "keras", "openvino"}
        What runs it; ``auto`` is OpenVINO where it is installed, which needs Keras once for each head.

    Raises
    ------
    ModelError
        If the file is not there, is not a Keras model, or is not a head.
    FingerprintError
        If its weights are not those that its record was written for.
    """
    if engine == "keras" or (engine == "auto" and importlib.util.find_spec("openvino") is None):
        return _run_by_keras(path, *checked_head(path))
    try:
        graph, record = cached_head(path, lambda: checked_head(path))
    except NotExportableError as error:
        if engine == "openvino":
            raise
        return _run_by_keras(path, *error.loaded)
    network = read_graph(graph)
    dim = network.output(0).partial_shape[1].get_length()
    return TrainedHead(path, record, dim, run_graph(network))


def checked_head(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the Keras model and the record of a head; errors as `load_head`."""
    model = load_model(path)
    record = read_record(path)
    if not set(record) >= HEAD_PARTS:
        raise ModelError(
            f"{path} is a Keras model without a record of what it was trained on, and is not taken for a head.\n"
            "Expected: a file written by milvise train --gallery … --out FILE.keras"
        )
    found = weights_hash(model)
    if found != record["weights"]:
        raise FingerprintError(
            f"the weights in {path} are not those that were trained.\nExpected: {record['weights']}\nReceived: {found}"
        )
    return model, record


def _run_by_keras(path: Path, model: Any, record: Mapping[str, Any]) -> TrainedHead:
    keras = import_keras("running a head")

    def run(visual: Floats) -> Floats:
        return np.asarray(keras.ops.convert_to_numpy(model(visual, training=False)), dtype=np.float32)

    return TrainedHead(path, record, int(model.output_shape[-1]), run)
