"""A hierarchy as it stands in Milvus: its text, compressed, in rows of a VARCHAR field."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from milvise.embeddings.wordnet.hierarchy import Hierarchy, damaged

PART_BYTES = 60_000
"""The length of a part: a VARCHAR field of Milvus takes 65,535 bytes."""

MOST_PARTS = 256
MOST_TEXT_BYTES = 2**24


def to_rows(hierarchy: Hierarchy) -> list[dict[str, str]]:
    """Return a hierarchy as rows with ``part``, such as ``0003``, and ``text``."""
    return [{"part": f"{number:04d}", "text": text} for number, text in enumerate(to_parts(hierarchy))]


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Hierarchy:
    """Read what `to_rows` wrote, in any order; errors as `from_parts`."""
    texts = {str(row["part"]): str(row["text"]) for row in rows}
    return from_parts([texts[part] for part in sorted(texts)])


def to_parts(hierarchy: Hierarchy) -> list[str]:
    """Return a hierarchy as ASCII strings of at most 60,000 bytes, to be kept in this order."""
    packed = base64.b64encode(zlib.compress(hierarchy.text, 9)).decode("ascii")
    return [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]


def from_parts(parts: Sequence[str]) -> Hierarchy:
    """Read what `to_parts` wrote; no more than 16 MiB are unpacked.

    Raises
    ------
    ModelError
        If parts are missing or damaged.
    """
    if len(parts) > MOST_PARTS:
        raise damaged(f"it has {len(parts)} parts, of at most {MOST_PARTS}")
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(base64.b64decode("".join(parts), validate=True), MOST_TEXT_BYTES)
    except (zlib.error, binascii.Error, ValueError) as error:
        raise damaged(str(error)) from error
    if not unpacking.eof:
        raise damaged(f"it ends early, or is larger than {MOST_TEXT_BYTES:,} bytes")
    return Hierarchy(text)
