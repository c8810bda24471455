"""Groups of pictures by an attribute, such as who is shown: from a metadata column, or from the pictures' URIs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from milvise.core.few_values import FewValues
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
    of : FewValues of str
        Group by id; only of groups that are large enough.
    sizes : mapping of str to int
        Pictures of each group, the largest first.
    left_out : mapping of str to int
        Groups that are too small, or beyond the largest `MOST_GROUPS`.
    without : int
        Pictures without a value.
    """

    name: str
    of: FewValues[str]
    sizes: Mapping[str, int]
    left_out: Mapping[str, int]
    without: int

    def members(self, group: str, most: int) -> list[str]:
        """Return up to so many ids of a group, a random sample, the same one each time: ids are hashes."""
        return self.of.first(most, where=lambda name: name == group)

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
    columns: set[str] = set()

    def read() -> Iterator[tuple[str, str]]:
        for row in reading.pictures(filter=filter):
            meta = dict(row["meta"] or {})
            columns.update(meta)
            if attribute.pattern is not None:
                match = attribute.pattern.search(row["uri"])
                values = values_of(match and match[1])
            else:
                values = values_of(meta.get(attribute.name))
            yield row["id"], values[0] if values else ""

    found = FewValues(read())
    counted = Counter(found.counts())
    without = counted.pop("", 0)
    if not counted:
        if attribute.pattern is not None:
            raise InputError(
                f"no picture's URI matches the expression of {attribute.name}: {attribute.pattern.pattern}"
            )
        raise InputError(no_values(attribute.name, columns, "groups"))
    counts = counted.most_common()
    sizes = dict([(name, count) for name, count in counts if count >= least][:MOST_GROUPS])
    left_out = {name: count for name, count in counts if name not in sizes}
    if len(sizes) < 2:
        raise InputError(
            f"groups cannot be compared by {attribute.name}: fewer than two are large enough.\nExpected: two groups of at"
            f" least {least} pictures\nReceived: {', '.join(f'{name} ({count})' for name, count in counts[:10])}"
        )
    return Groups(attribute.name, found.only(sizes), sizes, left_out, without)
