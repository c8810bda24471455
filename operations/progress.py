"""What an operation tells while it works.

A progress callback is called with one `Event` after another, from the thread that runs the operation. What it raises ends the
operation, as Ctrl-C does. ``print`` is one: each event is a sentence as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from milvise.ingest.follow.watch import Followed


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about what comes next, or what was done."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Count:
    """How far an operation is.

    Attributes
    ----------
    what : str
        What is counted: ``pictures``, ``words`` or ``joint vectors``.
    done : int
    total : int, optional
        None where counting them beforehand would read all of them.
    embedded : int
        How many of the pictures that are done went through the backbone; the others were unchanged, or could not be read.
    """

    what: str
    done: int
    total: int | None
    embedded: int = 0

    def __str__(self) -> str:
        return f"{self.done:,} {self.what}" if self.total is None else f"{self.done:,} of {self.total:,} {self.what}"


@dataclass(frozen=True, slots=True)
class Epoch:
    """The end of a pass of training.

    Attributes
    ----------
    number : int
        From 1; 0 says that training begins.
    losses : mapping of str to float
        What the pass came to, by the name of the loss.
    """

    number: int
    losses: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.number:
            return "Training …"
        losses = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in self.losses.items())
        return f"Epoch {self.number}: {losses}"


@dataclass(frozen=True, slots=True)
class Rate:
    """How far a follower is, told several times a second."""

    followed: Followed

    def __str__(self) -> str:
        now = self.followed
        waiting = "" if now.backlog is None else f", {now.backlog:,} wait"
        fresh = "" if now.fresh_s is None else f", found {now.fresh_s:.1f} s after they happened"
        dead = f", {now.rejected:,} dead letters" if now.rejected else ""
        return f"{now.settled:,} events settled, {now.under_way:,} under way{waiting}{dead}{fresh}"


Event = Note | Count | Epoch | Rate
Progress = Callable[[Event], None]


def silent(event: Event) -> None:
    """Tell nobody."""


def notes(progress: Progress) -> Callable[[str], None]:
    """Return the function that tells a sentence."""
    return lambda text: progress(Note(text))


def epochs(progress: Progress) -> Callable[[int, Mapping[str, float]], None]:
    """Return the function that tells the end of a pass of training, after telling that training begins."""
    progress(Epoch(0))
    return lambda number, losses: progress(Epoch(number, losses))
