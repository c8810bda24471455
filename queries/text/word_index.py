"""In which pictures' texts each word stands, so that a search need not look through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from milvise.queries.recent import Recent
from milvise.queries.text.filter import LABEL
from milvise.queries.text.held_words import matched, named_texts
from milvise.queries.text.tiers import Tier, grouped, label_share
from milvise.queries.text.words import Phrase, words_in

_KEPT, _KEPT_KEYS = 1_000, 5_000
"""Expressions whose pictures are kept, and the most pictures of one: 40 MB of pointers at most."""

_KEPT_LONG = 8
"""So many expressions are kept whose pictures are more: these few take longer than all others."""


class WordIndex:
    """The words of pictures' texts; threads may share it.

    For 100,000 pictures with a label and a file name it takes 2.4 s to make, and 27 MiB beside the rows (`benchmarks/text_index.py`).

    Parameters
    ----------
    rows : sequence of mapping
        Pictures with ``id``, ``label``, ``uri`` and ``meta``.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows
        self._kept: Recent[list[Tier]] = Recent(_KEPT)
        self._kept_long: Recent[list[Tier]] = Recent(_KEPT_LONG)
        self._places: dict[str, list[int] | int] = {}
        of_text = lru_cache(maxsize=10_000)(words_in)
        for place, row in enumerate(rows):
            for word in {word for _, text in named_texts(row) for word in of_text(text)}:
                self._note(word, place)

    def tiers(self, wanted: Sequence[Phrase]) -> list[Tier]:
        """Return what `milvise.queries.text.tiers.tiers` does of all rows."""
        looked_for = [one for one in wanted if one.weight > 0]
        key = (repr(looked_for),)
        return self._kept.of(
            key,
            lambda: self._kept_long.of(key, lambda: self._tiers(looked_for), worth_keeping=_is_long),
            worth_keeping=_is_short,
        )

    def _tiers(self, looked_for: Sequence[Phrase]) -> list[Tier]:
        whole = sum(one.weight for one in looked_for)
        held: dict[int, float] = {}
        for one in looked_for:
            for place in self._holding(one):
                held[place] = held.get(place, 0.0) + one.weight
        found = [(self._rows[place], weight / whole) for place, weight in sorted(held.items())]
        labels = {row[LABEL] for row, _ in found}
        return grouped(found, {label: label_share(looked_for, label) for label in labels})

    def _holding(self, phrase: Phrase) -> Iterable[int]:
        places = set.intersection(*(self._of_any(forms) for forms in phrase.words))
        if len(phrase.words) == 1:
            return places
        # All words stand there, but perhaps not one after the other.
        return [place for place in places if matched([phrase], self._rows[place]).share]

    def _of_any(self, forms: Sequence[str]) -> set[int]:
        found: set[int] = set()
        for form in forms:
            places = self._places.get(form, ())
            found.update((places,) if isinstance(places, int) else places)
        return found

    def _note(self, word: str, place: int) -> None:
        # Most words of file names, such as numbers, stand in one picture.
        known = self._places.get(word)
        if known is None:
            self._places[word] = place
        elif isinstance(known, int):
            self._places[word] = [known, place]
        else:
            known.append(place)


def _is_short(found: Sequence[Tier]) -> bool:
    return sum(len(tier.others) for tier in found) <= _KEPT_KEYS


def _is_long(found: Sequence[Tier]) -> bool:
    return not _is_short(found)
