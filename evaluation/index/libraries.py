"""The same vectors in index libraries that run in this process: Annoy, hnswlib and faiss, those that are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from milvise.core.arrays import Floats

MOST_BYTES = 256 * 2**20
"""What copies of the vectors may take, in these libraries or in Milvus Lite."""

TREES = 50


@dataclass(frozen=True, slots=True)
class Library:
    """One index in memory.

    Attributes
    ----------
    name : str
        Library and parameters.
    search : callable
        From a query vector of shape (dim,) and k to the places of the closest vectors.
    """

    name: str
    search: Callable[[Floats, int], list[int]]


def installed() -> list[str]:
    """Return the names of the libraries that are there."""
    return [name for name in _BUILDERS if importlib.util.find_spec(name) is not None]


def build(name: str, vectors: Floats) -> Library:
    """Return an installed library with these unit vectors, shape (n, dim), at usual settings, one thread."""
    return _BUILDERS[name](vectors)


def _faiss(vectors: Floats) -> Library:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 200, 64
    index.add(vectors)
    return Library("faiss HNSW M=16, ef=64", lambda query, k: index.search(query[np.newaxis], k)[1][0].tolist())


def _hnswlib(vectors: Floats) -> Library:
    import hnswlib

    index = hnswlib.Index(space="cosine", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=16, ef_construction=200, random_seed=0)
    index.set_num_threads(1)
    index.add_items(vectors)
    index.set_ef(64)
    return Library("hnswlib M=16, ef=64", lambda query, k: index.knn_query(query[np.newaxis], k)[0][0].tolist())


def _annoy(vectors: Floats) -> Library:
    from annoy import AnnoyIndex

    index = AnnoyIndex(vectors.shape[1], "angular")
    index.set_seed(0)
    for place, vector in enumerate(vectors):
        index.add_item(place, vector)
    index.build(TREES, n_jobs=1)
    return Library(f"Annoy {TREES} trees", lambda query, k: list(index.get_nns_by_vector(query, k)))


_BUILDERS: dict[str, Callable[[Floats], Library]] = {"faiss": _faiss, "hnswlib": _hnswlib, "annoy": _annoy}
