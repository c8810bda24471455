"""Calling again when, and only when, the failure was a passing one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from milvise.adapter.errors import BusyError
from milvise.errors import UnavailableError

T = TypeVar("T")

TRANSIENT = (UnavailableError, BusyError)
PAUSES_S = (0.2, 0.6, 2.0, 6.0, 15.0, 30.0, 30.0)
"""Between tries. A Milvus server that was killed needs up to 40 s until it answers again."""

PATIENCE_S = 60.0
"""No further try is begun after so long: pymilvus itself may have spent it waiting for the server."""


def retrying(
    call: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
) -> T:
    """Return the result of `call`, tried again after each of `PAUSES_S` while it fails with a transient error."""
    started = clock()
    for pause in PAUSES_S:
        try:
            return call()
        except TRANSIENT:
            if clock() - started > PATIENCE_S:
                raise
            sleep(pause)
    return call()
