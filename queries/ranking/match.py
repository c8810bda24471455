"""A picture that was found, before users get it."""

from __future__ import annotations

from dataclasses import dataclass

from milvise.core.records import Hit, Row, distance

FIELDS = ("uri", "label", "meta", "width", "height", "sha256")
BRIEF = ("label",)
"""What is read of many candidates of which few are returned: the rest is read of those."""


@dataclass(frozen=True, slots=True)
class Match:
    """A picture that was found.

    Attributes
    ----------
    row : dict
        ``id`` and `FIELDS`, or `BRIEF` for a while.
    similarity : float
        In the query's space.
    parts : dict of str to float
        What it is made of: the cosine in each of the query's spaces, and what else counts in a ranking.
    reasons : tuple of str
        As in `milvise.core.records.Hit`.
    confidence : float, optional
        Probability that the picture shows what the words say, where a ranking knows it.
    """

    row: Row
    similarity: float
    parts: dict[str, float]
    reasons: tuple[str, ...] = ()
    confidence: float | None = None

    def hit(self, confidence: float | None = None) -> Hit:
        """Return it as users get it."""
        row, score = self.row, self.similarity
        meta = dict(row["meta"] or {})
        trusted = self.confidence if confidence is None else confidence
        about = row["id"], row["uri"], row["label"], score, distance(score), meta, trusted, self.reasons
        return Hit(*about, width=int(row["width"]), height=int(row["height"]), sha256=row["sha256"])
