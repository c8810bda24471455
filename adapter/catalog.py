"""What stands in Milvus, and what made it: one manifest for each real collection.

A manifest is keyed by the name of the real collection, and the alias is the only pointer to the live one. Moving the
alias therefore changes fingerprint, index and search parameters in one step for every client.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

Fingerprint = Mapping[str, Any]


def short_hash(fingerprint: Fingerprint) -> str:
    """Return ten hexadecimal digits that differ between fingerprints."""
    canonical = json.dumps(fingerprint, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:10]


def copies_alias(alias: str) -> str:
    """Return what temporary copies of the collection behind `alias` are named after; nothing is ever published under it."""
    return f"{alias}_copy"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a real collection is.

    Attributes
    ----------
    alias : str
        The name that points at it when it is live, such as ``holiday_visual``.
    room : str
        ``words``, ``classes``, ``visual`` or ``joint``.
    dim : int
        Width of its vectors.
    fingerprint : mapping
        What made the vectors; two collections are comparable only where it agrees.
    index : str
        The index that stands, with its search parameters: what every client searches with.
    requested_index : str
        What the user asked for, such as ``auto``.
    sources : tuple of str
        Where the pictures or words came from.
    recipe : mapping
        How to make the backbone again: the values of ``--backbone`` and ``--weights``.
    stamp : str
        What the last complete load left, another each time; empty while something is loaded.
    """

    alias: str
    room: str
    dim: int
    fingerprint: Fingerprint
    index: str = "flat"
    requested_index: str = "auto"
    sources: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    stamp: str = ""

    @property
    def collection(self) -> str:
        """The name of the real collection."""
        return f"{self.alias}_{short_hash({'made_by': dict(self.fingerprint), 'dim': self.dim})}"

    def changed(self, **values: Any) -> Manifest:
        """Return a copy with other values."""
        return replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain values."""
        return {**asdict(self), "sources": list(self.sources)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Manifest:
        """Read what `to_json` wrote; values that a newer version added are left out."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**{**known, "sources": tuple(known.get("sources", ()))})
