"""The files of a report: written whole or not at all, and read back."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from milvise.core.json_data import parse_json
from milvise.errors import InputError
from milvise.evaluation.report.document import FORMAT

JSON_NAME, PAGE_NAME = "report.json", "report.html"


def make_folder(path: Path) -> None:
    """Make the folder that a report goes to, before anything is measured.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder {path} cannot be made: {error.strerror}. A report is written into a folder."
        ) from error


def write_json(report: Mapping[str, Any], folder: Path) -> Path:
    """Write the document into a folder, whole or not at all; return its path."""
    return write_file(folder / JSON_NAME, json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def write_file(path: Path, text: str) -> Path:
    """Write a file, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as file:
            try:
                file.write(text)
                file.flush()
                Path(file.name).chmod(0o666 & ~_umask())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def read_json(path: Path) -> dict[str, Any]:
    """Read a report's document.

    Raises
    ------
    InputError
        If it cannot be read, or is no report.
    """
    try:
        document = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"the report {path} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("milvise_report") != FORMAT:
        raise InputError(f"{path} is not a report of milvise evaluate (format {FORMAT}), which writes {JSON_NAME}.")
    return document


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
