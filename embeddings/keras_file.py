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

from milvise.embeddings.quiet_keras import import_keras
from milvise.errors import ModelError

_MEMBER = "milvise.json"


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
                archive.writestr(_MEMBER, json.dumps(record, ensure_ascii=False, indent=2))
            made.replace(path)
    except OSError as error:
        raise ModelError(f"the model cannot be written to {path}: {error.strerror or error}") from error


def load_model(path: Path) -> Any:
    """Return the Keras model in a file, not compiled.

    Raises
    ------
    ModelError
        If there is no file, or it is not a Keras model.
    """
    keras = import_keras("reading a Keras model")
    if not path.is_file():
        raise ModelError(f"there is no model file at {path}.")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises nearly anything on files that it cannot read
        raise ModelError(f"{path} is not a Keras model: {error}") from error


def read_record(path: Path) -> dict[str, Any]:
    """Return the record in a ``.keras`` file, empty where it has none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(json.loads(archive.read(_MEMBER)))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return {}


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
