"""The first stage: items become pictures of the size that the backbone reads."""

from __future__ import annotations

from collections.abc import Sequence

from milvise.embeddings.pictures.decode import ResizeRule
from milvise.errors import ImageError
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.read_content import decode_content
from milvise.ingest.stages.batches import ReadBatch, ReadPicture


def read_batch(items: Sequence[Item], *, size: int, rule: ResizeRule) -> ReadBatch:
    """Read and decode pictures; those that cannot be read are rejected with the reason.

    Parameters
    ----------
    size : int
        Side of the pixels in the result.
    rule : {"crop", "squash"}
        As `milvise.embeddings.pictures.decode.decode`.
    """
    pictures, rejected = [], []
    for item in items:
        # Before it is read: what is written to it meanwhile shows the next time.
        state = item.content.state()
        try:
            picture, digest = decode_content(item.content, size=size, rule=rule)
        except ImageError as error:
            # Without its traceback, which would keep the file and the picture in memory.
            rejected.append(Rejected(item.uri, str(error)))
        except BaseException as error:
            error.add_note(f"While {item.content} was read.")
            raise
        else:
            pictures.append(ReadPicture(item, digest, picture, state))
    return ReadBatch(tuple(pictures), tuple(rejected))
