"""The pictures that are found for one expression, by what they show and by their text, on their way to one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from milvise.core.records import Row
from milvise.queries.ranking.match import Match
from milvise.queries.text.held_words import TextMatch, matched
from milvise.queries.text.look import Look, Named


class Merge:
    """The pictures that were found for one expression, each moved by its text.

    Parameters
    ----------
    one : Look
    named : Named
        What its text names.
    limit : int
        How many pictures are wanted.
    is_by_text : bool
        Whether only pictures count whose text holds something.

    Attributes
    ----------
    rows : dict of str to dict
        Of all pictures that were found, by key.
    """

    def __init__(self, one: Look, named: Named, limit: int, *, is_by_text: bool) -> None:
        self._wanted = one.wanted
        self._limit = limit
        self._is_by_text = is_by_text
        # What is known of all texts spares a look at the text of each picture.
        self._named = named if tells_all(one, named) else None
        self.rows: dict[str, Row] = {}
        self._moved: list[tuple[float, Match, tuple[str, ...], TextMatch | None]] = []

    def add(self, matches: Sequence[Match], *reasons: str) -> None:
        """Take pictures, unless they were found before."""
        for match in matches:
            key = match.row["id"]
            if key in self.rows:
                continue
            self.rows[key] = match.row
            text = self._text(match.row)
            if text is not None:
                self._moved.append((text.moved(match.similarity), match, reasons, text))
            elif not self._is_by_text:
                self._moved.append((match.similarity, match, reasons, None))

    def _text(self, row: Row) -> TextMatch | None:
        """Return what a picture's text holds, or None where it holds nothing that is searched for or subtracted."""
        if self._named is None:
            text = matched(self._wanted, row)
            return text if text.share or (text.against and not self._is_by_text) else None
        share = self._named.share(row)
        return TextMatch(share) if share else None

    def is_out_of_reach(self, share: float, similarity: float) -> bool:
        """Return whether a picture that is no more similar, and whose text holds such a share, cannot be among the best."""
        best = self._best()
        return len(best) == self._limit and best[-1][0] >= TextMatch(share).moved(similarity)

    def brief(self) -> list[str]:
        """Return the keys of those of the best whose rows lack something."""
        return [match.row["id"] for _, match, _, _ in self._best() if "uri" not in match.row]

    def complete(self, rows: Mapping[str, Row]) -> None:
        """Take over rows; pictures that are gone by now are left out."""
        self._moved = [
            (moved, match if "uri" in match.row else replace(match, row=rows[match.row["id"]]), reasons, text)
            for moved, match, reasons, text in self._best()
            if "uri" in match.row or match.row["id"] in rows
        ]

    def best(self) -> list[Match]:
        """Return the best, most similar first."""
        return [
            replace(match, similarity=moved, reasons=(*reasons, *self._reasons(match, text)))
            for moved, match, reasons, text in self._best()
        ]

    def _best(self) -> list[tuple[float, Match, tuple[str, ...], TextMatch | None]]:
        return sorted(self._moved, key=lambda each: -each[0])[: self._limit]

    def _reasons(self, match: Match, text: TextMatch | None) -> tuple[str, ...]:
        """Return where a picture's text holds something."""
        if text is None or text.reasons or not text.share:
            return () if text is None else text.reasons
        return matched(self._wanted, match.row).reasons


def tells_all(one: Look, named: Named) -> bool:
    """Return whether what is known of texts tells what each picture's text does to an expression."""
    return named.is_whole and len(one.looked_for) == len(one.wanted)
