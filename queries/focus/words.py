"""What a focus counts: the weights of a class, of a word that need not be one, or of several with and without.

Only their size matters: a weight enters ``cos(w*q, w*x)`` squared. Several are therefore added as sizes, each scaled to a
root mean square of one, and what is subtracted makes its dimensions count less, down to not at all. Where everything is
subtracted it is subtracted from dimensions that all count the same.
"""

from __future__ import annotations

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.stages import staged
from milvise.errors import ExpressionError, UnknownClassError, UnknownWordError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.terms import place_terms
from milvise.queries.vocabulary.expression import Term, parse
from milvise.queries.vocabulary.spelling import closest


@staged("words")
def focus_weights(now: OpenCollections, focus: str) -> Floats:
    """Return the weights, shape (visual width,), of a class or an expression such as ``cat + sofa - person``.

    Calls to Milvus: one for the weights of a class that was not focused on before; for words that are no class as
    `milvise.queries.plan.load_mixture.load_mixture`.

    Raises
    ------
    UnknownClassError
        If a term is neither a class nor in the vocabulary; it carries close spellings.
    ExpressionError
        If nothing is left to look at.
    """
    whole = _class(now, focus)
    if whole is not None:
        return whole
    terms = parse(focus)
    try:
        found = [_weights(now, term) for term in terms]
    except UnknownWordError as error:
        names = now.class_names
        near = tuple(dict.fromkeys([*closest(focus, names), *closest(error.word, names), *error.suggestions]))
        place = f"the {len(names):,} classes of {now.classes.manifest.alias}, nor are all its words in the vocabulary"
        raise UnknownClassError(focus, near, kind="class", place=place) from None
    if len(terms) == 1 and terms[0].weight > 0:
        return found[0]
    sizes = [np.abs(weights) / np.sqrt(np.mean(weights**2)) for weights in found]
    start = 0.0 if any(term.weight > 0 for term in terms) else 1.0
    total = start + sum(term.weight * size for term, size in zip(terms, sizes, strict=True))
    counted: Floats = np.maximum(total, 0.0).astype(np.float32)
    if not counted.any():
        raise ExpressionError(f"the focus leaves nothing to look at.\nReceived: {focus}")
    return counted


def _weights(now: OpenCollections, term: Term) -> Floats:
    own = _class(now, term.phrase)
    if own is not None:
        return own
    (placed,) = place_terms(now, [term])
    return now.mixture.focus(placed.classes.shares)


def _class(now: OpenCollections, name: str) -> Floats | None:
    """Return the weights of the class of this name, however it is capitalised, None where there is none."""
    known = now.parts.known_classes
    found = known.of(now.classes, [name])
    if name not in found:
        wanted = name.strip().lower().replace("_", " ")
        same = next((one for one in now.class_names if one.lower() == wanted), None)
        if same is None:
            return None
        return known.of(now.classes, [same])[same]
    return found[name]
