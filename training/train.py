"""Start here: a head from a gallery's stored visual vectors and labels.

    visual collection -> examples -> head -> scores, share in the default search -> .keras file

The pictures themselves are never read. Three kinds of pictures are told apart: those that are trained on, those that are
held back from the same labels (for early stopping, and for the score ``seen``), and those of labels that are held out
(for the score ``unseen``, which is zero-shot).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Store
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.cut_classifier import weights_hash
from milvise.embeddings.devise.heads import KINDS
from milvise.embeddings.devise.losses import LOSSES, make_loss
from milvise.embeddings.model_files.keras_file import require_writable, save_model
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import UsageError
from milvise.training.cross_fit import HeadFunction
from milvise.training.examples import HELD_BACK, TRAIN, UNSEEN, Examples, collect
from milvise.training.fit import EpochProgress, Schedule, fit
from milvise.training.ingredients import Ingredients, build, find_ingredients
from milvise.training.score import Score, harmonic_mean, score
from milvise.training.share import choose_share

PENALTY = {"cosine": 0.25, "hinge_rank": 10.0}
"""Of the squared size of a residual head's correction, in the sum of the losses of all pictures: as much evidence as it
takes to move a class name. `benchmarks/heads.py` prints what it does to labels seen and unseen."""

_RATE = {"linear": 1e-3, "mlp": 1e-3, "residual": 1e-2}
EPOCHS = 100
HELD_BACK_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a head is trained.

    Attributes
    ----------
    kind : {"linear", "mlp", "residual"}
    loss : {"cosine", "hinge_rank"}
    hold_out : tuple of str
        Labels that are not trained on.
    held_back : float
        Share of the other labels' pictures that are not trained on.
    filter : str
        A Milvus expression: only these pictures take part.
    feedback : mapping of str to str
        By primary key: words that stand in place of a picture's label, see `milvise.queries.requests.feedback.labels_of`.
    """

    kind: str = "residual"
    loss: str = "cosine"
    hold_out: tuple[str, ...] = ()
    held_back: float = HELD_BACK_SHARE
    epochs: int = EPOCHS
    seed: int = 0
    filter: str = ""
    feedback: Mapping[str, str] = field(default_factory=dict)

    def require_known(self) -> None:
        """Check the names of head and loss.

        Raises
        ------
        UsageError
            If there is none of this name.
        """
        for what, known, received in (("head", KINDS, self.kind), ("loss", LOSSES, self.loss)):
            if received not in known:
                raise UsageError(f"unknown {what}.\nExpected: {', '.join(known)}\nReceived: {received}")


@dataclass(frozen=True, slots=True)
class Report:
    """What training did.

    Attributes
    ----------
    record : dict
        What stands in the file beside the weights, see `milvise.embeddings.devise.trained_head.TrainedHead`.
    out : Path
    seconds : dict
        By step: ``read``, ``train``, ``total``.
    """

    record: dict[str, Any]
    out: Path
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {**self.record, "out": str(self.out), "seconds": self.seconds}


