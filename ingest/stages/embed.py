"""The second stage: pictures become vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from milvise.core.arrays import Floats, Pixels
from milvise.ingest.sources.item import Rejected
from milvise.ingest.stages.batches import EmbeddedBatch, ReadBatch

VectorsOf = Callable[[Pixels], tuple[Floats, Floats | None]]
"""From pixels (n, size, size, 3) to visual vectors (n, width), and joint ones if the gallery has a head."""


def embed_batch(batch: ReadBatch, *, vectors_of: VectorsOf) -> EmbeddedBatch:
    """Compute the vectors of pictures; one whose vector is zero or not finite is rejected."""
    visual, joint = vectors_of(np.stack([read.picture.pixels for read in batch.pictures]))
    good = [bool(np.isfinite(vector).all() and vector.any()) for vector in visual]
    return EmbeddedBatch(
        tuple(read for read, is_good in zip(batch.pictures, good, strict=True) if is_good),
        visual[good],
        None if joint is None else joint[good],
        tuple(
            Rejected(read.item.uri, "the encoder gave a vector that is zero or not finite")
            for read, is_good in zip(batch.pictures, good, strict=True)
            if not is_good
        ),
    )
