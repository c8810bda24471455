"""What was fetched before: words and classes never change under the name of their collection."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from milvise.adapter import Collection
from milvise.adapter.kept_vectors import KeptVectors
from milvise.core.arrays import Floats
from milvise.core.stages import stage

MOST_VECTORS = 10_000
"""Those that were not asked for longest go first: 12 MB for words of width 300."""


class FetchedVectors:
    """Vectors of one collection by primary key, fetched once; of another collection as soon as that one is asked for.

    It is shared by threads, and holds at most `MOST_VECTORS` vectors.

    The name of a real collection of words or classes holds a hash of what made its vectors.

    Parameters
    ----------
    field : {"vector", "rank"}
        What is fetched of each row. A rank counts as a vector of width one.
    """

    def __init__(self, field: str = "vector") -> None:
        self._field = field
        self._lock = Lock()
        self._name = ""
        self._vectors: OrderedDict[str, Floats | None] = OrderedDict()

    def of(self, collection: Collection, keys: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors of these primary keys; keys that are not there are left out."""
        known = self._known(collection, keys)
        missing = [key for key in keys if key not in known]
        if missing:
            fetched = self._fetched(collection, missing)
            self._keep(collection, fetched)
            known |= fetched
        return {key: vector for key in keys if (vector := known[key]) is not None}

    def __len__(self) -> int:
        return len(self._vectors)

    def _known(self, collection: Collection, keys: Sequence[str]) -> dict[str, Floats | None]:
        with self._lock:
            if self._name != collection.name:
                self._name, self._vectors = collection.name, OrderedDict()
            found = {key: self._vectors[key] for key in keys if key in self._vectors}
            for key in found:
                self._vectors.move_to_end(key)
            return found

    def _keep(self, collection: Collection, fetched: dict[str, Floats | None]) -> None:
        with self._lock:
            # Another thread may have asked for another collection meanwhile.
            if self._name == collection.name:
                self._vectors.update(fetched)
                for _ in range(len(self._vectors) - MOST_VECTORS):
                    self._vectors.popitem(last=False)

    def _fetched(self, collection: Collection, keys: Sequence[str]) -> dict[str, Floats | None]:
        """Return the values of these keys, None for keys that are not there."""
        is_rank = self._field == "rank"
        kept = KeptVectors(f"{collection.name}_rank" if is_rank else collection.name)
        found = kept.get(keys, dim=1 if is_rank else collection.manifest.dim) if collection.is_lite else {}
        missing = [key for key in keys if key not in found]
        if missing:
            fetched = _ranks(collection, missing) if is_rank else collection.vectors(missing)
            asked = {key: fetched.get(key) for key in missing}
            if collection.is_lite:
                kept.put(asked.items())
            found |= asked
        return found


class KnownTexts(FetchedVectors):
    """The vectors of an encoder's texts: those of its vocabulary are fetched, and others are encoded where it takes any text."""

    def _fetched(self, collection: Collection, keys: Sequence[str]) -> dict[str, Floats | None]:
        found = super()._fetched(collection, keys)
        others = [key for key, vector in found.items() if vector is None]
        if not others or not collection.manifest.recipe.get("any_text"):
            return found
        # Only here: a search among stored texts needs no encoder.
        from milvise.embeddings.encoder import encode_texts
        from milvise.gallery.models import text_encoder

        encoder = text_encoder(collection.manifest)
        with stage("inference"):
            vectors = encode_texts(encoder, others)
        # A text that means nothing to the encoder gets zeros.
        return found | {key: vector for key, vector in zip(others, vectors, strict=True) if vector.any()}


def _ranks(collection: Collection, keys: Sequence[str]) -> dict[str, Floats]:
    return {
        key: np.asarray([row["rank"]], dtype=np.float32) for key, row in collection.get(keys, fields=["rank"]).items()
    }
