"""The wiring check: one picture and one word, trained until they fit. What cannot learn this cannot learn anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from milvise.adapter import Store
from milvise.embeddings.losses import make_loss
from milvise.embeddings.phrases import lookups, phrase_vector
from milvise.embeddings.quiet_keras import import_keras
from milvise.errors import InputError, ModelError, UsageError
from milvise.training.examples import TRAIN, Examples
from milvise.training.fit import Progress, Schedule, fit
from milvise.training.ingredients import build, find_ingredients
from milvise.training.train import Options

SIMILARITY = 0.99
_COPIES = 2_048


def check_wiring(
    store: Store, *, gallery: str, options: Options, progress: Progress = lambda epoch, losses: None
) -> dict[str, Any]:
    """Train a head on one labelled picture until its joint vector is that of the label; return how close it came.

    Raises
    ------
    ModelError
        If it does not reach a similarity of 0.99.
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
    for row in ingredients.visual.scan(["uri", "label", "vector"], filter=options.filter):
        vector = phrase_vector(row["label"], ingredients.words.vectors(lookups(row["label"]))) if row["label"] else None
        if vector is not None:
            break
    else:
        raise InputError(f"no picture of the gallery {gallery!r} has a label that the words know.")
    visual = np.asarray(row["vector"], dtype=np.float32)
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
    model = build(options.kind, ingredients, examples, penalty=0.0)
    loss = make_loss(options.loss, examples.targets, np.ones(1, np.float32))
    fit(model, examples, loss, Schedule(epochs=40, batch_size=64, rate=1e-2), seed=options.seed, progress=progress)
    similarity = float(np.asarray(model(visual[np.newaxis], training=False))[0] @ vector)
    if similarity < SIMILARITY:
        raise ModelError(
            f"the head did not learn one picture and one word, so that something is wired wrongly.\nExpected: a similarity of"
            f" at least {SIMILARITY}\nReceived: {similarity:.4f} for {row['uri']} and {row['label']!r}"
        )
    return {"uri": row["uri"], "label": row["label"], "similarity": round(similarity, 6), "head": options.kind}
