"""Pictures that are found by their text, on every Milvus, equal to a look at every picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import REAL
from doors import Door
from small_world import CLASSES

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import Hit, distance, record_id
from milvise.errors import FilterError, UnknownWordError, UsageError
from milvise.queries.database import Database
from milvise.queries.search import Gallery
from milvise.queries.text import read as texts
from milvise.queries.text.filter import text_filter
from milvise.queries.text.held_words import matched
from milvise.queries.text.words import phrases
from milvise.queries.vocabulary.expression import parse
from milvise.queries.whole.pictures import read_whole
from milvise.queries.whole.reader import GalleryReader

pytestmark = pytest.mark.milvus(*REAL)

WORDS = ("dog", "cat", "dining", "table", "light", "traffic", "black", "sofa")
DIM, VISUAL_DIM = 8, 12
BACKBONE, MADE_WITH = {"backbone": "text_world", "weights": "none"}, {"words": "text world"}

NAMED: list[tuple[str, str, dict[str, Any]]] = [
    ("a/IMG_dog-12.jpg", "", {}),
    ("a/BlackDog.jpg", "", {}),
    ("a/hotdog.jpg", "", {}),
    ("a/2.jpg", "German_shepherd_dog", {}),
    ("a/3.jpg", "dogs", {}),
    ("DOGS/4.jpg", "", {}),
    ("a/5.jpg", 'a "dog" \\ 100%', {}),
    ("a/6.jpg", "vacation", {}),
    ("a/7.jpg", "traffic light", {}),
    ("traffic_lights/8.jpg", "", {}),
    ("a/Traffic-Light.jpg", "", {}),
    ("a/TrafficLight9.jpg", "", {}),
    ("a/10.jpg", "black cat", {}),
    ("dog_1.jpg", "", {}),
    ("a/11.jpg", "cat", {}),
]
CAPTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("b/1.jpg", "", {"caption": "A dog in the snow", "number": 3}),
    ("b/2.jpg", "", {"caption": "vacation", "tags": ["black", "Dogs"]}),
    ("b/3.jpg", "", {'an "odd" name': "dog"}),
    ("b/4.jpg", "sofa", {"caption": "cat"}),
]


def rows(named: Sequence[tuple[str, str, dict[str, Any]]], count: int) -> list[dict[str, Any]]:
    filled = [*named, *((f"c/{number}.jpg", f"label {number % 7}", {}) for number in range(count - len(named)))]
    return [
        {
            "id": record_id(uri), "uri": uri, "label": label, "sha256": str(number), "width": number, "height": 1,
            "meta": meta,
        }
        for number, (uri, label, meta) in enumerate(filled)
    ]  # fmt: skip


GALLERIES = {"small": rows([*NAMED, *CAPTIONS], 60), "named": rows(NAMED, 260), "told": rows([*NAMED, *CAPTIONS], 260)}
"""One that is read at once, and larger ones without and with metadata."""


def random(count: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


VECTORS = dict(zip(WORDS, unit(random(len(WORDS), DIM, 3)), strict=True))
SEEN = {name: (unit(random(len(made), DIM, 1)), random(len(made), VISUAL_DIM, 2)) for name, made in GALLERIES.items()}
WEIGHTS = random(len(CLASSES), VISUAL_DIM, 4)


@pytest.fixture(scope="module")
def store_with_text(store: Store) -> Iterator[Store]:
    def put(manifest: Manifest, made: Sequence[dict[str, Any]], vectors: np.ndarray, index: str) -> None:
        collection = store.build(manifest)
        collection.upsert({**row, "vector": vector} for row, vector in zip(made, vectors, strict=True))
        store.publish(store.finish(collection, IndexSpec.parse(index)))

    words = [{"word": word, "rank": rank} for rank, word in enumerate(WORDS)]
    put(Manifest("words", "words", DIM, MADE_WITH), words, np.stack([VECTORS[word] for word in WORDS]), "flat")
    classes = [{"name": name, "index": index, "bias": 0.5} for index, name in enumerate(CLASSES)]
    made_by = {"visual": BACKBONE, "classifier": "none"}
    put(Manifest("classes_text_world", "classes", VISUAL_DIM, made_by), classes, WEIGHTS, "flat")
    for name, made in GALLERIES.items():
        joint, visual = SEEN[name]
        put(Manifest(f"{name}_visual", "visual", VISUAL_DIM, BACKBONE), made, visual, "hnsw")
        both = {"visual": BACKBONE, "words": MADE_WITH}
        put(Manifest(f"{name}_joint", "joint", DIM, both), made, joint, "flat")
    yield store
    for alias in (
        "words",
        "classes_text_world",
        *(f"{name}_{space}" for name in GALLERIES for space in ("visual", "joint")),
    ):
        store.drop(alias)


@pytest.fixture(scope="module")
def db(store_with_text: Store, door: Door) -> Database:
    return door(Database(store_with_text))


@pytest.fixture(scope="module", params=GALLERIES)
def gallery(request: pytest.FixtureRequest, db: Database) -> Gallery:
    return db.gallery(request.param)


def expected(
    gallery: Gallery, meaning: Callable[[], list[Hit]], expression: str, *, only_text: bool
) -> dict[str, float]:
    """Return the similarity of every picture, moved by its text, from searches by meaning alone."""
    wanted = phrases(parse(expression))
    made = {row["id"]: row for row in GALLERIES[gallery.name]}
    plain = {hit.id: hit.similarity for hit in meaning()}
    found = {key: matched(wanted, made[key]) for key in plain}
    assert len(found) == len(made)
    return {key: text.moved(plain[key]) for key, text in found.items() if text.share or not only_text}


@pytest.mark.parametrize("expression", ["dog", "cat", '"traffic light"', "black dog", "dog - black", "sofa"])
@pytest.mark.parametrize("by", ["both", "text"])
@pytest.mark.parametrize("space", ["fused", "joint"])
def test_hits_are_those_of_a_look_at_every_picture(gallery: Gallery, expression: str, by: str, space: str) -> None:
    def meaning() -> list[Hit]:
        return gallery.search(expression, by="meaning", space=space, limit=len(GALLERIES[gallery.name]))

    all_of_them = expected(gallery, meaning, expression, only_text=by == "text")
    for limit in (3, 10, 25):
        hits = gallery.search(expression, by=by, space=space, limit=limit)
        best = sorted(all_of_them.values(), reverse=True)[:limit]
        np.testing.assert_allclose([hit.similarity for hit in hits], best, atol=1e-5)
        np.testing.assert_allclose([all_of_them[hit.id] for hit in hits], best, atol=1e-5)
        assert all(hit.distance == distance(hit.similarity) for hit in hits)
        texts_of_hits = [hit for hit in hits if set(hit.reasons) - {"meaning"}]
        assert by == "both" or texts_of_hits == hits


@pytest.mark.parametrize("name", ["named", "told"])
def test_an_index_of_the_words_finds_the_same(
    store_with_text: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(GalleryReader, "known", lambda self, visual, searches: read_whole(visual))
    gallery = Database(store_with_text).gallery(name)
    for expression in ("dog", '"traffic light"', "black dog", "dog - black"):
        meaning = partial(gallery.search, expression, by="meaning", space="joint", limit=len(GALLERIES[name]))
        for by in ("both", "text"):
            all_of_them = expected(gallery, meaning, expression, only_text=by == "text")
            hits = gallery.search(expression, by=by, space="joint", limit=10)
            best = sorted(all_of_them.values(), reverse=True)[:10]
            assert [hit.similarity for hit in hits] == pytest.approx(best, abs=1e-5)
            together = gallery.search_many([expression, "cat"], by=by, space="joint", limit=10)[0]
            assert [hit.id for hit in together] == [hit.id for hit in hits]


def test_text_finds_what_it_names_and_nothing_else(gallery: Gallery) -> None:
    found = {hit.uri: hit.reasons for hit in gallery.search("dog", by="text", limit=50)}
    wanted = {
        "a/IMG_dog-12.jpg": ("file name",), "a/BlackDog.jpg": ("file name",), "a/2.jpg": ("label",), "a/3.jpg": ("label",),
        "DOGS/4.jpg": ("folder",), "a/5.jpg": ("label",), "dog_1.jpg": ("file name",),
    }  # fmt: skip
    if gallery.name != "named":
        wanted |= {"b/1.jpg": ("meta.caption",), "b/2.jpg": ("meta.tags",), "b/3.jpg": ('meta.an "odd" name',)}
    assert found == wanted
    assert gallery.search('"dining table"', by="text") == []


def test_meaning_alone_is_what_it_was(gallery: Gallery) -> None:
    joint = SEEN[gallery.name][0]
    scores = joint @ VECTORS["dog"]
    hits = gallery.search("dog", space="joint", by="meaning", limit=10)
    np.testing.assert_allclose([hit.similarity for hit in hits], np.sort(scores)[::-1][:10], atol=1e-5)
    assert {hit.reasons for hit in hits} == {("meaning",)}


def test_a_filter_of_the_users_holds_for_both(gallery: Gallery) -> None:
    hits = gallery.search("dog", by="text", filter='label == "dogs"', limit=10)
    assert [hit.uri for hit in hits] == ["a/3.jpg"]
    assert {hit.label for hit in gallery.search("dog", filter='label in ["dogs", "cat"]')} == {"dogs", "cat"}
    for word in ("dog", '"dining table"'):
        with pytest.raises(FilterError):
            gallery.search(word, by="text", filter='lable == "dogs"')


def test_several_expressions_are_answered_as_each_alone(gallery: Gallery) -> None:
    expressions = ["dog", "sofa", "black dog", "table"]
    for by in ("both", "text", "meaning"):
        together = gallery.search_many(expressions, by=by, limit=6)
        for expression, found in zip(expressions, together, strict=True):
            alone = gallery.search(expression, by=by, limit=6)
            assert [hit.id for hit in found] == [hit.id for hit in alone]
            assert [hit.reasons for hit in found] == [hit.reasons for hit in alone]


def test_a_word_without_meaning_finds_the_pictures_whose_text_holds_it(gallery: Gallery) -> None:
    for by in ("both", "text"):
        (vacation,) = {hit.uri for hit in gallery.search("vacation", by=by, filter='label != ""')} - {"b/2.jpg"}
        assert vacation == "a/6.jpg"
    (found,) = gallery.search("shepherd")
    assert (found.uri, found.similarity, found.confidence) == ("a/2.jpg", 0.5, None)
    assert found.reasons == ("label",)
    assert gallery.search('"german shepherd"') == [found]


def test_a_word_without_meaning_counts_beside_one_that_has_some(gallery: Gallery) -> None:
    meant = {hit.uri: hit.similarity for hit in gallery.search("dog", by="meaning", limit=300)}
    found = {hit.uri: hit.similarity for hit in gallery.search("dog shepherd", by="text", limit=300)}
    for uri, share in (("a/2.jpg", 1), ("a/3.jpg", 1 / 2)):
        assert found[uri] == pytest.approx(meant[uri] + share / 2 * (1 - meant[uri]), abs=1e-5)
    several = gallery.search_many(["shepherd", "cat", "dog shepherd"], limit=20)
    assert several == [gallery.search(one, limit=20) for one in ("shepherd", "cat", "dog shepherd")]


def test_a_word_that_is_nowhere_is_an_error_but_where_texts_alone_are_asked(gallery: Gallery) -> None:
    for expression in ("xqzzv", "dog xqzzv", "dog -xqzzv", '"xqzzv"'):
        with pytest.raises(UnknownWordError, match="xqzzv"):
            gallery.search(expression)
    assert gallery.search("xqzzv", by="text") == []
    for refused in ({"by": "meaning"}, {"min_confidence": 0.5}):
        with pytest.raises(UnknownWordError, match="shepherd"):
            gallery.search("shepherd", **refused)


def test_unknown_ways_are_refused(gallery: Gallery) -> None:
    for search in (gallery.search, lambda word, by: gallery.search_many([word], by=by)):
        with pytest.raises(UsageError, match="Expected: meaning, text, both\nReceived: name"):
            search("dog", by="name")
    with pytest.raises(UsageError):
        gallery.search("dog", by="text", limit=0)


def test_where_no_text_holds_the_word_nothing_more_is_asked(
    store_with_text: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Database(store_with_text).gallery("small")
    gallery.search("dog table", space="visual")
    calls: list[str] = []
    call = store_with_text.connection.call

    def counting(method: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(method.__name__)
        return call(method, *args, **kwargs)

    monkeypatch.setattr(store_with_text.connection, "call", counting)
    assert gallery.search("table", space="visual")
    assert [name for name in calls if name in ("search", "query")] == ["search"]
    calls.clear()
    gallery.search("dog", space="visual", limit=2)
    assert sorted(name for name in calls if name in ("search", "query")) in (["search", "search"], ["search"])


def test_a_server_is_asked_for_meaning_and_text_at_once(
    store_with_text: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "_MOST_CHARS", 220 * 60)
    gallery = Database(store_with_text).gallery("named")
    gallery.search("dog table", space="visual")
    calls: list[str] = []
    call = store_with_text.connection.call

    def counting(method: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(method.__name__)
        return call(method, *args, **kwargs)

    monkeypatch.setattr(store_with_text.connection, "call", counting)
    is_lite = store_with_text.connection.is_lite
    for word, found in (("dog", True), ("table", False)):
        calls.clear()
        hits = gallery.search(word, space="visual")
        assert any(set(hit.reasons) - {"meaning"} for hit in hits) == found
        asked = [name for name in calls if name in ("search", "query")]
        expected = ["query", "search"] + ["search"] * found if is_lite else ["search", "search"]
        assert sorted(asked) == expected


def test_labels_are_known_where_not_all_texts_are(store_with_text: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that knows prefixes alone finds a word inside a label that was read."""
    monkeypatch.setattr(texts, "_MOST_CHARS", 220 * 130)
    gallery = Database(store_with_text).gallery("told")
    found = {hit.uri for hit in gallery.search("dog", by="text", limit=50)}
    assert {"a/2.jpg", "a/3.jpg", "a/5.jpg", "dog_1.jpg"} <= found
    assert not found & {"a/hotdog.jpg", "a/6.jpg"}


