"""The hierarchy of some classes, made from WordNet's nouns: it needs the packaged table, and what it makes needs none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from milvise.embeddings.wordnet.hierarchy import FORMAT, Hierarchy
from milvise.embeddings.wordnet.inflection import base_forms, spellings
from milvise.embeddings.wordnet.nouns import Nouns
from milvise.errors import ModelError

VISIBLE = frozenset({3, 5, 6, 8, 13, 15, 17, 18, 19, 20, 27})
"""Lexicographer files whose nouns can be seen: tops, animal, artifact, body, food, location, object, person, phenomenon, plant, substance.

Synsets of classes, and what lies below them, can be seen whatever their file: WordNet counts a traffic light as communication.
"""

_SIGNS_AND_GROUPS = frozenset({10, 14})
"""Communication and group: a class may be called after one of them where its name has no visible sense."""


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
