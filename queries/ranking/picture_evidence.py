"""What the network saw in pictures, as it stands with their rows: in arrays that take 312 bytes for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from milvise.core.arrays import Floats, unit
from milvise.embeddings.devise.sketches import AXES, Values, sketch_values
from milvise.embeddings.devise.top_classes import KEPT, NO_CLASS, Pairs, class_pairs, dense, probabilities_in


@dataclass(frozen=True, slots=True)
class PictureEvidence:
    """What the network saw in pictures.

    Attributes
    ----------
    pairs : ndarray of shape (n, KEPT, 2), uint16
        The likeliest classes with their probabilities, see `milvise.embeddings.devise.top_classes.class_pairs`.
    sketches : ndarray of shape (n, AXES), int8
        What the pictures look like, see `milvise.embeddings.devise.sketches.sketch_values`.
    """

    pairs: Pairs
    sketches: Values

    @classmethod
    def of_nothing(cls, count: int) -> PictureEvidence:
        """Return that nothing was seen in so many pictures."""
        pairs = np.zeros((count, KEPT, 2), np.uint16)
        pairs[:, :, 0] = NO_CLASS
        return cls(pairs, np.zeros((count, AXES), np.int8))

    @classmethod
    def read(cls, top_classes: Sequence[str], sketches: Sequence[str]) -> PictureEvidence:
        """Return what the texts of pictures hold.

        Raises
        ------
        ValueError
            If a text is damaged.
        """
        return cls(class_pairs(top_classes), sketch_values(sketches))

    @classmethod
    def together(cls, parts: Sequence[PictureEvidence]) -> PictureEvidence:
        """Return what was seen in several lists of pictures, one after the other."""
        return cls(
            np.concatenate([cls.of_nothing(0).pairs, *(part.pairs for part in parts)]),
            np.concatenate([cls.of_nothing(0).sketches, *(part.sketches for part in parts)]),
        )

    def put(self, places: Sequence[int], others: PictureEvidence) -> None:
        """Write what was seen in other pictures in these places."""
        self.pairs[list(places)] = others.pairs
        self.sketches[list(places)] = others.sketches

    def of(self, places: Sequence[int]) -> PictureEvidence:
        """Return it for some of the pictures."""
        chosen = np.asarray(places, dtype=np.intp)
        return PictureEvidence(self.pairs[chosen], self.sketches[chosen])

    def weighted(self, weights: Floats) -> Floats:
        """Return the probabilities of classes times the weights of each, shape (n, m), for weights of shape (classes, m)."""
        known = np.vstack([weights, np.zeros_like(weights[:1])])
        classes = np.minimum(self.pairs[:, :, 0], len(weights))
        probabilities = probabilities_in(self.pairs)
        # One of the likeliest classes after the other, for all pictures: a table of all classes would take longer, and much memory.
        found = np.zeros((len(classes), weights.shape[1]), dtype=np.float32)
        for rank in range(classes.shape[1]):
            found += probabilities[:, rank, None] * known[classes[:, rank]]
        return found

    @property
    def total(self) -> Floats:
        """The sum of the probabilities that are known, shape (n,)."""
        return np.asarray(probabilities_in(self.pairs).sum(axis=1), dtype=np.float32)

    def probabilities(self, classes: int) -> Floats:
        """Return the probabilities of so many classes, shape (n, classes)."""
        return dense(self.pairs, classes)

    @property
    def looks(self) -> Floats:
        """What the pictures look like, unit vectors of shape (n, AXES)."""
        return unit(self.sketches)
