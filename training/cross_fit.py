"""Joint vectors of pictures from heads that were not trained on them, where few pictures are held back.

A tenth of a small gallery is a few dozen pictures: too few to choose anything on. Two further heads are then trained, each without
one half of the trained pictures. A trained picture has its vector from the head that did not see it, a held-back one from the head
that is kept. So nearly every picture can be searched for as a new one. The halves follow from the content of the pictures
(`milvise.training.examples.fold_of`), so that copies stand on the same side.

A head of half of the pictures is somewhat worse than the one of all; heads of three quarters took twice as long and chose the same.
Pictures of a label that has no other picture outside their half take no part.

Memory: at most as many vectors as are asked for; the pictures that a head is trained on stay in their file.

References
----------
Cross-validation: Hastie, Tibshirani and Friedman 2009, "The Elements of Statistical Learning", section 7.10. Vectors out of fold for
the choice of weights: Wolpert 1992, "Stacked generalization".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from milvise.core.arrays import Floats
from milvise.training.examples import FOLDS, HELD_BACK, TRAIN, UNSEEN, Examples, Places

HeadFunction = Callable[[Floats], Floats]
"""From visual vectors, shape (n, visual width), to joint unit vectors, shape (n, words' width)."""

ENOUGH = 1_000
"""With so many held-back pictures no further head is trained."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Pictures, with what heads say that did not see them.

    Attributes
    ----------
    places : ndarray of shape (n,), int64
        Their positions among the examples, in order.
    joint : ndarray of shape (n, words' width), float32
    cross_fitted : int
        How many of them have their vector from a further head.
    """

    places: Places
    joint: Floats
    cross_fitted: int


def fresh_vectors(
    head: HeadFunction, examples: Examples, train: Callable[[Examples, int], HeadFunction] | None, *, most: int
) -> Fresh:
    """Return the joint vectors of pictures from heads that did not see them; see the module's description.

    Parameters
    ----------
    head : callable
        The one that was trained on all pictures of the part ``TRAIN``.
    train : callable, optional
        From examples and a number to another head like it, trained on their part ``TRAIN``. Without it, as with `ENOUGH`
        held-back pictures, only these and those of held-out labels are taken.
    most : int
        At most so many pictures: held-back ones first, then trained ones, then those of held-out labels.
    """
    held_back, unseen = examples.places(HELD_BACK), examples.places(UNSEEN)
    taken: list[tuple[Places, HeadFunction]] = [(held_back[:most], head)]
    room = most - len(taken[0][0])
    wanted = _outside_every_fold(examples)[:room] if train is not None and len(held_back) < ENOUGH else held_back[:0]
    for fold in np.unique(examples.folds[wanted]).tolist():
        assert train is not None
        own = (examples.parts == TRAIN) & (examples.folds == fold)
        # The half becomes a part that neither training nor the end of training looks at.
        rest = replace(examples, parts=np.where(own, UNSEEN, examples.parts).astype(np.uint8))
        if len(rest.counts(TRAIN)) > 1:
            taken.append((wanted[examples.folds[wanted] == fold], train(rest, fold + 1)))
    cross_fitted = sum(len(places) for places, _ in taken[1:])
    taken.append((unseen[: room - cross_fitted], head))
    places = np.concatenate([own for own, _ in taken])
    made = [own_head(np.asarray(examples.vectors[own])) for own, own_head in taken if len(own)]
    joint = np.concatenate(made) if made else np.zeros((0, examples.targets.shape[1]), np.float32)
    order = np.argsort(places, kind="stable")
    return Fresh(places[order], joint[order], cross_fitted)


def _outside_every_fold(examples: Examples) -> Places:
    """Return the trained pictures whose label has trained pictures in the other half as well."""
    trained = examples.places(TRAIN)
    counts = np.zeros((len(examples.names), FOLDS), np.int64)
    np.add.at(counts, (examples.labels[trained], examples.folds[trained]), 1)
    elsewhere = counts.sum(axis=1, keepdims=True) - counts
    known: Places = trained[elsewhere[examples.labels[trained], examples.folds[trained]] > 0]
    return known
