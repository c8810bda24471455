"""The stages of a load of pictures, put together from the encoder of a plan and a sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from milvise.embeddings.devise.conse import ConseHead
from milvise.gallery.plan import Plan
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.reporter import PictureBatch
from milvise.ingest.runners import Stages
from milvise.ingest.sinks.sink import Sink
from milvise.ingest.sources.item import Item
from milvise.ingest.stages.batches import EmbeddedBatch, ReadBatch, WrittenBatch
from milvise.ingest.stages.embed import VectorsOf, embed_batch
from milvise.ingest.stages.read import read_batch
from milvise.ingest.stages.write import write_batch

PictureStages = Stages[Item, ReadBatch, EmbeddedBatch, WrittenBatch]


def picture_stages(
    plan: Plan,
    sink: Sink,
    report: Callable[[PictureBatch], None],
    *,
    batch_size: int,
    loaded: LoadedFiles | None = None,
) -> PictureStages:
    """Return the stages of a load, for one of `milvise.ingest.runners`.

    Parameters
    ----------
    sink : Sink
        Where rows go.
    report : callable
        Told of each batch that a stage made: what it rejected, and how many it holds.
    loaded : LoadedFiles, optional
        Where this machine notes what was written.
    """
    return Stages(
        picture_reader(plan),
        partial(embed_batch, vectors_of=_vectors_of(plan), batch_size=batch_size),
        partial(write_batch, sink=sink, loaded=loaded),
        ReadBatch.joined,
        EmbeddedBatch.joined,
        report,
    )


def picture_reader(plan: Plan) -> Callable[[Sequence[Item]], ReadBatch]:
    """Return the first stage of a load alone, as a dry run needs it."""
    return partial(read_batch, size=plan.backbone.size, rule=plan.backbone.rule)


def _vectors_of(plan: Plan) -> VectorsOf:
    """Return the function from pixels to visual and joint vectors, of which a gallery without a head has none."""
    if plan.head is not None:
        return plan.backbone.joined(plan.head)
    return lambda pixels, batch_size: (plan.backbone.embed(pixels, batch_size=batch_size), None)


def head_notes(plan: Plan) -> list[str]:
    """Return what is to be said of the head: which classes it can do nothing with."""
    names = plan.head.unnamed if isinstance(plan.head, ConseHead) else ()
    if not names:
        return []
    return [
        f"{len(names)} classes without any known word take no part in the joint space: {', '.join(names[:5])} …"
    ]  # fmt: skip
