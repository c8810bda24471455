"""DeViSE as an encoder: a pretrained network gives visual vectors, and a head turns these into vectors among the words.

Its texts are the words that stand in Milvus, so that no neural network is needed to search by word.

References
----------
Frome et al. 2013, "DeViSE: A Deep Visual-Semantic Embedding Model".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, Pixels
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.precision import precision_of
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.network import Head, Network
from milvise.embeddings.encoder import EncoderInfo

_BLOCK = 32


def make(recipe: Mapping[str, Any], *, engine: str = "auto") -> Devise:
    """Return DeViSE without a head; the entry point ``devise``.

    Parameters
    ----------
    recipe : mapping
        ``backbone`` and perhaps ``weights``, as `milvise.embeddings.devise.backbones.load_backbone`, and ``precision``.
    engine : {"auto", "keras", "openvino"}
        What runs the network.

    Raises
    ------
    MissingExtraError, ModelError, WeightsError, UsageError
        As `milvise.embeddings.runtimes.engines.load_network`.
    """
    from milvise.embeddings.runtimes.engines import load_network

    weights = recipe.get("weights")
    network = load_network(
        recipe.get("backbone", ""),
        weights=Path(weights) if weights else None,
        engine=engine,
        precision=precision_of(recipe),
    )
    return Devise(network)


class Devise:
    """A network, and perhaps a head.

    Parameters
    ----------
    network : Network
        From pixels to visual vectors.
    head : Head, optional
        From visual to joint vectors. Without one there is no joint space.
    """

    def __init__(self, network: Network, head: Head | None = None) -> None:
        self.network = network
        self.head = head
        self._batch = 1

    @cached_property
    def info(self) -> EncoderInfo:
        """What it is; the fingerprint is that of the network, which stands in the manifests of visual vectors."""
        network, head = self.network, self.head
        spaces = {VISUAL: network.dim} | ({} if head is None else {JOINT: head.dim})
        return EncoderInfo(
            DEFAULT_ENCODER,
            network.fingerprint,
            spaces,
            network.size,
            network.rule,
            network.usual_batch,
            network.engine,
        )

    def encode_images(self, pixels: Pixels) -> dict[str, Floats]:
        """Return the visual vectors, and with a head the joint ones, of pixels (n, size, size, 3)."""
        # Keras builds a network anew for each shape of a batch: the last batch of a run is told how large the others were.
        self._batch = max(self._batch, len(pixels))
        batch_size = 1 if len(pixels) == 1 else self._batch
        visual = self.network.embed(pixels, batch_size=batch_size)
        return {VISUAL: visual} | ({} if self.head is None else {JOINT: _in_blocks(self.head, visual)})

    def classes(self) -> Classes:
        """Return the classes of the network; raises `ModelError` where it has none."""
        return self.network.classes()

    def close(self) -> None:
        """Release the threads that run the network, if any."""
        self.network.close()


def _in_blocks(head: Head, visual: Floats) -> Floats:
    """Return what a head makes of visual vectors, of which rows of zeros make a multiple of 32.

    A product of matrices takes the rows that are left at its end in another way, so that the last digits of a picture's vector would depend on how many
    others are in its batch.
    """
    lacking = -len(visual) % _BLOCK
    return head(np.pad(visual, ((0, lacking), (0, 0))))[: len(visual)]
