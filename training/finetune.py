"""A backbone for one's own domain: the last block of a pretrained one, trained to tell labelled pictures apart.

    pictures -> all but the last block, once -> features in a file -> last block and a new classifier -> .keras file

What comes before the last block does not change, so that each picture goes through it once. The new backbone takes pixels
as they are, knows the labels as its classes, and has a fingerprint of its own: its vectors are not comparable with
those of the one that it was made from.
"""

from __future__ import annotations

import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, unit
from milvise.core.chunks import chunks
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.graph import preprocess_in_graph
from milvise.embeddings.devise.last_block import split_at_last_block
from milvise.embeddings.model_files.keras_file import require_writable, save_model
from milvise.embeddings.runtimes.quiet_keras import import_keras
from milvise.errors import ImageError, InputError
from milvise.ingest.sources import Item, Source
from milvise.ingest.sources.read_content import decode_content
from milvise.training.examples import HELD_BACK, TRAIN, Examples, is_held_back
from milvise.training.fit import EpochProgress, Schedule, fit
from milvise.training.train import Report

K = 10
_BATCH = 32
EPOCHS = 30
HELD_BACK_SHARE = 0.2
_ROWS = 256
_CLASSIFIER_RATE, _BLOCK_RATE = 1e-3, 1e-4


@dataclass(frozen=True, slots=True)
class FinetuneOptions:
    """How a backbone is fine-tuned.

    Attributes
    ----------
    held_back : float
        Share of the pictures that are not trained on: they decide when training ends, and are scored.
    """

    held_back: float = HELD_BACK_SHARE
    epochs: int = EPOCHS
    seed: int = 0


def finetune(
    sources: Sequence[Source],
    *,
    backbone: Backbone,
    out: Path,
    options: FinetuneOptions = FinetuneOptions(),
    progress: EpochProgress = lambda epoch, losses: None,
) -> Report:
    """Fine-tune a backbone's last block and write the result to `out`; see the module's description.

    Parameters
    ----------
    sources : sequence of Source
        Labelled pictures; those without a label are passed over, those that cannot be read are named in the report.
    progress : callable
        Told of each epoch.

    Raises
    ------
    InputError
        If there are fewer than two labels.
    ModelError
        If the file cannot be written.
    """
    require_writable(out)
    started = time.monotonic()
    keras = import_keras("training")
    keras.utils.set_random_seed(options.seed)
    trunk, block = split_at_last_block(backbone.model)
    with tempfile.TemporaryDirectory(prefix="milvise-train-") as folder:
        examples, unreadable = _features(sources, backbone, trunk, Path(folder, "features"), options)
        read = time.monotonic()
        before = _precision(block, examples)
        classifier = keras.layers.Dense(len(examples.names), activation="softmax", name="labels")
        history = _train(block, classifier, examples, options, progress)
        trained = time.monotonic()
        after = _precision(block, examples)
    pixels = keras.Input((backbone.size, backbone.size, 3), name="pixels")
    visual = backbone.model.call(preprocess_in_graph(backbone, pixels))
    record = {
        "base": backbone.fingerprint,
        "resize": backbone.rule,
        "classes": list(examples.names),
        "seed": options.seed,
        "trained_on": {
            "labels": examples.counts(TRAIN),
            "held_back": {"share": options.held_back, "pictures": len(examples.places(HELD_BACK))},
            "unlabelled": examples.unlabelled,
            "unreadable": unreadable,
        },
        "scores": {"similar_precision_at_10": {"before": before, "after": after}},
        "history": history,
    }
    save_model(keras.Model(pixels, classifier(visual), name=out.stem), out, record)
    seconds = {"read": read - started, "train": trained - read, "total": time.monotonic() - started}
    return Report(record, out, {name: round(value, 3) for name, value in seconds.items()})


