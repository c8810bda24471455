"""The confidence of hits, in whatever space they were found."""

from __future__ import annotations

from collections.abc import Sequence

from milvise.core.arrays import unit
from milvise.core.stages import staged
from milvise.errors import UsageError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.terms import place_terms
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.score import CLASSES, WordScore
from milvise.queries.ranking.stored_evidence import picture_fields, seen_in
from milvise.queries.vocabulary.expression import Term
from milvise.queries.vocabulary.word_vectors import weighted_sum


@staged("ranking")
def trust(now: OpenCollections, terms: Sequence[Term], matches: Sequence[Match]) -> list[float]:
    """Return for each match the probability that it shows what the terms say, see `milvise.queries.ranking.confidence`.

    Where a ranking knows it, it is taken from there. Else what was seen is read in one call; where the backbone has no class
    hierarchy it is the share of random words whose best picture is less similar in the joint space.

    Raises
    ------
    UsageError
        If neither can be had, or there are no words.
    """
    if not terms:
        raise UsageError("a confidence says whether a picture shows what words say, and there are no words.")
    if all(match.confidence is not None for match in matches):
        return [float(match.confidence or 0.0) for match in matches]
    if now.places_words and now.mixture.hierarchy:
        ranking = WordScore(now.mixture, tuple(one.seen() for one in place_terms(now, terms)))
        rows = now.visual.get([match.row["id"] for match in matches], fields=["id", *picture_fields(now)])
        seen = seen_in(now, [rows.get(match.row["id"], {"id": match.row["id"]}) for match in matches])
        shown = now.calibration.shown(ranking.seen, ranking.chances(seen))
        return [float(value) for value in shown]
    if any(not {now.text_space, CLASSES} & match.parts.keys() for match in matches):
        raise UsageError(
            "without a class hierarchy, confidence is about cosines in the joint space.\nExpected: --space joint, fused or ranked\n"
            "Received: visual"
        )
    return [now.background.confidence(cosine) for cosine in _joint_cosines(now, terms, matches)]


def _joint_cosines(now: OpenCollections, terms: Sequence[Term], matches: Sequence[Match]) -> list[float]:
    """Return the joint cosine of each match; those that a ranking did without are read in one call."""
    space = now.text_space
    lacking = [match.row["id"] for match in matches if space not in match.parts]
    vectors = now.space(space).vectors(lacking) if lacking else {}
    placed = [one.ingredient(space) for one in place_terms(now, terms)]
    wanted = weighted_sum((one.weight, one.vector) for one in placed)
    read = {key: float(unit(vector) @ wanted) for key, vector in vectors.items()}
    return [match.parts.get(space, read.get(match.row["id"], -1.0)) for match in matches]
