"""What a source yields: an item for each picture, and a rejected entry for what cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milvise.ingest.sources.content import Content


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to load.

    Attributes
    ----------
    uri : str
        Relative to the source: what identifies the picture in a gallery.
    content : Content
        Its bytes.
    label : str
        What the source says that it shows; empty if it says nothing.
    meta : mapping
        Values that JSON can hold.
    """

    uri: str
    content: Content
    label: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry of a source that cannot be used, and why; its URI is empty where even that cannot be told."""

    uri: str
    reason: str
