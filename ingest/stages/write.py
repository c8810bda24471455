"""The last stage: vectors become rows, which a sink takes."""

from __future__ import annotations

from milvise.ingest.changes.loaded_files import LoadedFile, LoadedFiles, entry_text
from milvise.ingest.rows import RowBatch, scalars
from milvise.ingest.sinks.sink import Sink
from milvise.ingest.stages.batches import EmbeddedBatch, WrittenBatch


def write_batch(batch: EmbeddedBatch, *, sink: Sink, loaded: LoadedFiles | None = None) -> WrittenBatch:
    """Give the rows of a batch to a sink.

    Parameters
    ----------
    loaded : LoadedFiles, optional
        Where this machine notes what it has written, so that unchanged pictures need not be read again.
    """
    made = rows_of(batch)
    sink.write(made)
    if loaded is not None:
        loaded.remember(
            (row["id"], LoadedFile(read.state, read.digest, entry_text(read.item.label, read.item.meta)))
            for row, read in zip(made.rows, batch.pictures, strict=True)
            if read.state is not None
        )
    return WrittenBatch(tuple(read.item for read in batch.pictures))


def rows_of(batch: EmbeddedBatch) -> RowBatch:
    """Return the rows of embedded pictures."""
    rows = (
        {**scalars(read.item, read.digest, read.picture), "vector": vector}
        for read, vector in zip(batch.pictures, batch.visual, strict=True)
    )
    return RowBatch(tuple(rows), batch.joint)
