"""A head trained on a gallery, and the check that one can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from milvise.core.config import DEFAULT_GALLERY
from milvise.operations.checks import as_texts, require_count, require_share
from milvise.operations.progress import Progress, epochs, silent
from milvise.queries.database import Database
from milvise.queries.requests.feedback import labels_of, read_pairs
from milvise.training import one, train
from milvise.training.train import Report, TrainOptions

__all__ = ["MOST_HELD_BACK", "CheckWiring", "Report", "TrainHead", "Wiring", "check_wiring", "train_head"]

MOST_HELD_BACK = 0.9


@dataclass(frozen=True, slots=True)
class TrainHead:
    """Which gallery to learn from, where the head is written, and how it is trained.

    Attributes
    ----------
    out : Path
        Where the head is written: ``FILE.keras``.
    head : {"residual", "linear", "mlp"}
    loss : {"cosine", "hinge_rank"}
    hold_out : tuple of str
        Labels that are not trained on, and scored at the end.
    held_back : float, optional
        Share of the other labels' pictures that are not trained on; by default `milvise.training.train.HELD_BACK_SHARE`.
    epochs : int, optional
        At most so many passes; by default `milvise.training.train.EPOCHS`.
    seed : int
        Of the random numbers, and of the choice of held-back pictures.
    filter : str
        A Milvus expression: only these pictures take part.
    pairs : Path or mapping of str to str, optional
        A file that `milvise.operations.export.export_pairs` wrote, or what it says: by primary key the words that stand in
        place of a picture's label.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    out: Path
    gallery: str = DEFAULT_GALLERY
    head: str = "residual"
    loss: str = "cosine"
    hold_out: tuple[str, ...] = ()
    held_back: float | None = None
    epochs: int | None = None
    seed: int = 0
    filter: str = ""
    pairs: Path | Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        TrainOptions(self.head, self.loss).require_known()
        as_texts("hold_out", self.hold_out)
        require_count("epochs", self.epochs, 1)
        require_share("held_back", self.held_back, MOST_HELD_BACK)

    def opened(self) -> TrainHead:
        """Return the request with its pairs read.

        Raises
        ------
        InputError
            If they cannot be.
        """
        return replace(self, pairs=labels_of(read_pairs(self.pairs))) if isinstance(self.pairs, Path) else self


@dataclass(frozen=True, slots=True)
class CheckWiring:
    """Which gallery to check, and with which head, as in `TrainHead`.

    Raises
    ------
    UsageError
        If there is no such head or loss.
    """

    gallery: str = DEFAULT_GALLERY
    head: str = "residual"
    loss: str = "cosine"
    seed: int = 0
    filter: str = ""

    def __post_init__(self) -> None:
        TrainOptions(self.head, self.loss).require_known()


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
    learned = request.opened().pairs
    options = TrainOptions(
        kind=request.head,
        loss=request.loss,
        hold_out=request.hold_out,
        held_back=train.HELD_BACK_SHARE if request.held_back is None else request.held_back,
        epochs=train.EPOCHS if request.epochs is None else request.epochs,
        seed=request.seed,
        filter=request.filter,
        feedback=learned if isinstance(learned, Mapping) else {},
    )
    return train.train_head(
        db.store, gallery=request.gallery, out=request.out, options=options, progress=epochs(progress)
    )


def check_wiring(db: Database, request: CheckWiring, progress: Progress = silent) -> Wiring:
    """Learn one picture and one word; errors as `milvise.operations.gallery.Gallery.check_wiring`."""
    options = TrainOptions(request.head, request.loss, seed=request.seed, filter=request.filter)
    return Wiring(**one.check_wiring(db.store, gallery=request.gallery, options=options, progress=epochs(progress)))
