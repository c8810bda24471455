"""The pictures of a gallery and what they show, without their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from milvise.errors import InputError
from milvise.queries.evaluation_reads import GalleryReader
from milvise.queries.vocabulary.spelling import closest

LABEL = "label"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What each picture shows.

    Attributes
    ----------
    labels : mapping of str to tuple of str
        By id; a picture may have several, or none.
    uris, hashes : mapping of str to str
        By id.
    """

    labels: Mapping[str, tuple[str, ...]]
    uris: Mapping[str, str]
    hashes: Mapping[str, str]

    def by_label(self) -> dict[str, list[str]]:
        """Return the ids of each label's pictures, labels and ids in alphabetical order."""
        found: dict[str, list[str]] = {}
        for key in sorted(self.labels):
            for label in self.labels[key]:
                found.setdefault(label, []).append(key)
        return dict(sorted(found.items()))

    @property
    def several(self) -> bool:
        """Whether some picture has more than one label."""
        return any(len(labels) > 1 for labels in self.labels.values())


def read_pictures(reading: GalleryReader, column: str = LABEL, *, filter: str = "") -> Pictures:
    """Read what the pictures of a gallery show.

    Parameters
    ----------
    column : str
        ``label``, or a metadata column. A list, or a text with semicolons, is several labels.
    filter : str
        A Milvus expression: only these pictures.

    Raises
    ------
    InputError
        If no picture has a value in the column.
    """
    labels: dict[str, tuple[str, ...]] = {}
    uris: dict[str, str] = {}
    hashes: dict[str, str] = {}
    columns: set[str] = set()
    for row in reading.pictures(filter=filter):
        meta = dict(row["meta"] or {})
        columns |= meta.keys()
        labels[row["id"]] = values_of(row["label"] if column == LABEL else meta.get(column))
        uris[row["id"]], hashes[row["id"]] = row["uri"], row["sha256"]
    if not any(labels.values()):
        raise InputError(no_values(column, columns, "labels"))
    return Pictures(labels, uris, hashes)


def values_of(value: Any) -> tuple[str, ...]:
    """Return the values of a column: those of a list, the parts between semicolons, or the one that it is."""
    parts = value if isinstance(value, list) else "" if value is None else str(value).split(";")
    return tuple(dict.fromkeys(text for part in parts if (text := str(part).strip())))


def no_values(column: str, columns: set[str], what: str) -> str:
    """Return the message for a column that no picture has a value in."""
    near = ", ".join(closest(column, sorted(columns))) or ", ".join(sorted(columns)) or "no metadata"
    return (
        f"no picture has a value in the column {column!r}, which {what} are read from.\nExpected: {LABEL}, or a metadata column"
        f"\nReceived: pictures with {near}"
    )
