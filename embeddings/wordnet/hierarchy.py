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

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.wordnet.inflection import base_forms, spellings
from milvise.embeddings.wordnet.sorted_lines import line_of
from milvise.errors import ModelError

Indexes = np.ndarray[Any, np.dtype[np.int64]]

FORMAT = 1
VERSION = {"nouns": "WordNet 3.0", "format": FORMAT}
"""What tells the hierarchy of some classes from another one of the same classes; another format also where other senses are visible."""

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
        As `milvise.embeddings.wordnet.make_hierarchy` writes it; `milvise.embeddings.wordnet.hierarchy_rows` reads it from what stands in Milvus.

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
            raise damaged("the header is not that of this version")
        self.text = text
        self.count, *sizes = (int(number) for number in header.groups())
        ends = [header.end() + sum(sizes[:many]) for many in range(4)]
        if ends[-1] != len(text):
            raise damaged(f"{ends[-1]:,} bytes were expected")
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
            raise damaged(f"node {len(self._names)} cannot be read") from error
        if len(self._names) * self.count > _MOST_NODE_BITS:
            raise damaged("it has too many nodes")
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
            raise damaged(f"a sense cannot be read: {told[:50]!r}") from error
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


def damaged(what: str) -> ModelError:
    """Return the error of a hierarchy that cannot be read."""
    return ModelError(
        f"the hierarchy of the classes is damaged: {what}. Load a gallery again, which makes it anew: milvise ingest images"
    )
