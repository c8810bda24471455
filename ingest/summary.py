"""What a run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

_LOCK = Lock()


@dataclass(slots=True)
class Tally:
    """What a run has counted so far; `Summary` says what each count is."""

    seen: int = 0
    embedded: int = 0
    replaced: int = 0
    unchanged: int = 0
    relabelled: int = 0
    projected: int = 0
    quarantined: int = 0
    removed: int = 0
    kept_unseen: int = 0

    def add(self, **counts: int) -> None:
        """Add to counts; the stages of a run do so from several threads."""
        with _LOCK:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)


@dataclass(frozen=True, slots=True)
class Summary:
    """What loading pictures did, or in a dry run would do.

    Attributes
    ----------
    engine : str
        What ran the backbone.
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
        Entries that could not be loaded; `quarantine` names the report.
    removed : int
        Stored pictures that are no longer in the sources (``--prune``).
    kept_unseen : int
        Stored pictures that ``--prune`` kept, because the sources could not be seen where they lay.
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
    seen: int = 0
    embedded: int = 0
    replaced: int = 0
    unchanged: int = 0
    relabelled: int = 0
    projected: int = 0
    quarantined: int = 0
    removed: int = 0
    kept_unseen: int = 0
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
        return {**asdict(self), **rounded, "images_per_second": self.images_per_second}
