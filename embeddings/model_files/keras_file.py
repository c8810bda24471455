"""``.keras`` files that carry a record: what the model is, what it was trained on, and how that went.

The record is one more member of the archive. Keras passes over it, so that the file stays a plain Keras model.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from milvise.embeddings.model_files import archive as model_archive
from milvise.embeddings.model_files.check import copy_checked, short
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import ModelError

HEAD_PARTS = frozenset({"head", "loss", "weights", "visual", "words"})
"""What the record of a head holds at least."""

_TEXTS = ("head", "loss", "weights")
_OBJECTS = ("visual", "words", "trained_on", "scores")


def save_model(model: Any, path: Path, record: Mapping[str, Any]) -> None:
    """Write a model with its record: whole, or not at all.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".milvise-") as folder:
            made = Path(folder, "model.keras")
            model.save(made)
            with zipfile.ZipFile(made, "a") as archive:
                archive.writestr(model_archive.RECORD, json.dumps(record, ensure_ascii=False, indent=2))
            made.replace(path)
    except OSError as error:
        raise ModelError(f"the model cannot be written to {path}: {error.strerror or error}") from error


def load_model(path: Path) -> Any:
    """Return the Keras model in a file, not compiled; nothing in the file is run (`model_check`).

    Raises
    ------
    ModelError
        If there is no file, it is not a Keras model, or it holds what milvise does not load.
    """
    keras = import_keras("reading a Keras model")
    if not path.is_file():
        raise ModelError(f"there is no model file at {path}.")
    with tempfile.TemporaryDirectory(prefix="milvise-model-") as folder:
        try:
            # Files of another name are in another format for Keras, which says of one of them that it may run code.
            if path.suffix != ".keras":
                raise ModelError("its name does not end in .keras.")
            copy_checked(path, Path(folder))
        except (ModelError, OSError) as error:
            raise ModelError(f"{path} is not a Keras model that milvise loads: {error}") from error
        try:
            return keras.saving.load_model(folder, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises nearly anything on files that it cannot read
            raise ModelError(f"{path} is not a Keras model: {short(error)}") from error


def read_record(path: Path) -> dict[str, Any]:
    """Return the record in a ``.keras`` file, empty where it has none or one that milvise did not write."""
    try:
        with model_archive.opened(path) as (_, archive):
            if model_archive.RECORD not in archive.namelist():
                return {}
            record = model_archive.read_json(archive, model_archive.RECORD)
    except ModelError:
        return {}
    return record if is_record(record) else {}


def is_record(record: Any) -> bool:
    """Return whether data is a record: every part of the kind that it has in files that milvise wrote."""
    if not isinstance(record, dict):
        return False
    names = record.get("classes") or []
    return (
        all(isinstance(record.get(name, ""), str) for name in _TEXTS)
        and all(isinstance(record.get(name, {}), dict) for name in _OBJECTS)
        and record.get("resize") in (None, "crop", "squash")
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
    )


def require_writable(path: Path) -> None:
    """Check before long work that a model can be written to `path` at its end.

    Raises
    ------
    ModelError
        If its name does not end in ``.keras``, or its folder is not there or cannot be written to.
    """
    if path.suffix != ".keras":
        raise ModelError(f"a model is written to a file whose name ends in .keras.\nReceived: {path}")
    if not path.parent.is_dir():
        raise ModelError(f"the folder {path.parent} for the model {path.name} does not exist. Create it first.")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ModelError(f"the model cannot be written to {path}: permission denied, or a folder is in its place.")
