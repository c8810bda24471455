"""WordNet's nouns, read from the table that is packaged with milvise; `scripts/wordnet_table.py` makes it and says how it is written.

Only what loads classes reads it. A client that searches has what it needs of it from Milvus (`milvise.embeddings.wordnet.hierarchy`).

References
----------
Fellbaum 1998, "WordNet: An Electronic Lexical Database".
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from importlib.resources import files


class Nouns:
    """Synsets (sets of nouns with one meaning) and lemmas (nouns in their base form).

    A synset is called by its offset in WordNet 3.0, such as ``n01440764``, which is also what ImageNet calls it. Lemmas have
    underscores for blanks.

    Parameters
    ----------
    text : str
        The table.
    """

    def __init__(self, text: str) -> None:
        synsets, lemmas, exceptions, *_ = (part.splitlines() for part in text.split("\n\n"))
        self._lemmas: dict[str, tuple[str, ...]] = {}
        self._above: dict[str, tuple[str, ...]] = {}
        self._files: dict[str, int] = {}
        self._senses: dict[str, tuple[str, ...]] = {}
        for line in synsets:
            offset, number, above, *names = line.split(" ")
            synset = f"n{offset}"
            self._lemmas[synset] = tuple(names)
            self._files[synset] = int(number)
            self._above[synset] = () if above == "-" else tuple(f"n{one}" for one in above.split(","))
            for name in names:
                self._senses[name.lower()] = (synset,)
        for line in lemmas:
            lemma, *offsets = line.split(" ")
            self._senses[lemma] = tuple(f"n{offset}" for offset in offsets)
        self.exceptions: Mapping[str, tuple[str, ...]] = {
            form: tuple(bases) for form, *bases in (line.split(" ") for line in exceptions)
        }
        self._ancestors: dict[str, frozenset[str]] = {}

    def __contains__(self, synset: object) -> bool:
        return synset in self._lemmas

    def __iter__(self) -> Iterator[str]:
        """Iterate over all synsets, in the order of their offsets."""
        return iter(self._lemmas)

    def lemmas(self, synset: str) -> tuple[str, ...]:
        """Return the lemmas of a synset, with WordNet's capitals, the usual one first."""
        return self._lemmas[synset]

    def all_lemmas(self) -> list[str]:
        """Return every lemma, in lower case, in the order of the alphabet."""
        return sorted(self._senses)

    def senses(self, lemma: str) -> tuple[str, ...]:
        """Return the synsets of a lemma in lower case, the most frequent one first; none where it is no lemma."""
        return self._senses.get(lemma, ())

    def hypernyms(self, synset: str) -> tuple[str, ...]:
        """Return what a synset is a kind or an instance of, one step up."""
        return self._above[synset]

    def ancestors(self, synset: str) -> frozenset[str]:
        """Return a synset with everything that it is a kind or an instance of."""
        if synset not in self._ancestors:
            self._ancestors[synset] = frozenset({synset}).union(*(self.ancestors(one) for one in self._above[synset]))
        return self._ancestors[synset]

    def file(self, synset: str) -> int:
        """Return the number of the lexicographer file, which tells animals from acts; lexnames(5WN) lists them."""
        return self._files[synset]


def load_nouns() -> Nouns:
    """Read the packaged table, which takes about half a second."""
    packed = files("milvise.embeddings.wordnet").joinpath("nouns.txt.gz").read_bytes()
    return Nouns(gzip.decompress(packed).decode("ascii"))