@pytest.mark.parametrize("expression", ["dog", '"traffic light"', "black dog", '"100" %', "' \" \\ dog", "café"])
def test_the_filter_finds_every_picture_that_matches(store_with_text: Store, expression: str) -> None:
    gallery = store_with_text.live("told_visual")
    assert gallery is not None
    terms = parse(expression.replace("' \" \\", "it's"))
    columns = ["label", "uri", "meta.caption", 'meta.an "odd" name']
    found = gallery.query(
        text_filter(terms, columns=columns, infix=gallery.looks_inside), fields=["id", "uri", "label"]
    )
    wanted = phrases(terms)
    matching = {row["id"] for row in GALLERIES["told"] if row["uri"] != "b/2.jpg" and matched(wanted, row).share}
    if gallery.looks_inside:
        assert matching <= {row["id"] for row in found}
    else:
        starts = {
            row["id"] for row in GALLERIES["told"] if row["label"].startswith("dogs") or row["uri"].startswith("dog")
        }
        assert expression != "dog" or starts <= {row["id"] for row in found} <= matching | starts
    assert len(found) < len(GALLERIES["told"]) / 4, "only those that may match"


def test_nothing_in_a_word_is_a_wildcard_or_ends_the_text() -> None:
    for odd in ('"%"', '"__"', '"\\"', '"\\\\"', "the", "x"):
        expression = odd if odd != '"\\"' else '"\\""'
        assert text_filter(parse(expression), columns=["label"], infix=True) == ""
    made = text_filter(parse('"100%_sure \\" or 1==1"'), columns=["label"], infix=True)
    quoted = made.split('"')[1::2]
    assert quoted
    assert all(set(part) <= set("%_100sureorSUREO1") for part in quoted)


