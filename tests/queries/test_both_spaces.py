"""A word that counts in both spaces asks a server for both at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from trained_world import BACKBONE, WORD_DIM, drop_trained_world, pictures, put, put_trained_world

from milvise.adapter import Collection, Manifest, Store
from milvise.core.arrays import unit
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.learned_words import encode
from milvise.queries.database import Database
from milvise.queries.search import Gallery


@pytest.fixture(scope="module")
def gallery(store: Store) -> Iterator[Gallery]:
    """A gallery in which the joint cosine counts half for the word queen."""
    put_trained_world(store)
    words = store.live("words")
    assert words is not None
    fingerprint = {"visual": BACKBONE, "head": {"kind": "mlp"}, "words": dict(words.manifest.fingerprint)}
    recipe = {"joint_share": 0.5, "learned": encode(("queen",))}
    rows = list(pictures())
    vectors = unit(np.random.default_rng(7).normal(size=(len(rows), WORD_DIM)))
    joint = ({**row, "vector": vector} for row, vector in zip(rows, vectors, strict=True))
    put(store, Manifest("t_joint", "joint", WORD_DIM, fingerprint, recipe=recipe), joint)
    yield Database(store).gallery("t")
    drop_trained_world(store)


def meeting(monkeypatch: pytest.MonkeyPatch, method: str) -> list[str]:
    """Have the first call of a method in each space wait for that in the other one; return the spaces that met."""
    call, both, met = getattr(Collection, method), threading.Barrier(2, timeout=20), []

    def waiting(collection: Collection, *args: Any, **kwargs: Any) -> Any:
        if (room := collection.manifest.room) in (VISUAL, JOINT) and room not in met:
            met.append(room)
            both.wait()
        return call(collection, *args, **kwargs)

    monkeypatch.setattr(Collection, method, waiting)
    return met


@pytest.mark.parametrize("method", ["_found", "cosines"])
def test_searches_of_both_spaces_do_not_wait_for_each_other(
    gallery: Gallery, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.queries.ranking.search.CANDIDATES", 20)
    expected = gallery.search("queen", limit=10, by="meaning")
    met = meeting(monkeypatch, method)
    assert gallery.search("queen", limit=10, by="meaning") == expected
    assert sorted(met) == [JOINT, VISUAL]
