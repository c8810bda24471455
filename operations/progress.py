"""What an operation tells while it works.

A progress callback is called with one `Event` after another, from the thread that runs the operation. What it raises ends the
operation, as Ctrl-C does. ``print`` is one: each event is a sentence as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


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
    total : int
    embedded : int
        How many of the pictures that are done went through the backbone; the others were unchanged, or could not be read.
    """

    what: str
    done: int
    total: int
    embedded: int = 0

    def __str__(self) -> str:
        return f"{self.done:,} of {self.total:,} {self.what}"


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


Event = Note | Count | Epoch
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
