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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core import config
from milvise.core.precision import SINGLE
from milvise.embeddings.devise import efficientnet_lite
from milvise.embeddings.devise.backbones import Backbone, load_backbone, split_spec
from milvise.embeddings.devise.graph import export_graph, one_graph
from milvise.embeddings.model_files.kept_files import graph_stamp, read_arrays, read_object
from milvise.embeddings.model_files.keras_file import HEAD_PARTS, is_record
from milvise.embeddings.runtimes.openvino_engine import CompiledBackbone, import_openvino, read_graph
from milvise.errors import ModelError

FORMAT = 2
_RECORD, _GRAPH, _CLASSIFIER = "record.json", "graph.xml", "classifier.npz"
_STAMP = "graph_stamp"
_FIELDS = {"name": str, "layer": str, "size": int, "dim": int, "rule": str, "weights_hash": str}


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


def cached_backbone(spec: str, weights: Path | None = None, *, precision: str = SINGLE) -> CompiledBackbone:
    """Return a backbone from the cache, where it is put first if it is not there.

    Parameters
    ----------
    precision : {"single", "half"}
        In which it is run; it is kept in single precision.

    Raises
    ------
    NotExportableError
        If OpenVINO cannot run it.
    MissingExtraError
        If OpenVINO is not installed, or Keras is needed and not installed.
    ModelError, WeightsError
        As `load_backbone`.
    """
    folder = _folder(spec, weights)
    found = kept_backbone(spec, weights, precision=precision)
    if found is None:
        backbone = load_backbone(spec, weights=weights)
        try:
            _put(folder, lambda made: _write(made, backbone))
        except ModelError as error:
            raise NotExportableError(backbone.name, backbone, str(error)) from error
        found = _read(folder, precision)
    if found is None:
        raise ModelError(f"what was written to {folder} cannot be read back. Remove it and try again.")
    return found


def kept_backbone(spec: str, weights: Path | None = None, *, precision: str = SINGLE) -> CompiledBackbone | None:
    """Return a backbone from the cache, None where it is not there; parameters as `cached_backbone`.

    Raises
    ------
    MissingExtraError
        If OpenVINO is not installed.
    """
    import_openvino("running a network with OpenVINO")
    return _read(_folder(spec, weights), precision)


def _folder(spec: str, weights: Path | None) -> Path:
    return config.cache() / "backbones" / _key(spec, weights)


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
            _write_record(made, record)

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


def _read(folder: Path, precision: str) -> CompiledBackbone | None:
    record = read_object(folder / _RECORD)
    arrays = read_arrays(folder / _CLASSIFIER, {"weights": ("f", 2), "bias": ("f", 1)})
    if record is None or arrays is None or not _is_intact(folder, record):
        return None
    classifier = (arrays["weights"], arrays["bias"]) if arrays else None
    names = record.get("class_names")
    try:
        fields = {name: _of_type(record[name], kind) for name, kind in _FIELDS.items()}
        if names is not None:
            names = tuple(_of_type(name, str) for name in _of_type(names, list))
        graph = read_graph(folder / _GRAPH)
        shape = [graph.input(0).partial_shape[1].get_length(), graph.output(0).partial_shape[1].get_length()]
    except (KeyError, TypeError, RuntimeError, ModelError):
        return None
    if shape != [fields["size"], fields["dim"]] or fields["rule"] not in ("crop", "squash"):
        return None
    if classifier and (classifier[0].shape != (len(classifier[1]), fields["dim"])):
        return None
    return CompiledBackbone(
        **fields, class_names=names, classifier=classifier, graph=folder / _GRAPH, precision=precision
    )


def _read_head(folder: Path) -> dict[str, Any] | None:
    record = read_object(folder / _RECORD)
    if record is None or not is_record(record) or not set(record) >= HEAD_PARTS or not _is_intact(folder, record):
        return None
    try:
        graph = read_graph(folder / _GRAPH)
        if len(graph.inputs) != 1 or graph.output(0).partial_shape.rank.get_length() != 2:
            return None
        graph.output(0).partial_shape[1].get_length()
    except (RuntimeError, ModelError):
        return None
    return {name: value for name, value in record.items() if name != _STAMP}


def _is_intact(folder: Path, record: dict[str, Any]) -> bool:
    try:
        return bool(record.get(_STAMP) == graph_stamp(folder / _GRAPH))
    except OSError:
        return False


def _of_type(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _write(folder: Path, backbone: Backbone) -> None:
    export_graph(one_graph(backbone, None), folder / _GRAPH, {})
    arrays = {} if backbone.classifier is None else dict(zip(("weights", "bias"), backbone.classifier, strict=True))
    np.savez(folder / _CLASSIFIER, **arrays)  # type: ignore[arg-type]
    record = {name: getattr(backbone, name) for name in _FIELDS}
    _write_record(folder, {**record, "class_names": backbone.class_names})


def _write_record(folder: Path, record: Mapping[str, Any]) -> None:
    (folder / _RECORD).write_text(json.dumps({**record, _STAMP: graph_stamp(folder / _GRAPH)}))


def _put(folder: Path, write: Callable[[Path], None]) -> None:
    """Make a folder of the cache: whole, or not at all. What is there already could not be read."""
    try:
        config.cache_folder(folder.parent.name)
        if folder.is_symlink() or folder.is_file():
            # What it points at is not the cache's to remove.
            folder.unlink()
        elif folder.exists():
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
