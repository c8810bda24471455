"""Calling again when, and only when, the failure was a passing one; and no longer than the caller is patient."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TypeVar

from milvise.adapter.errors import MilvusBusyError
from milvise.errors import MilviseError, UnavailableError

T = TypeVar("T")

TRANSIENT = (UnavailableError, MilvusBusyError)
PAUSES_S = (0.2, 0.6, 2.0, 5.0)
"""Between tries; the last one again and again."""

REMARK_S = 8.0
"""When a caller that goes on trying is told that it does."""

SHORTEST_TRY_S = 1.0

logger = logging.getLogger("milvise")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may take, all its tries together.

    Attributes
    ----------
    seconds : float
        No try goes on, and none is begun, after that. pymilvus may spend `CONNECT_TIMEOUT_S` more on a new connection.
    first_try : float
        Seconds that the first try may take; each further one may take twice as long as the one before.
    advice : str
        How the error ends.
    """

    seconds: float
    first_try: float
    advice: str


READING = Patience(22.0, 22.0, "Is the server running?")
"""Somebody waits for an answer: with a new connection at the end, an error comes within 30 s."""

WRITING = Patience(
    120.0,
    20.0,
    "What was written is kept: when the server answers again, run the same command again, and it goes on from there.",
)
"""A server that was killed needs up to 40 s until it answers again."""

SCANNING = Patience(
    120.0, 30.0, "It went away in the middle of a scan. When it answers again, run the same command again."
)
"""Somebody waits for the end of what was read for a while already."""

IN_PROCESS = Patience(1_800.0, 1_800.0, "Run the command again.")
"""Milvus Lite runs in this process and does not go away; a call that takes long is working."""


def retrying(
    call: Callable[[float], T],
    *,
    patience: Patience,
    place: str,
    passing: tuple[type[MilviseError], ...] = (),
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Return the result of `call`, tried again after each of `PAUSES_S` while it fails with a transient error.

    Parameters
    ----------
    call : callable
        It gets the seconds that it may take.
    place : str
        Where Milvus is, for messages.
    passing : tuple of type
        Further errors that are tried again; the last of them is raised as it is.

    Raises
    ------
    UnavailableError
        If no try succeeded while the patience lasted.
    """
    started, told, longest = clock(), False, patience.first_try
    for pause in chain(PAUSES_S, repeat(PAUSES_S[-1])):
        try:
            left = patience.seconds - (clock() - started)
            return call(max(min(left, longest), SHORTEST_TRY_S))
        except TRANSIENT + passing as error:
            waited = clock() - started
            if waited + pause >= patience.seconds:
                if isinstance(error, passing):
                    raise
                raise UnavailableError(
                    f"no answer from Milvus at {place} for {waited:.0f} s. {patience.advice}\n{error}"
                ) from error
            if waited + pause >= REMARK_S and not told:
                told = True
                logger.warning(
                    "no answer from Milvus at %s for %.0f s; trying again for up to %.0f s",
                    place,
                    waited,
                    patience.seconds,
                )
            longest *= 2
        sleep(pause)
    raise AssertionError("pauses do not end")
