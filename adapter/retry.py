"""Calling again when, and only when, the failure was a passing one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from milvise.adapter.errors import BusyError
from milvise.errors import UnavailableError

T = TypeVar("T")

TRANSIENT = (UnavailableError, BusyError)
PAUSES = (0.2, 0.6, 2.0, 6.0, 15.0)
"""Seconds between tries. A Milvus server that was killed needs up to 40 s until it answers again."""


def retrying(call: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Return the result of `call`, tried again after each of `PAUSES` while it fails with a transient error."""
    for pause in PAUSES:
        try:
            return call()
        except TRANSIENT:
            sleep(pause)
    return call()
