"""Words that the joint space alone answers find what a search in that space finds, on every Milvus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from trained_world import (
    BACKBONE,
    WORD_DIM,
    drop_trained_world,
    pictures,
    put,
    put_trained_world,
)

from milvise.adapter import Collection, Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import Hit
from milvise.embeddings.devise.learned_words import encode
from milvise.queries.database import Database
from milvise.queries.ranking.score import WordScore
from milvise.queries.search import Gallery

LEARNED = ("queen", "sofa", "dining table")
TIED = 3


@pytest.fixture(scope="module")
def gallery(store: Store) -> Iterator[Gallery]:
    """A gallery whose joint vectors have nothing to do with the visual ones, and are the same for three pictures each."""
    put_trained_world(store)
    words = store.live("words")
    assert words is not None
    fingerprint = {"visual": BACKBONE, "head": {"kind": "mlp"}, "words": dict(words.manifest.fingerprint)}
    recipe = {"joint_share": 1.0, "learned": encode(LEARNED)}
    rows = list(pictures())
    vectors = unit(np.random.default_rng(7).normal(size=(-(-len(rows) // TIED), WORD_DIM)))
    joint = ({**row, "vector": vectors[place // TIED]} for place, row in enumerate(rows))
    put(store, Manifest("t_joint", "joint", WORD_DIM, fingerprint, recipe=recipe), joint)
    yield Database(store).gallery("t")
    drop_trained_world(store)


def scores(hits: list[Hit]) -> list[tuple[str, float]]:
    return [(hit.id, pytest.approx(hit.similarity, abs=1e-5)) for hit in hits]


@pytest.mark.parametrize(
    "expression", ["queen", "Sofa", '"dining table"', "queen sofa", 'queen "dining table" sofa', "queen - sofa"]
)
@pytest.mark.parametrize("filter", ["", 'label in ["cat", "queen"]'])
def test_the_same_pictures_come_in_the_same_order_with_the_same_similarity(
    gallery: Gallery, expression: str, filter: str
) -> None:
    found = gallery.search(expression, limit=60, filter=filter, by="meaning")
    assert scores(found) == scores(gallery.search(expression, space="joint", limit=60, filter=filter, by="meaning"))
    for by in ("meaning", "both"):
        few, alone = (
            gallery.search(expression, space=space, limit=10, filter=filter, by=by) for space in (None, "joint")
        )
        assert [hit.similarity for hit in few] == pytest.approx([hit.similarity for hit in alone], abs=1e-5)


def test_feedback_moves_a_query_in_the_joint_space_alone(gallery: Gallery) -> None:
    liked, disliked = (hit.id for hit in gallery.search("queen", limit=2))
    judged = {"liked": [liked], "disliked": [disliked]}
    found, alone = (gallery.refine(words="queen", **judged, limit=10, space=space) for space in (None, "joint"))
    assert [hit.similarity for hit in found] == pytest.approx([hit.similarity for hit in alone], abs=1e-5)


def test_feedback_moves_a_query_in_the_visual_space_alone_where_no_part_is_the_joint_ones(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WordScore, "joint_share", 0.0)
    liked = gallery.search("cat", limit=1)[0].id
    found, alone = (gallery.refine(words="cat", liked=[liked], limit=10, space=space) for space in (None, "visual"))
    assert scores(found) == scores(alone)


def test_words_that_were_not_learned_are_searched_in_both_spaces_in_the_same_request(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = gallery.search_many(["queen", "cat", "sofa"], limit=60, by="meaning")
    for hits, word in zip(together, ("queen", "cat", "sofa"), strict=True):
        assert scores(hits) == scores(gallery.search(word, limit=60, by="meaning"))
    cats = gallery.search("cat", limit=10, by="meaning")
    assert {hit.label for hit in cats} == {"cat"}, "the classes know it"
    assert gallery.explain(cats[0].id, words="cat").shares.get("joint", 0.0) < 0.4
    searched: list[str] = []

    def spying(search: Callable[..., object]) -> Callable[..., object]:
        def spied(self: Collection, vectors: object, **options: object) -> object:
            # A search among what another one found is none of its own.
            if not options.get("filter"):
                searched.append(self.room.name)
            return search(self, vectors, **options)

        return spied

    for name in ("search", "search_keys"):
        monkeypatch.setattr(Collection, name, spying(getattr(Collection, name)))
    gallery.search("queen", limit=10, by="meaning")
    assert searched == ["joint"]