def test_an_expression_of_many_words_makes_a_filter_that_milvus_reads(store_with_text: Store) -> None:
    gallery = store_with_text.live("named_visual")
    assert gallery is not None
    terms = parse(" ".join(f'"word{number} other{number} third{number}"' for number in range(255)) + " dog^9")
    expression = text_filter(terms, columns=["label", "uri"], infix=gallery.looks_inside)
    found = gallery.query(expression, fields=["uri"])
    assert any(row["uri"] == "dog_1.jpg" for row in found)


def test_texts_are_kept_for_the_next_process_until_pictures_are_added(
    own_store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))
    made = GALLERIES["small"]
    collection = own_store.build(Manifest("kept_visual", "visual", VISUAL_DIM, BACKBONE, stamp="../1"))
    collection.upsert({**row, "vector": vector} for row, vector in zip(made, SEEN["small"][1], strict=True))
    own_store.publish(own_store.finish(collection, IndexSpec("flat")))
    visual = own_store.live("kept_visual")
    assert visual is not None
    before = texts.load_texts(visual)
    assert len(before.rows) == len(made)
    (path,) = (tmp_path / "cache/texts").iterdir()
    with monkeypatch.context() as without:
        without.setattr(visual, "query", lambda *args, **kwargs: pytest.fail("Milvus was asked"))
        assert texts.load_texts(visual) == before
    for damaged in (
        "{",
        "[]",
        '{"columns": [], "rows": [[1]], "is_whole": true}',
        '{"columns": [1], "rows": [["", "", "", 5]]}',
    ):
        path.write_text(damaged)
        assert texts.load_texts(visual) == before
    new = made[0] | {"id": record_id("x/dog.jpg"), "uri": "x/dog.jpg", "vector": SEEN["small"][1][0]}
    visual.upsert([new])
    visual.settle()
    visual.manifest = visual.manifest.changed(stamp="2")
    assert len(texts.load_texts(visual).rows) == len(made) + 1
    assert [one.name for one in (tmp_path / "cache/texts").iterdir()] != [path.name]
    assert len(list((tmp_path / "cache/texts").iterdir())) == 1
    for stamp in ("", "open:3"):
        visual.manifest = visual.manifest.changed(stamp=stamp)
        assert len(texts.load_texts(visual).rows) == len(made) + 1
        assert len(list((tmp_path / "cache/texts").iterdir())) == 1
