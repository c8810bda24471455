"""A backbone fine-tuned on labelled pictures; no Milvus is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from milvise.core.config import DEFAULT_BACKBONE
from milvise.embeddings.devise.backbones import load_backbone
from milvise.operations.checks import require_count, require_share
from milvise.operations.images import SourceLike, open_sources, require_sources
from milvise.operations.planned import absolute
from milvise.operations.progress import Progress, epochs, notes, silent
from milvise.operations.train import MOST_HELD_BACK
from milvise.training import finetune
from milvise.training.train import Report

__all__ = ["Report", "TrainBackbone", "train_backbone"]


@dataclass(frozen=True, slots=True)
class TrainBackbone:
    """Which pictures a backbone is fine-tuned on, and where the new one is written.

    Attributes
    ----------
    sources : tuple of str, Path or Source
        Folders or manifests of labelled pictures.
    out : Path
        Where the backbone is written: ``FILE.keras``.
    backbone : str
        The one that it is made from.
    weights : Path, optional
        A file of weights instead of the pretrained ones.
    held_back : float, optional
        Share of the pictures that are not trained on; by default `milvise.training.finetune.HELD_BACK_SHARE`.
    epochs : int, optional
        At most so many passes; by default `milvise.training.finetune.EPOCHS`.
    seed : int
        Of the random numbers, and of the choice of held-back pictures.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    sources: tuple[SourceLike, ...]
    out: Path
    backbone: str = DEFAULT_BACKBONE
    weights: Path | None = None
    held_back: float | None = None
    epochs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        require_sources(self.sources)
        require_count("epochs", self.epochs, 1)
        require_share("held_back", self.held_back, MOST_HELD_BACK)


def train_backbone(request: TrainBackbone, progress: Progress = silent) -> Report:
    """Fine-tune a backbone's last block on labelled pictures; errors as `milvise.operations.offline.train_backbone`."""
    sources = open_sources(request.sources)
    notes(progress)(f"Building {request.backbone} …")
    built = load_backbone(absolute(request.backbone), weights=request.weights)
    options = finetune.FinetuneOptions(
        finetune.HELD_BACK_SHARE if request.held_back is None else request.held_back,
        finetune.EPOCHS if request.epochs is None else request.epochs,
        request.seed,
    )
    return finetune.finetune(sources, backbone=built, out=request.out, options=options, progress=epochs(progress))
