"""Fitting a head, against Keras' own loop (`model.fit`) on the same batches, as both come.

    python benchmarks/training.py [--pictures 20000] [--epochs 3]

Pictures are random vectors around one centre for each label, so that there is something to learn; a fifth is held back. Both
start with the same weights and draw the same batches. The loss on the held-back pictures says whether both learned the same.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import keras
import numpy as np
from results import leave

from milvise.core.arrays import unit
from milvise.embeddings.devise.heads import linear_head, mlp_head
from milvise.embeddings.devise.losses import make_loss
from milvise.training.examples import HELD_BACK, TRAIN, Examples
from milvise.training.fit import Schedule, balanced_batches, fit, in_order

LABELS, VISUAL, WORDS = 100, 1280, 300
HEADS = {"linear": linear_head, "mlp": mlp_head}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    examples = make_examples(arguments.pictures)
    schedule = Schedule(epochs=arguments.epochs)
    print(
        f"{arguments.pictures:,} pictures of {VISUAL}, {LABELS} labels of {WORDS}, {arguments.epochs} epochs, cosine loss"
    )
    print("| head | `model.fit` | milvise | ratio | held-back loss of both |\n| --- | --- | --- | --- | --- |")
    figures = {}
    for name, build in HEADS.items():
        theirs, their_loss = timed(bare, build, examples, schedule)
        ours, our_loss = timed(own, build, examples, schedule)
        print(
            f"| {name} | {theirs:.1f} s | {ours:.1f} s | {ours / theirs:.2f} | {their_loss:.4f}, {our_loss:.4f} |",
            flush=True,
        )
        figures[name] = {"fit": theirs, "milvise": ours, "ratio": ours / theirs, "losses": [their_loss, our_loss]}
    leave("training", figures)


def make_examples(count: int) -> Examples:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, LABELS, count).astype(np.int32)
    centres = rng.normal(size=(LABELS, VISUAL)).astype(np.float32)
    vectors = np.maximum(centres[labels] + rng.normal(scale=2, size=(count, VISUAL)).astype(np.float32), 0)
    parts = np.where(rng.random(count) < 0.2, HELD_BACK, TRAIN).astype(np.uint8)
    targets = unit(rng.normal(size=(LABELS, WORDS)).astype(np.float32))
    return Examples(vectors, labels, parts, targets, tuple(str(label) for label in range(LABELS)), {}, 0)


def timed(run: Any, build: Any, examples: Examples, schedule: Schedule) -> tuple[float, float]:
    """Return the seconds that a training took, and the loss on held-back pictures in its last epoch."""
    keras.utils.set_random_seed(0)
    model = build(VISUAL, WORDS)
    loss = make_loss("cosine", examples.targets, np.ones(LABELS, np.float32))
    started = time.perf_counter()
    history = run(model, examples, loss, schedule)
    return time.perf_counter() - started, history["val_loss"][-1]


def own(model: Any, examples: Examples, loss: Any, schedule: Schedule) -> dict[str, list[float]]:
    return fit(model, examples, loss, schedule, seed=0, progress=lambda epoch, losses: None)


def bare(model: Any, examples: Examples, loss: Any, schedule: Schedule) -> dict[str, list[float]]:
    places, held_back = examples.places(TRAIN), examples.places(HELD_BACK)
    steps, batches = balanced_batches(examples, places, schedule.batch_size, np.random.default_rng(0))

    def held() -> Any:
        while True:
            yield from in_order(examples, held_back, schedule.batch_size)

    model.compile(keras.optimizers.Adam(schedule.rate), loss=loss)
    history = model.fit(
        batches, steps_per_epoch=steps, epochs=schedule.epochs, validation_data=held(),
        validation_steps=-(-len(held_back) // schedule.batch_size), shuffle=False, verbose=0,
    )  # fmt: skip
    return dict(history.history)


if __name__ == "__main__":
    main()
