"""Importing Keras, without the remarks that TensorFlow's C++ part prints whatever its log level."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from milvise.errors import MissingExtraError


def import_keras(purpose: str) -> Any:
    """Return the module ``keras``.

    Parameters
    ----------
    purpose : str
        What needs it, for the error.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with silenced():
            return importlib.import_module("keras")
    except ImportError:
        raise MissingExtraError(purpose, "ingest") from None


_ONE_AT_A_TIME = RLock()


@contextmanager
def silenced() -> Iterator[None]:
    """Send what C++ libraries print on standard error to nowhere; exceptions pass."""
    # One thread after another: two at once would each put back what the other had put there.
    with _ONE_AT_A_TIME:
        saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(sink, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(sink)