def train_head(
    store: Store,
    *,
    gallery: str,
    out: Path,
    options: TrainOptions = TrainOptions(),
    progress: EpochProgress = lambda epoch, losses: None,
) -> Report:
    """Train a head and write it to `out`; see the module's description.

    Raises
    ------
    NotFoundError
        If there is no gallery of this name, or there are no words; for ``residual`` also if its backbone has no classes.
    UsageError, InputError
        If the options cannot be, or there is too little to learn from.
    ModelError
        If the file cannot be written.
    """
    options.require_known()
    require_writable(out)
    started = time.monotonic()
    keras = import_keras("training")
    ingredients = find_ingredients(store, gallery, need_classes=options.kind == "residual")
    with tempfile.TemporaryDirectory(prefix="milvise-train-") as folder:
        examples = collect(
            ingredients.visual,
            ingredients.words,
            Path(folder, "vectors"),
            hold_out=options.hold_out,
            held_back=options.held_back,
            seed=options.seed,
            filter=options.filter,
            feedback=options.feedback,
        )
        read = time.monotonic()
        model, history = _trained(ingredients, examples, options, progress)
        trained = time.monotonic()
        scores = _scores(_head(model), ingredients.conse, examples)

        def another(others: Examples, number: int) -> HeadFunction:
            seed = options.seed + number
            return _head(_trained(ingredients, others, replace(options, seed=seed), lambda epoch, losses: None)[0])

        share = choose_share(_head(model), examples, ingredients.mixture, another)
    record = {
        "head": options.kind,
        "loss": options.loss,
        "weights": weights_hash(model),
        "visual": dict(ingredients.visual.manifest.fingerprint),
        "words": dict(ingredients.words.manifest.fingerprint),
        "seed": options.seed,
        "trained_on": _trained_on(gallery, options, examples),
        "scores": scores,
        "joint_share": share.to_json(),
        "history": history,
    }
    # A model without its optimiser and loss: what it takes to use it, not to go on training it.
    save_model(keras.Model(model.input, model.output, name=model.name), out, record)
    seconds = {"read": read - started, "train": trained - read, "total": time.monotonic() - started}
    return Report(record, out, {name: round(value, 3) for name, value in seconds.items()})


def _trained(
    ingredients: Ingredients, examples: Examples, options: TrainOptions, progress: EpochProgress
) -> tuple[Any, dict[str, list[float]]]:
    """Return a trained model, and its loss by epoch."""
    import_keras("training").utils.set_random_seed(options.seed)
    model = build(options.kind, ingredients, examples, penalty=PENALTY[options.loss])
    trained_on = np.isin(np.arange(len(examples.names)), examples.labels[examples.places(TRAIN)])
    loss = make_loss(options.loss, examples.targets, trained_on.astype(np.float32))
    schedule = Schedule(epochs=options.epochs, rate=_RATE[options.kind])
    return model, fit(model, examples, loss, schedule, seed=options.seed, progress=progress)


def _head(model: Any) -> HeadFunction:
    return lambda vectors: np.asarray(model(vectors, training=False))


def _scores(head: HeadFunction, conse: ConseHead | None, examples: Examples) -> dict[str, Any]:
    """Return how the head, and the untrained one beside it, do on pictures that were not trained on, with all labels.

    Held-back pictures are searched for among those and the held-out ones: trained ones would be in their place. Held-out
    labels are searched for among all pictures of the gallery.
    """
    seen, unseen = examples.places(HELD_BACK), examples.places(UNSEEN)
    everything = np.arange(len(examples.labels))
    compared: dict[str, HeadFunction] = {"head": head} | ({} if conse is None else {"conse": conse})
    return {
        name: _both(score(made, examples, seen, unseen), score(made, examples, unseen, everything))
        for name, made in compared.items()
    }


def _both(seen: Score | None, unseen: Score | None) -> dict[str, Any]:
    scores = {"seen": seen and seen.to_json(), "unseen": unseen and unseen.to_json(), "harmonic_mean": None}
    if seen and unseen:
        metrics = ("precision_at_10", "accuracy")
        scores["harmonic_mean"] = {
            name: round(harmonic_mean(getattr(seen, name), getattr(unseen, name)), 4) for name in metrics
        }
    return scores


def _trained_on(gallery: str, options: TrainOptions, examples: Examples) -> dict[str, Any]:
    return {
        "gallery": gallery,
        "filter": options.filter,
        "feedback": examples.by_feedback,
        "labels": examples.counts(TRAIN),
        "held_out": examples.counts(UNSEEN),
        "without_vector": examples.without_vector,
        "unlabelled": examples.unlabelled,
        "held_back": {
            "share": options.held_back,
            "seed": options.seed,
            "pictures": len(examples.places(HELD_BACK)),
        },
    }
