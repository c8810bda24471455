"""What stands in Milvus, and what made it: one manifest for each real collection.

A manifest is keyed by the name of the real collection, and the alias is the only pointer to the live one. Moving the
alias therefore changes fingerprint, index and search parameters in one step for every client.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from milvise.core.records import Fingerprint

REAL_NAME = re.compile(r"(?P<alias>[A-Za-z_][A-Za-z0-9_]*)_[0-9a-f]{10}")
"""What the name of a real collection looks like."""

ESSENCE_PROPERTY = "milvise.manifest"
"""The property of a collection in Milvus that holds the essence of its manifest."""

_ESSENCE = ("alias", "room", "dim", "fingerprint", "recipe", "sources")
_ADDED = ("top_classes", "partition")
"""What essences of earlier versions lack."""


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
        ``words``, ``classes``, ``hierarchy``, ``visual`` or ``joint``.
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
    loaded_at : float
        When a load last added, replaced or removed pictures, in seconds since 1970; 0 where it was not noted.
    rows : int, optional
        How many rows there were when words, classes or a hierarchy were complete, which never change afterwards; None for others, and
        where it was not noted.
    top_classes : bool
        Whether visual rows hold what searches are ranked by, see `milvise.embeddings.devise.top_classes` and `milvise.embeddings.devise.sketches`.
    live_since : float
        When a rebuild or a rollback last had it go live, in seconds since 1970; 0 where that was not noted.
    figures : mapping of str to float
        What it was judged by before it went live, by the names of an evaluation's figures.
    partition : str
        The metadata column by which its rows are put into partitions, empty where they are not; see `milvise.adapter.partition`.
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
    loaded_at: float = 0.0
    rows: int | None = None
    top_classes: bool = False
    live_since: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)
    partition: str = ""

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

    def essence(self) -> str:
        """Return, as ASCII text, what is kept with the collection itself: enough to record it again without a catalog."""
        values = self.to_json()
        kept = {name: values[name] for name in (*_ESSENCE, *_ADDED) if name != "partition" or values[name]}
        return json.dumps({"milvise": kept}, sort_keys=True)

    @classmethod
    def from_essence(cls, text: str) -> Manifest | None:
        """Read what `essence` wrote, None where it is something else: others may describe their collections as they like."""
        try:
            values = json.loads(text)["milvise"]
            # Nothing but these: the text stands where anybody with the right to create collections can write.
            added = {name: values[name] for name in _ADDED if name in values}
            return cls.from_json({**{name: values[name] for name in _ESSENCE}, **added}).checked()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def checked(self) -> Manifest:
        """Return the manifest, if its values are of their kinds.

        Raises
        ------
        TypeError
            If not.
        """
        texts = (self.alias, self.room, self.index, self.requested_index, self.stamp, self.partition, *self.sources)
        mappings = (self.fingerprint, self.recipe)
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(one, Mapping) for one in mappings):
            raise TypeError("a manifest holds texts and mappings")
        if not isinstance(self.dim, int) or isinstance(self.dim, bool) or self.dim < 1:
            raise TypeError("a manifest holds a width")
        if not isinstance(self.top_classes, bool):
            raise TypeError("a manifest says whether rows hold top classes")
        return self


def essence_of(described: dict[str, Any]) -> Manifest | None:
    """Return the manifest that is kept with a collection which Milvus describes, None where it is not about this one."""
    kept = (dict(described.get("properties") or {}).get(ESSENCE_PROPERTY), described.get("description"))
    found = (Manifest.from_essence(text) for text in kept if isinstance(text, str))
    return next((made for made in found if made and made.collection == described.get("collection_name")), None)
