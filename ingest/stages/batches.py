"""The batches that go from stage to stage. Each is a frozen record; `rejected` are those that the stage could not take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.pictures.decode import Picture
from milvise.ingest.sources.content import ContentState
from milvise.ingest.sources.item import Item, Rejected


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """A picture that was read.

    Attributes
    ----------
    digest : str
        SHA-256 of its bytes, in hexadecimal.
    state : ContentState, optional
        As its content stood before it was read.
    """

    item: Item
    digest: str
    picture: Picture
    state: ContentState | None


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Pictures with their pixels."""

    pictures: tuple[ReadPicture, ...]
    rejected: tuple[Rejected, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    @classmethod
    def joined(cls, batches: Sequence[ReadBatch]) -> ReadBatch:
        """Return the pictures of several batches as one."""
        return cls(tuple(picture for batch in batches for picture in batch.pictures))


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """Pictures with their vectors.

    Attributes
    ----------
    visual : ndarray of shape (n, visual width), float32
    joint : ndarray of shape (n, joint width), float32, optional
        None for a gallery without a head.
    """

    pictures: tuple[ReadPicture, ...]
    visual: Floats
    joint: Floats | None
    rejected: tuple[Rejected, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    @classmethod
    def joined(cls, batches: Sequence[EmbeddedBatch]) -> EmbeddedBatch:
        """Return the pictures of several batches as one."""
        joint = [batch.joint for batch in batches if batch.joint is not None]
        return cls(
            tuple(picture for batch in batches for picture in batch.pictures),
            np.concatenate([batch.visual for batch in batches]),
            np.concatenate(joint) if joint else None,
        )


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """Pictures whose rows a sink has: what a stream may acknowledge."""

    items: tuple[Item, ...]
    rejected: tuple[Rejected, ...] = ()

    def __len__(self) -> int:
        return len(self.items)
