"""The pictures of a gallery and what they show, without their vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from milvise.core.few_values import FewValues
from milvise.errors import InputError
from milvise.queries.evaluation_reads import GalleryReader
from milvise.queries.vocabulary.spelling import closest

LABEL = "label"


@dataclass(frozen=True)
class Pictures:
    """What each picture shows.

    Attributes
    ----------
    labels : FewValues of tuple of str
        By id; a picture may have several, or none.
    hashes : mapping of str to str
        By id, the SHA-256 of the first pictures that have a label.
    """

    labels: FewValues[tuple[str, ...]]
    hashes: Mapping[str, str]

    @cached_property
    def together(self) -> Mapping[tuple[str, ...], int]:
        """How many pictures have these labels and no others."""
        return self.labels.counts()

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many pictures each label has, labels in alphabetical order."""
        found: Counter[str] = Counter()
        for labels, count in self.together.items():
            found.update(dict.fromkeys(labels, count))
        return dict(sorted(found.items()))

    def having(self, labels: Set[str]) -> int:
        """Return how many pictures have any of these labels."""
        return sum(count for own, count in self.together.items() if not labels.isdisjoint(own))

    def sample(self, most: int) -> list[str]:
        """Return ids of pictures with a label, at most so many. Ids are hashes: the smallest are a random sample, and the same one each time."""
        return self.labels.first(most, where=bool)

    @property
    def several(self) -> bool:
        """Whether some picture has more than one label."""
        return any(len(labels) > 1 for labels in self.together)


def read_pictures(reading: GalleryReader, column: str = LABEL, *, filter: str = "", hashes: int = 0) -> Pictures:
    """Read what the pictures of a gallery show: some 40 bytes for each are kept.

    Parameters
    ----------
    column : str
        ``label``, or a metadata column. A list, or a text with semicolons, is several labels.
    filter : str
        A Milvus expression: only these pictures.
    hashes : int
        Of so many pictures, see `Pictures.sample`, the SHA-256 is kept.

    Raises
    ------
    InputError
        If no picture has a value in the column.
    """
    columns: set[str] = set()
    kept: dict[str, str] = {}

    def read() -> Iterator[tuple[str, tuple[str, ...]]]:
        for row in reading.pictures(filter=filter):
            meta = dict(row["meta"] or {})
            columns.update(meta)
            labels = values_of(row["label"] if column == LABEL else meta.get(column))
            if labels and len(kept) < hashes:
                # Pictures come in the order of their ids.
                kept[row["id"]] = row["sha256"]
            yield row["id"], labels

    labels = FewValues(read())
    if not any(labels.values_in_use):
        raise InputError(no_values(column, columns, "labels"))
    return Pictures(labels, kept)


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