def _features(
    sources: Sequence[Source], backbone: Backbone, trunk: Any, file: Path, options: FinetuneOptions
) -> tuple[Examples, dict[str, str]]:
    """Send every labelled picture through the trunk, into a file; return it as examples, and what could not be read."""
    known: dict[str, int] = {}
    labels, parts = array("i"), array("B")
    unreadable: dict[str, str] = {}
    unlabelled = [0]
    with file.open("wb") as out:
        for batch in chunks(_readable(sources, backbone, unreadable, unlabelled), _BATCH):
            pixels = np.zeros((_BATCH, backbone.size, backbone.size, 3), np.float32)
            pixels[: len(batch)] = np.stack([picture for _, _, picture in batch])
            out.write(np.asarray(trunk.predict_on_batch(backbone.preprocess(pixels)))[: len(batch)].tobytes())
            for label, digest, _ in batch:
                labels.append(known.setdefault(label, len(known)))
                parts.append(HELD_BACK if is_held_back(digest, options.held_back, options.seed) else TRAIN)
    numbers, divided = np.asarray(labels, np.int32), np.asarray(parts, np.uint8)
    if len(np.unique(numbers[divided == TRAIN])) < 2:
        raise InputError(
            "fine-tuning tells labels apart, and needs two or more of them. The folder in which a picture lies is its label.\n"
            f"Received: {', '.join(known) or 'no labelled picture that can be read'}"
        )
    features = np.memmap(file, np.float32, "r").reshape(-1, *trunk.output_shape[1:])
    targets = np.zeros((len(known), 0), np.float32)
    return Examples(features, numbers, divided, targets, tuple(known), {}, unlabelled[0]), unreadable


def _readable(
    sources: Sequence[Source], backbone: Backbone, unreadable: dict[str, str], unlabelled: list[int]
) -> Iterator[tuple[str, str, Floats]]:
    """Yield label, content hash and pixels of the labelled pictures."""
    for source in sources:
        for entry in source:
            if not isinstance(entry, Item):
                unreadable[entry.uri] = entry.reason
            elif not entry.label:
                unlabelled[0] += 1
            else:
                try:
                    picture, digest = decode_content(entry.content, size=backbone.size, rule=backbone.rule)
                    yield entry.label, digest, picture.pixels.astype(np.float32)
                except ImageError as error:
                    unreadable[entry.uri] = str(error)


def _train(
    block: Any, classifier: Any, examples: Examples, options: FinetuneOptions, progress: EpochProgress
) -> dict[str, dict[str, list[float]]]:
    """Train the classifier alone, so that its random start does no harm to the block, and then both."""
    keras = import_keras("training")
    model = keras.Model(block.input, classifier(block.output))
    loss = keras.losses.SparseCategoricalCrossentropy()
    history = {}
    for name, rate in (("classifier", _CLASSIFIER_RATE), ("block", _BLOCK_RATE)):
        for layer in block.layers:
            # Batch normalisation keeps the statistics of the pictures that the backbone was made with.
            layer.trainable = name == "block" and not isinstance(layer, keras.layers.BatchNormalization)
        schedule = Schedule(epochs=options.epochs, patience=4, batch_size=_BATCH, rate=rate)
        history[name] = fit(model, examples, loss, schedule, seed=options.seed, progress=progress)
    return history


def _precision(block: Any, examples: Examples) -> float | None:
    """Return how well the vectors of held-back pictures find pictures of their label, None where there are too few.

    Mean over the pictures of: those of the same label among the 10 closest others, divided by 10 or by the number of
    others with the label, whichever is less.
    """
    places = examples.places(HELD_BACK)
    labels = examples.labels[places]
    others = np.bincount(labels, minlength=len(examples.names))[labels] - 1
    if not (others > 0).any():
        return None
    vectors = unit(np.concatenate([
        np.asarray(block.predict_on_batch(np.asarray(examples.vectors[places[start : start + _ROWS]])))
        for start in range(0, len(places), _ROWS)
    ]))  # fmt: skip
    found = np.zeros(len(places))
    for index, vector in enumerate(vectors):
        similarity = vectors @ vector
        similarity[index] = -np.inf
        found[index] = (labels[np.argsort(-similarity, kind="stable")[:K]] == labels[index]).sum()
    return round(float((found / np.clip(others, 1, K))[others > 0].mean()), 4)
