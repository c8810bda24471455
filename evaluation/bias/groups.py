"""Groups of pictures by an attribute, such as who is shown: from a metadata column, or from the pictures' URIs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from milvise.errors import InputError, UsageError
from milvise.evaluation.accuracy.pictures import no_values, values_of
from milvise.queries.evaluation_reads import GalleryReader

MOST_GROUPS = 12
"""The most groups that are compared: the largest ones."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """Where to read the groups.

    Attributes
    ----------
    name : str
    pattern : Pattern, optional
        Its first group, found in a picture's URI, is the picture's group; without it `name` is a metadata column.
    """

    name: str
    pattern: re.Pattern[str] | None = None

    @classmethod
    def parse(cls, text: str) -> Attribute:
        """Read ``gender`` (a metadata column) or ``gender=REGEX``.

        Raises
        ------
        UsageError
            If the expression cannot be compiled, or has not exactly one group in brackets.
        """
        name, equals, expression = text.partition("=")
        if not equals:
            return cls(name)
        try:
            pattern = re.compile(expression)
        except re.error as error:
            raise UsageError(
                f"the expression of the attribute {name} cannot be read: {error}\nReceived: {expression}"
            ) from error
        if pattern.groups != 1:
            raise UsageError(
                f"the expression of the attribute {name} needs one group in brackets, which is the picture's group.\n"
                f"Expected: such as {name}=/(man|woman)_\nReceived: {expression}"
            )
        return cls(name, pattern)


@dataclass(frozen=True, slots=True)
class Groups:
    """Which picture belongs to which group.

    Attributes
    ----------
    name : str
        Of the attribute.
    of : mapping of str to str
        Group by id; only of groups that are large enough.
    sizes : mapping of str to int
        Pictures of each group, the largest first.
    left_out : mapping of str to int
        Groups that are too small, or beyond the largest `MOST_GROUPS`.
    without : int
        Pictures without a value.
    uris : mapping of str to str
        By id.
    """

    name: str
    of: Mapping[str, str]
    sizes: Mapping[str, int]
    left_out: Mapping[str, int]
    without: int
    uris: Mapping[str, str]

    def members(self, group: str, most: int) -> list[str]:
        """Return up to so many ids of a group, a random sample, the same one each time: ids are hashes."""
        return sorted(key for key, name in self.of.items() if name == group)[:most]

    @property
    def names(self) -> Sequence[str]:
        """The groups, the largest first."""
        return list(self.sizes)


def read_groups(reading: GalleryReader, attribute: Attribute, *, least: int, filter: str = "") -> Groups:
    """Read the groups of a gallery's pictures.

    Parameters
    ----------
    least : int
        Smaller groups are left out: what a search shows of them says nothing.

    Raises
    ------
    InputError
        If no picture has a value, or fewer than two groups are large enough.
    """
    found: dict[str, str] = {}
    uris: dict[str, str] = {}
    columns: set[str] = set()
    without = 0
    for row in reading.pictures(filter=filter):
        meta = dict(row["meta"] or {})
        columns |= meta.keys()
        if attribute.pattern is not None:
            match = attribute.pattern.search(row["uri"])
            values = values_of(match and match[1])
        else:
            values = values_of(meta.get(attribute.name))
        if values:
            found[row["id"]], uris[row["id"]] = values[0], row["uri"]
        else:
            without += 1
    if not found:
        if attribute.pattern is not None:
            raise InputError(
                f"no picture's URI matches the expression of {attribute.name}: {attribute.pattern.pattern}"
            )
        raise InputError(no_values(attribute.name, columns, "groups"))
    counts = Counter(found.values()).most_common()
    sizes = dict([(name, count) for name, count in counts if count >= least][:MOST_GROUPS])
    left_out = {name: count for name, count in counts if name not in sizes}
    if len(sizes) < 2:
        raise InputError(
            f"groups cannot be compared by {attribute.name}: fewer than two are large enough.\nExpected: two groups of at"
            f" least {least} pictures\nReceived: {', '.join(f'{name} ({count})' for name, count in counts[:10])}"
        )
    kept = {key: name for key, name in found.items() if name in sizes}
    return Groups(attribute.name, kept, sizes, left_out, without, uris)
