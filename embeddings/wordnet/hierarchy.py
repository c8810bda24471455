"""The classes of a backbone in the tree of WordNet's nouns: what a client needs of it to tie any noun to them.

A *node* is a synset that is a class or has classes under it; some 1,900 for ImageNet's thousand classes. Each sense of a noun is
such a node, or lies below the nearest of them. Its information content is ``-log(classes under it / classes)``, and that of a
sense without classes ``log(classes)``. The similarity of a sense with a class is that of Lin: twice the information of the best
common ancestor, divided by the sum of both.

The whole is one text, kept as bytes: a header, the nodes (parents first), exceptions of inflection, and nouns, both sorted, so that a
line is found by bisection and a hundred thousand nouns cost no dictionary.

References
----------
Resnik 1995, "Using Information Content to Evaluate Semantic Similarity in a Taxonomy" (section 2, information content).
Lin 1998, "An Information-Theoretic Definition of Similarity" (section 5, similarity in a taxonomy).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.wordnet.inflection import base_forms, spellings
from milvise.embeddings.wordnet.sorted_lines import line_of
from milvise.errors import ModelError

if TYPE_CHECKING:
    from milvise.embeddings.wordnet.nouns import Nouns

Indexes = np.ndarray[Any, np.dtype[np.int64]]

VISIBLE = frozenset({3, 5, 6, 8, 13, 15, 17, 18, 19, 20, 27})
"""Lexicographer files whose nouns can be seen: tops, animal, artifact, body, food, location, object, person, phenomenon, plant, substance.

Synsets of classes, and what lies below them, can be seen whatever their file: WordNet counts a traffic light as communication.
"""

_SIGNS_AND_GROUPS = frozenset({10, 14})
"""Communication and group: a class may be called after one of them where its name has no visible sense."""

FORMAT = 1
VERSION = {"nouns": "WordNet 3.0", "format": FORMAT}
"""What tells the hierarchy of some classes from another one of the same classes; another format also where other senses are visible."""

PART_BYTES = 60_000
"""The length of a part: a VARCHAR field of Milvus takes 65,535 bytes."""

MOST_PARTS = 256
MOST_TEXT_BYTES = 2**24
_MOST_NODE_BITS = 2**31
_HEADER = re.compile(rb"milvise hierarchy %d (\d{1,7}) (\d{1,8}) (\d{1,8}) (\d{1,8})\n" % FORMAT)


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """One meaning of a noun.

    Attributes
    ----------
    kinds : ndarray of int64
        Indexes of the classes that are kinds of it, itself among them where it is a class; empty where there are none.
    similarity : ndarray of shape (classes,), float32
        Lin's similarity with each class, 0 to 1; 0 for a class without a synset.
    """

    kinds: Indexes
    similarity: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A synset that is a class or has classes under it.

    Attributes
    ----------
    names : tuple of str
        Its lemmas, blanks between words.
    kinds : ndarray of int64
        Indexes of the classes under it, itself among them where it is a class.
    information : float
        Its information content, in nats: 0 for what all classes are.
    parents : tuple of int
        Its hypernyms, as indexes of nodes; every parent stands before its children.
    """

    names: tuple[str, ...]
    kinds: Indexes
    information: float
    parents: tuple[int, ...]


