"""What a stream is: deliveries that are acknowledged once Milvus has what they say, or rejected with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from milvise.ingest.follow.event import EventError, PictureEvent, read_event


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as a stream delivered it.

    Attributes
    ----------
    token : object
        What the stream knows it by.
    event : PictureEvent or EventError
        What it says, or why it cannot be read.
    body : bytes
        The event as it came, for a dead letter.
    crashes : int
        How often it was delivered to a follower that ended before it answered; from three on only those that looked at nothing else.
    begin_alone : callable
        Called before it is looked at while nothing else is.
    """

    token: Any
    event: PictureEvent | EventError
    body: bytes = b""
    crashes: int = 0
    begin_alone: Callable[[], object] = field(default=lambda: None, compare=False)


class EventStream(Protocol):
    """Where events come from. It is read by one thread, and answered by several.

    Attributes
    ----------
    name : str
        Where it is, without a password.
    is_ended : bool
        Whether nothing will come any more.
    finds_what_is_gone : bool
        Whether it says itself that a picture was deleted, once it is not there; else a picture that is not there is waited for.
    """

    name: str
    is_ended: bool
    finds_what_is_gone: bool

    def receive(self, most: int, wait_s: float) -> list[Delivery]:
        """Return up to so many deliveries; the first is waited for, at most so long.

        Raises
        ------
        UnavailableError
            If the stream cannot be reached; the next call tries again.
        """

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Note that these are done; errors as `receive`."""

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Put a delivery away as a dead letter, and note that it is done; errors as `receive`."""

    def backlog(self) -> int | None:
        """Return how many events wait, those that are being worked at left out; None where it cannot be told. Errors as `receive`."""

    def close(self) -> None:
        """Let go of what is open; what was not acknowledged is delivered again."""


def delivered(token: Any, body: bytes, crashes: int = 0) -> Delivery:
    """Return a delivery of an event, read."""
    event: PictureEvent | EventError
    try:
        event = read_event(body)
    except EventError as error:
        event = error
    return Delivery(token, event, body, crashes)


def without_password(address: str) -> str:
    """Return an address for people: without what stands before the host, where a password may be, and without properties."""
    return re.sub(r"(?<=://).*@", "", address).partition("?")[0]
