"""What a verification found, and what it looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    kind : str
        What sort of thing, such as ``missing`` or ``index``; `milvise.gallery.verify` lists them.
    text : str
        A sentence, and what to do.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a gallery, and what it stands on, is whole.

    Attributes
    ----------
    gallery : str
    problems : tuple of Finding
        What is wrong: empty where the gallery is whole.
    remarks : tuple of Finding
        What is worth knowing and does no harm.
    checked : mapping of str to int
        What was looked at, and how many of it.
    not_checked : tuple of str
        What was not looked at, and why.
    repaired : tuple of str
        What was done, a sentence each; empty where nothing was asked for or nothing was to be done.
    """

    gallery: str
    problems: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    checked: Mapping[str, int] = field(default_factory=dict)
    not_checked: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the verification as plain values; `kinds` are those of the problems, in their order."""
        return {
            "gallery": self.gallery,
            "whole": self.whole,
            "problems": [found.text for found in self.problems],
            "kinds": [found.kind for found in self.problems],
            "remarks": [found.text for found in self.remarks],
            "checked": dict(self.checked),
            "not_checked": list(self.not_checked),
            "repaired": list(self.repaired),
        }


class Notes:
    """What a verification has found so far."""

    def __init__(self) -> None:
        self.problems: list[Finding] = []
        self.remarks: list[Finding] = []
        self.checked: dict[str, int] = {}
        self.not_checked: list[str] = []

    def problem(self, kind: str, text: str) -> None:
        """Note what is wrong."""
        self.problems.append(Finding(kind, text))

    def remark(self, kind: str, text: str) -> None:
        """Note what is worth knowing."""
        self.remarks.append(Finding(kind, text))

    def looked_at(self, what: str, count: int) -> None:
        """Note what was looked at."""
        self.checked[what] = self.checked.get(what, 0) + count


def many(count: int, what: str) -> str:
    """Return a number with what it counts: ``1 row``, ``2 rows``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def mend(gallery: str) -> str:
    """Return the command that repairs a gallery."""
    return f"milvise verify --repair --gallery {gallery}"
