"""Tags of a gallery whose classes stand in a hierarchy, and of one where they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from trained_world import BACKBONE, put

from milvise.adapter import Collection, Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import WordHit, record_id
from milvise.embeddings.devise.classes import Classes
from milvise.errors import FilterError, UsageError
from milvise.gallery.write_hierarchy import write_hierarchy
from milvise.queries.database import Database
from milvise.queries.evaluation_reads import read_gallery
from milvise.queries.gallery_collections import OpenCollections

CLASSES = ("poodle", "beagle", "tabby", "sports car", "violin", "banana")
WORDS = (
    "the",
    "animal",
    "dog",
    "dogs",
    "cat",
    "car",
    "tabby",
    "poodle",
    "poodles",
    "beagle",
    "violin",
    "banana",
    "sky",
)
DIM, WORD_DIM = len(CLASSES), 16
WORD_VECTORS = dict(
    zip(WORDS, np.abs(np.random.default_rng(7).normal(size=(len(WORDS), WORD_DIM))).astype(np.float32), strict=True)
)
SEEN = {"sure.jpg": (6, 0, 0, 0, 0, 0), "guess.jpg": (6, 5.8, 0, 0, 0, 0), "car.jpg": (0, 0, 0, 6, 0, 0)}
WORDS_MADE = {"words": "tagged", "count": len(WORDS)}


def put_gallery(store: Store, name: str, *, head: str) -> None:
    rows = [
        {
            "id": record_id(uri), "uri": uri, "label": "", "sha256": uri, "width": 1, "height": 1, "meta": {},
            "vector": np.asarray(seen, np.float32),
        }
        for uri, seen in SEEN.items()
    ]  # fmt: skip
    put(store, Manifest(f"{name}_visual", "visual", DIM, BACKBONE), rows)
    made = {"visual": BACKBONE, "words": WORDS_MADE, "head": {"kind": head}}
    among_words = unit(np.mean([unit(vector) for vector in WORD_VECTORS.values()], axis=0))
    joint = [{**row, "vector": unit(among_words + unit(WORD_VECTORS["poodles"]))} for row in rows]
    put(store, Manifest(f"{name}_joint", "joint", WORD_DIM, made), joint)


@pytest.fixture(scope="module")
def db(store: Store) -> Iterator[Database]:
    words = ({"word": word, "rank": rank, "vector": WORD_VECTORS[word]} for rank, word in enumerate(WORDS))
    put(store, Manifest("words", "words", WORD_DIM, WORDS_MADE), words)
    weights = np.eye(DIM, dtype=np.float32)
    classes = Classes(CLASSES, weights, np.zeros(DIM, np.float32))
    made = Manifest("classes_trained_world", "classes", DIM, {"visual": BACKBONE, "classifier": classes.content_hash()})
    put(store, made, ({"name": name, "index": i, "bias": 0.0, "vector": weights[i]} for i, name in enumerate(CLASSES)))
    put_gallery(store, "g", head="conse")
    put_gallery(store, "trained", head="residual")
    assert write_hierarchy(store, made, lambda: classes) == []
    yield Database(store)
    for alias in ("words", "classes_trained_world", "hierarchy_trained_world"):
        store.drop(alias)
    for name in ("g", "trained"):
        store.drop(f"{name}_visual")
        store.drop(f"{name}_joint")


@pytest.fixture
def without(db: Database) -> Iterator[Callable[[], Database]]:
    """Return the database as it is while no hierarchy stands."""
    with pytest.MonkeyPatch.context() as patched:

        def taken() -> Database:
            patched.setattr(OpenCollections, "hierarchy", None)
            return db

        yield taken


def words(hits: list[WordHit]) -> list[str]:
    return [hit.word for hit in hits]


def test_what_is_sure_comes_first_and_the_closest_words_after_it(db: Database) -> None:
    gallery = db.gallery("g")
    hits = gallery.tags("sure.jpg", limit=len(WORDS))
    assert words(hits)[:3] == ["poodle", "dog", "animal"]
    named, close = hits[:3], hits[3:]
    share = float(np.exp(6) / (np.exp(6) + 5))
    assert named[0].probability == pytest.approx(share, abs=1e-5)
    assert all(0.8 <= hit.probability <= 1.0 for hit in named if hit.probability is not None)
    assert all(hit.probability is None for hit in close)
    assert not {"dogs", "poodles"} & set(words(hits)), "the plural of a tag says nothing new"
    assert len(set(words(hits))) == len(hits)
    target = gallery.tags("sure.jpg", limit=1)[0]
    joint = db.store.live("g_joint")
    assert joint is not None
    vector = unit(joint.vectors([record_id("sure.jpg")])[record_id("sure.jpg")])
    assert target.similarity == pytest.approx(float(unit(WORD_VECTORS["poodle"]) @ vector), abs=1e-5)
    assert target.distance == pytest.approx((2 - 2 * target.similarity) ** 0.5, abs=1e-5)
    assert [hit.similarity for hit in close] == sorted((hit.similarity for hit in close), reverse=True)


def test_a_guess_between_breeds_is_a_dog(db: Database) -> None:
    hits = db.gallery("g").tags("guess.jpg", limit=4)
    assert words(hits) == ["dog", "animal", "poodle", "beagle"]
    assert hits[2].probability is not None
    assert hits[2].probability < 0.8


def test_a_limit_holds_and_is_filled(db: Database) -> None:
    for limit in (1, 2, 3, 5, 8):
        assert len(db.gallery("g").tags("sure.jpg", limit=limit)) == limit
    for wrong in (0, -1, 20_000):
        with pytest.raises(UsageError):
            db.gallery("g").tags("sure.jpg", limit=wrong)


def test_a_filter_holds_for_names_too(db: Database) -> None:
    gallery = db.gallery("g")
    assert words(gallery.tags("sure.jpg", filter='word != "dog"', limit=2)) == ["poodle", "animal"]
    assert words(gallery.tags("sure.jpg", filter='word == "sky"')) == ["sky"]
    few = gallery.tags("sure.jpg", among=3)
    assert words(few)[:3] == ["poodle", "dog", "animal"], "a name is sure however rare its word is"
    assert {hit.word for hit in few if hit.probability is None} <= {"the", "animal", "dog"}
    with pytest.raises(FilterError):
        gallery.tags("sure.jpg", filter="wrod == 1")


def test_a_trained_head_names_only_what_is_sure(db: Database) -> None:
    gallery = db.gallery("trained")
    assert [hit.word for hit in gallery.tags("guess.jpg") if hit.probability is not None] == ["dog", "animal"]


def test_tags_take_two_reads_and_one_search_more(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = db.gallery("g")
    gallery.tags("sure.jpg")
    calls: Counter[str] = Counter()

    def count(method: str) -> None:
        original = getattr(Collection, method)

        def counted(self: Collection, *args: Any, **kwargs: Any) -> Any:
            calls[method] += 1
            return original(self, *args, **kwargs)

        monkeypatch.setattr(Collection, method, counted)

    count("query")
    count("search")
    gallery.tags("guess.jpg")
    assert calls == {"query": 3, "search": 1}


def test_several_pictures_at_once_are_the_same(db: Database) -> None:
    gallery = db.gallery("g")
    alone = [gallery.tags(uri) for uri in SEEN]
    together = gallery.tags_of(list(SEEN))
    assert [words(hits) for hits in together] == [words(hits) for hits in alone]
    assert gallery.tags_of([]) == []
    with pytest.raises(UsageError, match="must be a list"):
        gallery.tags_of("sure.jpg")
    reading = read_gallery(db, "g")
    keys = [record_id(uri) for uri in SEEN]
    assert [words(hits) for _, hits in reading.tags(keys, limit=10)] == [words(hits) for hits in alone]


def test_without_a_hierarchy_all_are_the_closest_words(without: Callable[[], Database]) -> None:
    db = without()
    hits = db.gallery("g").tags("sure.jpg", limit=6)
    closest = dict(read_gallery(db, "g").closest_words([record_id("sure.jpg")], limit=6, among=20_000))
    assert hits == closest[record_id("sure.jpg")]
    assert words(hits)[0] == "poodles"
    assert all(hit.probability is None for hit in hits)
