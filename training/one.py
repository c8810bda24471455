"""The wiring check: one picture and one word, trained until they fit; and vectors that agree with their labels.

What cannot learn one picture and one word cannot learn anything. That alone does not show that a vector belongs to its
picture: any vector can be learned. Pictures that look alike mostly have the same label, and vectors that were mixed up do
not. So the share of pictures whose most similar other picture has the same label is compared with what labels dealt out
at random give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.adapter import Collection, Store
from milvise.core.arrays import Floats, unit
from milvise.embeddings.devise.losses import make_loss
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.embeddings.words.phrases import lookups, phrase_vector
from milvise.errors import InputError, ModelError, UsageError
from milvise.gallery.project import sample_keys
from milvise.training.examples import TRAIN, Examples
from milvise.training.fit import EpochProgress, Schedule, fit
from milvise.training.ingredients import build, find_ingredients
from milvise.training.train import TrainOptions

SIMILARITY = 0.99
SAMPLE = 1_000
LEVEL = 0.01
"""Of the test whether vectors agree with labels: how often it may fail where they do not."""

_COPIES = 2_048
_DEALS = 999
_LEAST = 20
"""Fewer pictures say nothing about how labels and vectors agree."""

_FIELDS = ("uri", "label", "vector")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well vectors agree with labels, in a sample of pictures.

    Attributes
    ----------
    share : float
        Of the pictures whose most similar other picture has the same label.
    chance : float
        The same with labels dealt out at random, on average.
    p : float
        Share of the deals that agree as well.
    pictures : int
        Size of the sample.
    """

    share: float
    chance: float
    p: float
    pictures: int


def check_wiring(
    store: Store, *, gallery: str, options: TrainOptions, progress: EpochProgress = lambda epoch, losses: None
) -> dict[str, Any]:
    """Train a head on one labelled picture until its joint vector is that of the label; return how close it came.

    Raises
    ------
    ModelError
        If it does not reach a similarity of 0.99, or the gallery's vectors agree with its labels no better than chance.
    UsageError
        If the loss is ``hinge_rank``, which is content with a margin.
    InputError
        If no picture has a label that the words know.
    NotFoundError
        As `milvise.training.train.train_head`.
    """
    options.require_known()
    if options.loss != "cosine":
        raise UsageError("one picture and one word are fitted with --loss cosine: a ranking loss ends at its margin.")
    ingredients = find_ingredients(store, gallery, need_classes=options.kind == "residual")
    for row in ingredients.visual.scan(_FIELDS, filter=options.filter):
        vector = phrase_vector(row["label"], ingredients.words.vectors(lookups(row["label"]))) if row["label"] else None
        if vector is not None:
            break
    else:
        raise InputError(f"no picture of the gallery {gallery!r} has a label that the words know.")
    visual = np.asarray(row["vector"], dtype=np.float32)
    labels, vectors = _sample(ingredients.visual, options.filter)
    examples = Examples(
        vectors=np.broadcast_to(visual, (_COPIES, len(visual))),
        labels=np.zeros(_COPIES, np.int32),
        parts=np.full(_COPIES, TRAIN, np.uint8),
        targets=vector[np.newaxis],
        names=(row["label"],),
        without_vector={},
        unlabelled=0,
    )
    import_keras("training").utils.set_random_seed(options.seed)
    model = build(options.kind, ingredients, examples, penalty=0.0, mean=_mean_of_others(vectors, visual))
    loss = make_loss(options.loss, examples.targets, np.ones(1, np.float32))
    fit(model, examples, loss, Schedule(epochs=40, batch_size=64, rate=1e-2), seed=options.seed, progress=progress)
    similarity = float(np.asarray(model(visual[np.newaxis], training=False))[0] @ vector)
    if similarity < SIMILARITY:
        raise ModelError(
            f"the head did not learn one picture and one word, so that something is wired wrongly.\nExpected: a similarity of"
            f" at least {SIMILARITY}\nReceived: {similarity:.4f} for {row['uri']} and {row['label']!r}"
        )
    found = {"uri": row["uri"], "label": row["label"], "similarity": round(similarity, 6), "head": options.kind}
    return found | _require_agreement(agreement(labels, vectors, seed=options.seed), gallery)


def agreement(labels: Sequence[str], vectors: Floats, *, seed: int) -> Agreement | None:
    """Return how well vectors, shape (n, dim), agree with labels, None where there are too few pictures or labels to say."""
    numbers = np.unique(np.asarray(labels), return_inverse=True)[1]
    if len(numbers) < _LEAST or len(np.unique(numbers)) < 2:
        return None
    centred = unit(vectors - vectors.mean(axis=0))
    cosines = centred @ centred.T
    np.fill_diagonal(cosines, -np.inf)
    closest = cosines.argmax(axis=1)
    rng = np.random.default_rng(seed)
    deals = [rng.permutation(numbers) for _ in range(_DEALS)]
    dealt = np.asarray([(deal[closest] == deal).mean() for deal in deals])
    share = float((numbers[closest] == numbers).mean())
    p = (1 + int((dealt >= share).sum())) / (1 + _DEALS)
    return Agreement(share, float(dealt.mean()), p, len(numbers))


def _require_agreement(found: Agreement | None, gallery: str) -> dict[str, Any]:
    if found is None:
        return {"labels_agree": "not checked: there are fewer than 20 labelled pictures, or one label"}
    if found.p > LEVEL:
        raise ModelError(
            f"the vectors of the gallery {gallery!r} agree with its labels no better than chance, so that a head has nothing"
            f" to learn: vectors stand with the wrong pictures, or the labels say nothing about what pictures show.\n"
            f"Expected: more than {found.chance:.3f} of the pictures to look most like one of the same label\n"
            f"Received: {found.share:.3f} of {found.pictures} pictures (p {found.p:.3f})\n"
            f"Check the gallery: milvise verify --gallery {gallery}"
        )
    return {"labels_agree": round(found.share, 4), "by_chance": round(found.chance, 4), "pictures": found.pictures}


def _sample(visual: Collection, filter: str) -> tuple[list[str], Floats]:
    """Return labels and vectors, shape (n, dim), of a random sample of the labelled pictures."""
    rows = visual.get(sample_keys(visual, SAMPLE, filter=filter), fields=["label", "vector"]).values()
    kept = [row for row in rows if row["label"]]
    return [row["label"] for row in kept], np.asarray([row["vector"] for row in kept], dtype=np.float32)


def _mean_of_others(vectors: Floats, visual: Floats) -> Floats:
    """Return the mean of a gallery's vectors, from which a picture has a direction; zero where it is the only one."""
    others = vectors[(vectors != visual).any(axis=1)]
    return np.asarray(others.mean(axis=0) if len(others) else np.zeros_like(visual), dtype=np.float32)
