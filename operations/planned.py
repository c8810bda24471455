"""What a request makes of pictures: its encoder, loaded for as long as it is needed, and the plan with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from milvise.core.precision import AUTO, precision_of
from milvise.embeddings.devise.backbones import split_spec
from milvise.embeddings.registry import load_encoder
from milvise.embeddings.runtimes.engines import fastest_precision
from milvise.gallery.plan import Plan, make_recipe, plan_for
from milvise.operations.progress import Progress, notes
from milvise.queries.database import Database


class Asked(Protocol):
    """A request that says what is made; what it leaves open is as the gallery has it."""

    @property
    def gallery(self) -> str: ...  # noqa: D102
    @property
    def encoder(self) -> str | None: ...  # noqa: D102
    @property
    def backbone(self) -> str | None: ...  # noqa: D102
    @property
    def weights(self) -> Path | None: ...  # noqa: D102
    @property
    def classes(self) -> Path | None: ...  # noqa: D102
    @property
    def head(self) -> str | None: ...  # noqa: D102
    @property
    def engine(self) -> str: ...  # noqa: D102
    @property
    def precision(self) -> str | None: ...  # noqa: D102


@contextmanager
def planned(db: Database, request: Asked, progress: Progress, *, partition: str | None = None) -> Iterator[Plan]:
    """Yield the plan of a request; its encoder is closed at the end of the block.

    Parameters
    ----------
    partition : str, optional
        The metadata column by which a gallery that is new is partitioned.

    Raises
    ------
    UsageError, NotFoundError, MissingEncoderError, MissingExtraError, ModelError, FingerprintError
        As `milvise.operations.database.Database.ingest_images`.
    """
    backbone = request.backbone and absolute(request.backbone)
    recipe = make_recipe(
        db.store, request.gallery, backbone, request.weights, request.encoder, request.precision,
        fastest=lambda recipe: fastest_precision(recipe, request.engine),
    )  # fmt: skip
    notes(progress)(f"Building {recipe.get('backbone') or recipe['encoder']} …")
    told = (f"--precision auto is {precision_of(recipe)} for this gallery.",) if request.precision == AUTO else ()
    with closing(load_encoder(recipe, engine=request.engine)) as encoder:
        plan = plan_for(
            db.store,
            encoder,
            gallery=request.gallery,
            head=request.head,
            recipe=recipe,
            names=request.classes,
            partition=partition,
        )
        yield replace(plan, remarks=(*plan.remarks, *told))


def absolute(backbone: str) -> str:
    """Return a backbone's path so that it is found from another folder; names stay as they are."""
    path, layer = split_spec(backbone)
    return ":".join(filter(None, [str(Path(path).resolve()), layer])) if path.endswith(".keras") else backbone
