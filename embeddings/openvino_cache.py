"""Graphs that were exported once, in the user's cache: later runs need neither Keras nor TensorFlow.

A graph is found by what it was asked for: the backbone's name, and the content of its file of weights where it has one. Its
record holds the fingerprint, so that what reads it knows which vectors it makes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from milvise import config
from milvise.embeddings import efficientnet_lite
from milvise.embeddings.backbones import Backbone, load_backbone, split_spec
from milvise.embeddings.graph import export_graph, one_graph
from milvise.embeddings.network import Array
from milvise.embeddings.openvino_engine import CompiledBackbone, import_openvino, read_graph
from milvise.errors import ModelError

FORMAT = 1
_RECORD, _GRAPH, _CLASSIFIER = "record.json", "graph.xml", "classifier.npz"


class NotExportableError(ModelError):
    """A network that OpenVINO cannot run, or that cannot be kept for it.

    Attributes
    ----------
    loaded : object
        The network as Keras runs it.
    """

    def __init__(self, name: str, loaded: Any, reason: str) -> None:
        super().__init__(f"OpenVINO cannot run {name}. Use --engine keras.\nReceived: {reason}")
        self.loaded = loaded


def cached_backbone(spec: str, weights: Path | None = None) -> CompiledBackbone:
    """Return a backbone from the cache, where it is put first if it is not there.

    Raises
    ------
    NotExportableError
        If OpenVINO cannot run it.
    MissingExtraError
        If OpenVINO is not installed, or Keras is needed and not installed.
    ModelError, WeightsError
        As `load_backbone`.
    """
    import_openvino("running a network with OpenVINO")
    folder = config.cache() / "backbones" / _key(spec, weights)
    found = _read(folder)
    if found is None:
        backbone = load_backbone(spec, weights=weights)
        try:
            _put(folder, lambda made: _write(made, backbone))
        except ModelError as error:
            raise NotExportableError(backbone.name, backbone, str(error)) from error
        found = _read(folder)
    if found is None:
        raise ModelError(f"what was written to {folder} cannot be read back. Remove it and try again.")
    return found


def cached_head(path: Path, export: Callable[[], tuple[Any, dict[str, Any]]]) -> tuple[Path, dict[str, Any]]:
    """Return graph and record of the head in a file; `export` makes a Keras model and the record where they are not there.

    Raises
    ------
    NotExportableError
        If OpenVINO cannot run it; or what `export` raises.
    """
    folder = config.cache() / "heads" / _hash([FORMAT, _file_hash(path)])
    found = _read_head(folder)
    if found is None:
        model, record = export()

        def write(made: Path) -> None:
            export_graph(model, made / _GRAPH, {})
            (made / _RECORD).write_text(json.dumps(record))

        try:
            _put(folder, write)
        except ModelError as error:
            raise NotExportableError(path.name, (model, record), str(error)) from error
        found = record
    return folder / _GRAPH, found


def _key(spec: str, weights: Path | None) -> str:
    """Return what a backbone is kept under."""
    name, _ = split_spec(spec)
    packaged = efficientnet_lite.packaged_weights(name) if name in efficientnet_lite.VARIANTS else None
    files = [Path(name) if name.endswith(".keras") else None, weights or packaged]
    return _hash([FORMAT, _named(spec), _keras_version(), [_file_hash(file) for file in files]])


def _named(spec: str) -> str:
    """Return a spec without the folder of its file: its content tells files apart."""
    name, layer = split_spec(spec)
    return f"{Path(name).name}:{layer}"


def _keras_version() -> str:
    """Return the version that built-in networks and their pretrained weights belong to."""
    try:
        return importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _read(folder: Path) -> CompiledBackbone | None:
    try:
        record = json.loads((folder / _RECORD).read_text())
        with np.load(folder / _CLASSIFIER) as arrays:
            classifier: tuple[Array, Array] | None = (arrays["weights"], arrays["bias"]) if arrays.files else None
        read_graph(folder / _GRAPH)
        names = record.pop("class_names")
        record["class_names"] = None if names is None else tuple(names)
        return CompiledBackbone(**record, classifier=classifier, graph=folder / _GRAPH)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, ModelError):
        return None


def _read_head(folder: Path) -> dict[str, Any] | None:
    try:
        read_graph(folder / _GRAPH)
        return dict(json.loads((folder / _RECORD).read_text()))
    except (OSError, ValueError, ModelError):
        return None


def _write(folder: Path, backbone: Backbone) -> None:
    export_graph(one_graph(backbone, None), folder / _GRAPH, {})
    arrays = {} if backbone.classifier is None else dict(zip(("weights", "bias"), backbone.classifier, strict=True))
    np.savez(folder / _CLASSIFIER, **arrays)  # type: ignore[arg-type]
    record = {name: getattr(backbone, name) for name in ("name", "layer", "size", "dim", "rule", "weights_hash")}
    (folder / _RECORD).write_text(json.dumps({**record, "class_names": backbone.class_names}))


def _put(folder: Path, write: Callable[[Path], None]) -> None:
    """Make a folder of the cache: whole, or not at all. What is there already could not be read."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as temporary:
            made = Path(temporary, "made")
            made.mkdir()
            write(made)
            # Another process may have made the same meanwhile, which is as good.
            if not folder.exists():
                made.rename(folder)
    except OSError as error:
        raise ModelError(
            f"the exported network cannot be kept in {folder.parent}: {error.strerror or error}. Make room there, or choose"
            " another folder with MILVISE_CACHE."
        ) from error


def _hash(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _file_hash(path: Path | None) -> str:
    """Return the hash of a file's content, nothing where there is none: what loads it says so."""
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
