"""Fitting a head: class-balanced batches, and an end when held-back pictures no longer gain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.runtimes import gpu
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.training.examples import HELD_BACK, TRAIN, Examples, Places

Loss = Callable[[Any, Any], Any]
Batch = tuple[Floats, np.ndarray[Any, np.dtype[np.int32]]]
EpochProgress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast a model is trained.

    Attributes
    ----------
    epochs : int
        At most so many passes.
    patience : int
        Passes without a gain on the held-back pictures after which training ends, with the best weights.
    rate : float
        Of Adam.
    """

    epochs: int = 100
    patience: int = 5
    batch_size: int = 128
    rate: float = 1e-3


def fit(
    model: Any, examples: Examples, loss: Loss, schedule: Schedule, *, seed: int, progress: EpochProgress
) -> dict[str, list[float]]:
    """Train a model on the examples in place; return its loss by epoch.

    Where no picture is held back, the training loss decides when to end.
    """
    keras = import_keras("training")
    places, held_back = examples.places(TRAIN), examples.places(HELD_BACK)
    steps, batches = balanced_batches(examples, places, schedule.batch_size, np.random.default_rng(seed))
    # `loss` in the history also holds penalties on weights; what decides is how well pictures are met.
    met = keras.metrics.MeanMetricWrapper(loss, name="met")
    model.compile(
        optimizer=keras.optimizers.Adam(schedule.rate), loss=loss, metrics=[met], jit_compile=_worth_compiling()
    )
    # TensorFlow traces a step twice if it makes variables in the first one.
    model.optimizer.build(model.trainable_variables)
    watched = "val_met" if len(held_back) else "met"
    stop = keras.callbacks.EarlyStopping(watched, mode="min", patience=schedule.patience, restore_best_weights=True)
    history = keras.callbacks.History()
    callbacks = keras.callbacks.CallbackList([stop, history], model=model)
    model.stop_training = False
    callbacks.on_train_begin()
    # Keras' own loop makes a data set of the held-back pictures anew after each epoch, which takes longer than the epoch.
    for epoch in range(schedule.epochs):
        losses = _mean(model.train_on_batch, islice(batches, steps))
        held = _mean(model.test_on_batch, in_order(examples, held_back, schedule.batch_size))
        losses |= {f"val_{name}": value for name, value in held.items()}
        callbacks.on_epoch_end(epoch, losses)
        progress(epoch + 1, losses)
        if model.stop_training:
            break
    callbacks.on_train_end()
    return {name: [round(value, 6) for value in values] for name, values in history.history.items()}


def _worth_compiling() -> str | bool:
    """Return whether XLA is to compile the steps: on a processor they take four times as long then."""
    return "auto" if gpu.may_be_there() and gpu.is_seen() else False


def _mean(step: Callable[..., dict[str, Any]], batches: Iterable[Batch]) -> dict[str, float]:
    """Take a step with each batch; return the means over their pictures of what the steps return, by name."""
    sums: dict[str, float] = {}
    pictures = 0
    for vectors, labels in batches:
        for name, value in step(vectors, labels, return_dict=True).items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(labels)
        pictures += len(labels)
    return {name: value / pictures for name, value in sums.items()}


def balanced_batches(
    examples: Examples, places: Places, batch_size: int, rng: np.random.Generator
) -> tuple[int, Iterator[Batch]]:
    """Return how many batches make an epoch, and the endless stream of them.

    In an epoch every label has the same number of pictures: those with few come several times, those with many not all.
    """
    labels = examples.labels[places]
    by_label = [places[labels == label] for label in np.unique(labels)]
    each = -(-len(places) // len(by_label))
    batch_size = min(batch_size, each * len(by_label))

    def stream() -> Iterator[Batch]:
        while True:
            order = np.concatenate([np.resize(rng.permutation(own), each) for own in by_label])
            rng.shuffle(order)
            for start in range(0, len(order) - batch_size + 1, batch_size):
                yield _batch(examples, order[start : start + batch_size])

    return each * len(by_label) // batch_size, stream()


def in_order(examples: Examples, places: Places, batch_size: int) -> Iterator[Batch]:
    """Yield batches of these pictures, each picture once."""
    for start in range(0, len(places), batch_size):
        yield _batch(examples, places[start : start + batch_size])


def _batch(examples: Examples, places: Places) -> Batch:
    return np.asarray(examples.vectors[places]), examples.labels[places, np.newaxis]