class Hierarchy:
    """Which classes are kinds of a noun, and how similar they are to it.

    Parameters
    ----------
    text : bytes
        As `make_hierarchy` writes it; `from_parts` reads it from what stands in Milvus.

    Attributes
    ----------
    count : int
        The number of classes.
    text : bytes

    Raises
    ------
    ModelError
        If the text is damaged.
    """

    def __init__(self, text: bytes) -> None:
        header = _HEADER.match(text)
        if header is None:
            raise _damaged("the header is not that of this version")
        self.text = text
        self.count, *sizes = (int(number) for number in header.groups())
        ends = [header.end() + sum(sizes[:many]) for many in range(4)]
        if ends[-1] != len(text):
            raise _damaged(f"{ends[-1]:,} bytes were expected")
        self._exceptions, self._nouns = (ends[1], ends[2]), (ends[2], ends[3])
        self._parents: list[tuple[int, ...]] = []
        self._own: list[tuple[int, ...]] = []
        self._names: list[str] = []
        try:
            for line in text[ends[0] : ends[1]].decode("ascii").splitlines():
                above, own, names = line.split("|")
                self._parents.append(_numbers(above, len(self._parents)))
                self._own.append(_numbers(own, self.count))
                self._names.append(names)
        except ValueError as error:
            raise _damaged(f"node {len(self._names)} cannot be read") from error
        if len(self._names) * self.count > _MOST_NODE_BITS:
            raise _damaged("it has too many nodes")
        self._found_kinds: dict[int, Indexes] = {}
        self._node_of = {index: node for node, own in enumerate(self._own) for index in own}

    # -- what a word means --------------------------------------------------------------------------------------------

    def senses(self, word: str) -> tuple[Sense, ...]:
        """Return the visible meanings of a noun or a phrase, the most frequent first; none where it is no noun.

        Those of the word as it stands come first, then those of the nouns that it may be an inflected form of.

        Raises
        ------
        ModelError
            If what was stored for the word is damaged.
        """
        return tuple(self._sense(told) for told in self._told(word))

    def knows(self, phrase: str) -> bool:
        """Return whether a noun or a phrase, or what it is an inflected form of, has visible meanings."""
        return bool(self._told(phrase))

    def base(self, phrase: str) -> str:
        """Return the noun that a phrase is an inflected form of, such as ``apple`` for ``apples``; the phrase itself where it is none."""
        for spelling in spellings(phrase):
            for form in base_forms(spelling, lambda form: self._line(self._exceptions, form)):
                if self._line(self._nouns, form):
                    return phrase if form == spelling else form.replace("_", " ")
        return phrase

    def lemmas(self, index: int) -> tuple[str, ...]:
        """Return the names of a class: all lemmas of its synset, blanks between words; none where it has no synset."""
        node = self._node_of.get(index)
        return () if node is None else self._lemmas(node)

    def broader(self, index: int) -> tuple[str, ...]:
        """Return the lemmas of what a class is a kind of, nearest first."""
        level = self._parents[self._node_of[index]] if index in self._node_of else ()
        found: dict[int, None] = {}
        while level:
            found.update(dict.fromkeys(level))
            above = dict.fromkeys(one for node in level for one in self._parents[node])
            level = tuple(one for one in above if one not in found)
        return tuple(dict.fromkeys(name for node in found for name in self._lemmas(node)))

    def parents(self, index: int) -> tuple[str, ...]:
        """Return the lemmas of what a class is directly a kind of."""
        node = self._node_of.get(index)
        return () if node is None else tuple(name for one in self._parents[node] for name in self._lemmas(one))

    def nodes(self) -> tuple[Node, ...]:
        """Return all nodes, parents before children."""
        return tuple(
            Node(self._lemmas(node), self._kinds(node), float(self._information[node]), self._parents[node])
            for node in range(len(self._names))
        )

    # -- as strings ---------------------------------------------------------------------------------------------------

    def to_parts(self) -> list[str]:
        """Return the hierarchy as ASCII strings of at most 60,000 bytes, to be kept in this order."""
        packed = base64.b64encode(zlib.compress(self.text, 9)).decode("ascii")
        return [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]

    @classmethod
    def from_parts(cls, parts: Sequence[str]) -> Hierarchy:
        """Read what `to_parts` wrote; no more than 16 MiB are unpacked.

        Raises
        ------
        ModelError
            If parts are missing or damaged.
        """
        if len(parts) > MOST_PARTS:
            raise _damaged(f"it has {len(parts)} parts, of at most {MOST_PARTS}")
        unpacking = zlib.decompressobj()
        try:
            text = unpacking.decompress(base64.b64decode("".join(parts), validate=True), MOST_TEXT_BYTES)
        except (zlib.error, binascii.Error, ValueError) as error:
            raise _damaged(str(error)) from error
        if not unpacking.eof:
            raise _damaged(f"it ends early, or is larger than {MOST_TEXT_BYTES:,} bytes")
        return cls(text)

    def to_rows(self) -> list[dict[str, str]]:
        """Return the parts as they stand in Milvus: rows with ``part``, such as ``0003``, and ``text``."""
        return [{"part": f"{number:04d}", "text": text} for number, text in enumerate(self.to_parts())]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Hierarchy:
        """Read what `to_rows` wrote, in any order; errors as `from_parts`."""
        texts = {str(row["part"]): str(row["text"]) for row in rows}
        return cls.from_parts([texts[part] for part in sorted(texts)])

    # -- inside -------------------------------------------------------------------------------------------------------

    def _told(self, phrase: str) -> list[str]:
        """Return the senses of a phrase as they are written: a node's number, or after a minus those that it lies below."""
        for spelling in spellings(phrase):
            found: list[str] = []
            for form in dict.fromkeys(base_forms(spelling, lambda form: self._line(self._exceptions, form))):
                new = [told for told in self._line(self._nouns, form) if told not in found]
                found += new
            if found:
                return found
        return []

    def _line(self, section: tuple[int, int], key: str) -> list[str]:
        line = line_of(self.text, key.encode("ascii"), *section)
        return [] if line is None else line.decode("ascii", "replace").split(" ")[1:]

    def _sense(self, told: str) -> Sense:
        below = told.startswith("-")
        try:
            nodes = _numbers(told.removeprefix("-"), len(self._names))
            if not below and len(nodes) != 1:
                raise ValueError(told)
        except ValueError as error:
            raise _damaged(f"a sense cannot be read: {told[:50]!r}") from error
        own = self._most if below else float(self._information[nodes[0]])
        best = np.zeros(self.count)
        ancestors = self._ancestors(nodes)
        for node in sorted(ancestors, key=lambda one: float(self._information[one])):
            best[self._kinds(node)] = self._information[node]
        both = own + self._class_information
        similarity = np.divide(2 * best, both, out=np.zeros(self.count), where=both > 0)
        kinds = np.empty(0, np.int64) if below else self._kinds(nodes[0])
        return Sense(kinds, similarity.astype(np.float32))

    def _ancestors(self, nodes: Sequence[int]) -> set[int]:
        found: set[int] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += self._parents[node]
        return found

    def _lemmas(self, node: int) -> tuple[str, ...]:
        return tuple(name.replace("_", " ") for name in self._names[node].split(" ") if name)

    def _kinds(self, node: int) -> Indexes:
        if node not in self._found_kinds:
            bits = np.frombuffer(self._under[node].to_bytes(self.count // 8 + 1, "little"), np.uint8)
            found = np.flatnonzero(np.unpackbits(bits, bitorder="little")).astype(np.int64)
            found.flags.writeable = False
            self._found_kinds[node] = found
        return self._found_kinds[node]

    @cached_property
    def _under(self) -> list[int]:
        """The classes under each node, a bit for each."""
        under = [sum(1 << index for index in own) for own in self._own]
        for node in reversed(range(len(under))):
            for parent in self._parents[node]:
                under[parent] |= under[node]
        return under

    @cached_property
    def _information(self) -> Floats:
        counts = np.asarray([max(under.bit_count(), 1) for under in self._under], dtype=np.float64)
        return np.asarray(self._most - np.log(counts))

    @cached_property
    def _class_information(self) -> Floats:
        found = np.full(self.count, self._most)
        for index, node in self._node_of.items():
            found[index] = self._information[node]
        return found

    @property
    def _most(self) -> float:
        """The information content of what has no classes under it."""
        return math.log(max(len(self._node_of), 1))


def synsets_of(names: Sequence[str], nouns: Nouns) -> list[str | None]:
    """Return the synset of each name: the first visible sense of the noun that it is, None where it is none.

    A name may be a synset itself (``n01440764``), or list several lemmas of one synset with commas, as ImageNet's own names do.
    """
    return [_synset_of(name, nouns) for name in names]


def make_hierarchy(nouns: Nouns, synsets: Sequence[str | None]) -> Hierarchy:
    """Return the hierarchy of classes.

    Parameters
    ----------
    synsets : sequence of str or None
        The synset of each class, by its index; None where it has none.

    Raises
    ------
    ModelError
        If a synset is not one of WordNet 3.0.
    """
    unknown = [synset for synset in synsets if synset is not None and synset not in nouns]
    if unknown:
        raise ModelError(f"the synsets of classes are nouns of WordNet 3.0, such as n01440764.\nReceived: {unknown[0]}")
    number: dict[str, int] = {}
    for synset in synsets:
        if synset is not None:
            _add(synset, nouns, number)
    own: dict[str, list[str]] = {}
    for index, synset in enumerate(synsets):
        if synset is not None:
            own.setdefault(synset, []).append(str(index))
    nodes = [
        "|".join((
            ",".join(str(number[one]) for one in nouns.hypernyms(synset)), ",".join(own.get(synset, ())),
            " ".join(nouns.lemmas(synset)),
        ))
        for synset in number
    ]  # fmt: skip
    lines = list(_noun_lines(nouns, number, own))
    known = {line.partition(" ")[0] for line in lines}
    exceptions = [
        " ".join((form, *bases))
        for form in sorted(nouns.exceptions)
        if (bases := [base for base in nouns.exceptions[form] if base in known])
    ]
    sections = ["".join(f"{line}\n" for line in section) for section in (nodes, exceptions, lines)]
    header = f"milvise hierarchy {FORMAT} {len(synsets)} {' '.join(str(len(section)) for section in sections)}\n"
    return Hierarchy((header + "".join(sections)).encode("ascii"))


def _add(synset: str, nouns: Nouns, number: dict[str, int]) -> None:
    """Give a synset a number, after everything that it is a kind of."""
    if synset not in number:
        for above in nouns.hypernyms(synset):
            _add(above, nouns, number)
        number[synset] = len(number)


def _noun_lines(nouns: Nouns, number: dict[str, int], classes: Collection[str]) -> Iterator[str]:
    """Yield a line for each lemma with visible senses."""
    nearest: dict[str, frozenset[str]] = {synset: frozenset({synset}) for synset in number}

    def find(synset: str) -> frozenset[str]:
        if synset not in nearest:
            found = frozenset().union(*(find(above) for above in nouns.hypernyms(synset)))
            further = {node for one in found for node in nouns.ancestors(one) if node != one}
            nearest[synset] = found - further
        return nearest[synset]

    def told(synset: str) -> str:
        numbers = ",".join(str(one) for one in sorted(number[node] for node in find(synset)))
        return numbers if synset in number else f"-{numbers}"

    at_class = {node for node in number if not nouns.ancestors(node).isdisjoint(classes)}
    written = {
        synset: told(synset)
        for synset in nouns
        if nouns.file(synset) in VISIBLE or not find(synset).isdisjoint(at_class)
    }
    for lemma in nouns.all_lemmas():
        senses = [written[synset] for synset in nouns.senses(lemma) if synset in written]
        if senses:
            yield " ".join((lemma, *senses))


def _synset_of(name: str, nouns: Nouns) -> str | None:
    if name in nouns:
        return name
    # Names that would stand twice are numbered (`milvise.embeddings.devise.classes`).
    plain = re.sub(r" \(\d+\)$", "", name)
    for seen in (VISIBLE, _SIGNS_AND_GROUPS):
        first, *others = (_senses(part, nouns, seen) for part in plain.split(","))
        common = [synset for synset in first if all(synset in senses for senses in others)]
        if common:
            return common[0]
    return None


def _senses(phrase: str, nouns: Nouns, seen: Collection[int]) -> list[str]:
    for spelling in spellings(phrase):
        forms = dict.fromkeys(base_forms(spelling, lambda form: nouns.exceptions.get(form, ())))
        synsets = (synset for form in forms for synset in nouns.senses(form))
        if found := [synset for synset in dict.fromkeys(synsets) if nouns.file(synset) in seen]:
            return found
    return []


def _numbers(text: str, below: int) -> tuple[int, ...]:
    """Read numbers with commas between them.

    Raises
    ------
    ValueError
        If one is none, or not below `below`.
    """
    found = tuple(int(number) for number in text.split(",")) if text else ()
    if any(not 0 <= number < below for number in found):
        raise ValueError(text[:50])
    return found


def _damaged(what: str) -> ModelError:
    return ModelError(
        f"the hierarchy of the classes is damaged: {what}. Load a gallery again, which makes it anew: milvise ingest images"
    )
