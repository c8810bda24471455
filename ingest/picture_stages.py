"""The stages of a load of pictures, put together from the encoder of a plan and a sink."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

from milvise.core import config
from milvise.core.arrays import Floats, Pixels
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.encoder import encode_images
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
        partial(embed_batch, vectors_of=_vectors_of(plan)),
        partial(write_batch, sink=sink, loaded=loaded),
        ReadBatch.joined,
        EmbeddedBatch.joined,
        report,
    )


def picture_reader(plan: Plan) -> Callable[[Sequence[Item]], ReadBatch]:
    """Return the first stage of a load alone, as a dry run needs it."""
    info = plan.encoder.info
    return partial(read_batch, size=info.size, rule=info.rule)


def readers_for(elsewhere: bool) -> int | None:
    """Return how many threads read pictures, None for the usual number.

    Pictures that are read over a network are waited for, so that there are as many threads as connections.
    """
    return max(config.connections(), os.cpu_count() or 2) if elsewhere else None


def _vectors_of(plan: Plan) -> VectorsOf:
    """Return the function from pixels to visual and joint vectors, of which a gallery without a head has none."""

    def vectors_of(pixels: Pixels) -> tuple[Floats, Floats | None]:
        found = encode_images(plan.encoder, pixels)
        return found[VISUAL], found.get(JOINT)

    return vectors_of
