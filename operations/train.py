"""Models: a head trained on a gallery, the check of its wiring, and a backbone fine-tuned on labelled pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from milvise.config import DEFAULT_BACKBONE, DEFAULT_GALLERY
from milvise.embeddings.backbones import load_backbone
from milvise.operations.checks import require_count, require_share, require_texts
from milvise.operations.images import Named, absolute, open_sources, require_sources
from milvise.operations.progress import Progress, epochs, notes, silent
from milvise.queries.database import Database
from milvise.queries.feedback import labels_of, read_pairs
from milvise.training import finetune, one, train
from milvise.training.train import Options, Report

__all__ = [
    "CheckWiring", "Options", "Report", "TrainBackbone", "TrainHead", "Wiring", "backbone_options", "check_wiring",
    "head_options", "labels_in", "train_backbone", "train_head",
]  # fmt: skip

MOST_HELD_BACK = 0.9


@dataclass(frozen=True, slots=True)
class TrainHead:
    """Which gallery to learn from, where the head is written, and how it is trained.

    Raises
    ------
    UsageError
        If a number cannot be.
    """

    out: Path
    gallery: str = DEFAULT_GALLERY
    options: Options = Options()

    def __post_init__(self) -> None:
        require_count("epochs", self.options.epochs, 1)
        require_share("held_back", self.options.held_back, MOST_HELD_BACK)


@dataclass(frozen=True, slots=True)
class CheckWiring:
    """Which gallery to check; of the options `kind`, `loss`, `seed` and `filter` count."""

    gallery: str = DEFAULT_GALLERY
    options: Options = Options()


@dataclass(frozen=True, slots=True)
class TrainBackbone:
    """Which pictures a backbone is fine-tuned on, and where the new one is written.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    sources: tuple[Named, ...]
    out: Path
    backbone: str = DEFAULT_BACKBONE
    weights: Path | None = None
    options: finetune.Options = finetune.Options()

    def __post_init__(self) -> None:
        require_sources(self.sources)
        require_count("epochs", self.options.epochs, 1)
        require_share("held_back", self.options.held_back, MOST_HELD_BACK)


@dataclass(frozen=True, slots=True)
class Wiring:
    """How one picture and one word were fitted, and how well the gallery's vectors agree with its labels.

    Attributes
    ----------
    uri, label : str
        The picture that was learned, and its word.
    similarity : float
        Cosine of what the head gives for the picture and the word.
    head : str
        The kind of head.
    labels_agree : float or str
        Share of a sample of pictures whose most similar other picture has the same label; or why that was not looked at.
    by_chance : float, optional
        The same share with labels dealt out at random.
    pictures : int, optional
        Size of the sample.
    """

    uri: str
    label: str
    similarity: float
    head: str
    labels_agree: float | str
    by_chance: float | None = None
    pictures: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the check as plain values, without those that were not looked at."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def train_head(db: Database, request: TrainHead, progress: Progress = silent) -> Report:
    """Train a head on a gallery's stored vectors and labels; errors as `milvise.operations.gallery.Gallery.train`."""
    return train.train_head(
        db.store, gallery=request.gallery, out=request.out, options=request.options, progress=epochs(progress)
    )


def check_wiring(db: Database, request: CheckWiring, progress: Progress = silent) -> Wiring:
    """Learn one picture and one word; errors as `milvise.operations.gallery.Gallery.check_wiring`."""
    found = one.check_wiring(db.store, gallery=request.gallery, options=request.options, progress=epochs(progress))
    return Wiring(**found)


def train_backbone(request: TrainBackbone, progress: Progress = silent) -> Report:
    """Fine-tune a backbone's last block on labelled pictures; no Milvus is asked.

    Raises
    ------
    InputError
        If a source cannot be read, or there are fewer than two labels.
    ModelError, MissingExtraError
        If the backbone cannot be built, or the new one not be written.
    """
    sources = open_sources(request.sources)
    notes(progress)(f"Building {request.backbone} …")
    built = load_backbone(absolute(request.backbone), weights=request.weights)
    return finetune.finetune(
        sources, backbone=built, out=request.out, options=request.options, progress=epochs(progress)
    )


def head_options(
    *,
    kind: str = "residual",
    loss: str = "cosine",
    hold_out: Sequence[str] = (),
    held_back: float | None = None,
    epochs: int | None = None,
    seed: int = 0,
    filter: str = "",
    feedback: Mapping[str, str] | None = None,
) -> Options:
    """Return how a head is trained, with the usual value for each number that is None.

    Raises
    ------
    UsageError
        If `hold_out` is no sequence of texts.
    """
    require_texts("hold_out", hold_out)
    return Options(
        kind=kind, loss=loss, hold_out=tuple(hold_out),
        held_back=train.HELD_BACK_SHARE if held_back is None else held_back,
        epochs=train.EPOCHS if epochs is None else epochs, seed=seed, filter=filter, feedback=feedback or {},
    )  # fmt: skip


def backbone_options(*, held_back: float | None = None, epochs: int | None = None, seed: int = 0) -> finetune.Options:
    """Return how a backbone is fine-tuned, with the usual value for each number that is None."""
    return finetune.Options(
        finetune.HELD_BACK_SHARE if held_back is None else held_back,
        finetune.EPOCHS if epochs is None else epochs,
        seed,
    )


def labels_in(pairs: Path | None) -> dict[str, str]:
    """Return the words that stand in place of labels in a file that ``milvise export pairs`` wrote, none without a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    return {} if pairs is None else labels_of(read_pairs(pairs))
