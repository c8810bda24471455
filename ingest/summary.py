"""What a run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Lock
from typing import Any


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run has counted.

    Attributes
    ----------
    seen : int
        Entries of the sources, bad ones included.
    embedded : int
        Pictures that went through the backbone and were written, `replaced` included.
    replaced : int
        Those that were stored before with other content.
    unchanged : int
        Those that were stored with the same content, so that nothing was computed.
    relabelled : int
        Those of them whose label or metadata was new.
    projected : int
        Stored pictures that got a joint vector without going through the backbone.
    quarantined : int
        Entries that could not be loaded.
    removed : int
        Stored pictures that are no longer in the sources (``--prune``).
    kept_unseen : int
        Stored pictures that ``--prune`` kept, because the sources could not be seen where they lay.
    """

    seen: int = 0
    embedded: int = 0
    replaced: int = 0
    unchanged: int = 0
    relabelled: int = 0
    projected: int = 0
    quarantined: int = 0
    removed: int = 0
    kept_unseen: int = 0


class Tally:
    """The counts of a run that goes on; its stages add to them from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = Counts()

    @property
    def counts(self) -> Counts:
        """The counts so far."""
        return self._counts

    def add(self, **counts: int) -> None:
        """Add to counts by their names."""
        with self._lock:
            now = {name: getattr(self._counts, name) + count for name, count in counts.items()}
            self._counts = replace(self._counts, **now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Counts):
    """What loading pictures did, or in a dry run would do; the counts are those of `Counts`.

    Attributes
    ----------
    engine : str
        What ran the backbone.
    passed_over : dict of str to int
        Files that look like pictures or films and are in no format that is read, by extension.
    links_passed_over : int
        Links to folders, which are not followed.
    rows : int
        Pictures in the gallery afterwards.
    quarantine : str, optional
        The report of what could not be loaded, None where all could be.
    notes : tuple of str
        What else there is to say.
    """

    gallery: str
    engine: str = ""
    passed_over: Mapping[str, int] = field(default_factory=dict)
    links_passed_over: int = 0
    rows: int = 0
    seconds: float = 0.0
    quarantine: str | None = None
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    @property
    def images_per_second(self) -> float:
        """Embedded pictures per second of the whole run."""
        return round(self.embedded / self.seconds, 2) if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        rounded = {"seconds": round(self.seconds, 3), "notes": list(self.notes)}
        first = {"gallery": self.gallery, "engine": self.engine}
        return {**first, **asdict(self), **rounded, "images_per_second": self.images_per_second}
