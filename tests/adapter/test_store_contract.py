"""What every Milvus must do: one suite, run in memory, on Milvus Lite, on a server, and on the compose file."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from backends import EVERY

from milvise.adapter import Collection, IndexSpec, Manifest, Store, pages
from milvise.adapter.index_kinds import KINDS
from milvise.adapter.pages import KeyRange
from milvise.adapter.versions import version_of
from milvise.errors import (
    FilterError,
    MilviseError,
    NotFoundError,
    ReplacedError,
    UnsupportedError,
    UsageError,
    VectorError,
)

pytestmark = pytest.mark.milvus(*EVERY)

DIM = 16
ROWS = 300
NASTY = [
    "'s", '"', "\\", "c++", "it's", 'say "hi"', "C:\\new", "tab\there", "new\nline", "été", "日本", "😀", "%", "_",
    'x"] or word != "', "' or 1 == 1 or '", "-", "+", "^", "\\u0041", "word in []", "\x7f",
]  # fmt: skip


def vectors(count: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def picture(number: int, vector: np.ndarray) -> dict[str, object]:
    return {
        "id": f"{number:032x}",
        "uri": f"folder/{number}.jpg",
        "label": "even" if number % 2 == 0 else "it's odd",
        "sha256": f"{number:064x}",
        "width": number,
        "height": 2 * number,
        "meta": {"number": number, "näme": 'quo"ted'},
        "vector": vector,
    }


@pytest.fixture(scope="module")
def gallery(store: Store) -> Iterator[Collection]:
    manifest = Manifest("contract_visual", "visual", DIM, {"made": "for the contract"})
    collection = store.build(manifest)
    collection.upsert(picture(number, vector) for number, vector in enumerate(vectors(ROWS)))
    collection.settle()
    store.publish(collection)
    yield collection
    store.drop("contract_visual")


@pytest.fixture(scope="module")
def words(store: Store) -> Iterator[Collection]:
    collection = store.build(Manifest("contract_words", "words", DIM, {"made": "of odd words"}))
    rows = zip(NASTY, vectors(len(NASTY), seed=1), strict=True)
    collection.upsert({"word": word, "rank": rank, "vector": vector} for rank, (word, vector) in enumerate(rows))
    collection.settle()
    store.publish(collection)
    yield collection
    store.drop("contract_words")


def test_a_search_gives_the_closest_rows_with_their_cosines(gallery: Collection) -> None:
    stored = vectors(ROWS)
    query = vectors(1, seed=7)
    cosines = (stored @ query[0]) / np.linalg.norm(stored, axis=1) / np.linalg.norm(query)
    hits = gallery.search(query, limit=10, fields=["uri", "meta", "width"])[0]
    assert [row["width"] for row, _ in hits] == list(np.argsort(-cosines)[:10])
    np.testing.assert_allclose([score for _, score in hits], np.sort(cosines)[::-1][:10], atol=1e-5)
    row = hits[0][0]
    assert row["uri"] == f"folder/{row['width']}.jpg"
    assert row["meta"] == {"number": row["width"], "näme": 'quo"ted'}


def test_several_queries_are_answered_in_one_call_in_their_order(gallery: Collection) -> None:
    answers = gallery.search(vectors(ROWS)[[5, 250, 17]], limit=1, fields=["width"])
    assert [hits[0][0]["width"] for hits in answers] == [5, 250, 17]


def test_a_search_for_keys_alone_finds_what_one_for_rows_does(gallery: Collection) -> None:
    queries, odd = vectors(3, seed=9), 'label != "it\'s odd"'
    rows = gallery.search(queries, limit=8, fields=["width"], filter=odd)
    keys = gallery.search_keys(queries, limit=8, filter=odd)
    assert [list(found.items()) for found in keys] == [[(row["id"], cosine) for row, cosine in hits] for hits in rows]
    assert gallery.search_keys(queries[:1], limit=1, filter='uri == "none"') == [{}]


def test_a_filter_is_obeyed_and_vectors_come_only_when_asked_for(gallery: Collection) -> None:
    hits = gallery.search(
        vectors(1), limit=5, fields=["label"], filter='label == "it\'s odd" and meta["number"] < 100'
    )[0]
    assert {row["label"] for row, _ in hits} == {"it's odd"}
    assert all("vector" not in row for row, _ in hits)
    with_vector = gallery.search(vectors(1), limit=1, fields=["vector", "width"])[0][0][0]
    np.testing.assert_allclose(with_vector["vector"], vectors(ROWS)[with_vector["width"]], rtol=1e-6)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("width >= 10 and width < 13", {10, 11, 12}),
        ("width < 2 or (height > 595 and not (width == 299))", {0, 1, 298}),
        ("width in [3, 5, 9999]", {3, 5}),
        ("width not in [3, 5] and width <= 6", {0, 1, 2, 4, 6}),
        ('uri like "folder/29%" and width > 30', set(range(290, 300))),
        ('uri == "folder/12.jpg"', {12}),
        ('label != "even" and width < 4', {1, 3}),
        ('meta["number"] == 250', {250}),
        ('meta["number"] == 1 or meta["number"] > 298', {1, 299}),
        ('meta["näme"] == "quo\\"ted" and width == 8', {8}),
        ('meta["nothing"] == 1', set()),
        ("width > 5000", set()),
    ],
)
def test_filters_mean_the_same(gallery: Collection, filter: str, expected: set[int]) -> None:
    """What every Milvus reads; Milvus Lite has no ``%`` and no ``in`` for metadata, servers compare no sums of fields."""
    assert {row["width"] for row in gallery.query(filter, fields=["width"])} == expected
    assert gallery.count(filter) == len(expected)
    hits = gallery.search(vectors(1), limit=ROWS, fields=["width"], filter=filter)[0]
    assert {row["width"] for row, _ in hits} == expected


def test_a_query_gives_no_more_than_its_limit_and_the_key_unasked(gallery: Collection) -> None:
    found = gallery.query("width >= 0", fields=["label"], limit=7)
    assert len(found) == 7
    assert all({"id", "label"} <= set(row) for row in found)


def test_a_text_that_is_too_long_is_refused_and_nothing_is_written(gallery: Collection) -> None:
    row = {**picture(1, vectors(ROWS)[1]), "id": "f" * 32, "label": "x" * 5_000}
    with pytest.raises(MilviseError, match="label|length|max"):
        gallery.upsert([row])
    assert gallery.count() == ROWS


def test_metadata_comes_back_as_json_has_it(store: Store) -> None:
    collection = store.build(Manifest("contract_meta_visual", "visual", DIM, {"made": "of metadata"}))
    meta = {"tuple": (1, 2), "nested": {"list": [{"a": None}, True, 1.5]}, "text": "été 😀", "empty": {}}
    collection.upsert([{**picture(0, vectors(1)[0]), "meta": meta}])
    (found,) = collection.query("width >= 0", fields=["meta"], own_writes=True)
    assert found["meta"] == {**meta, "tuple": [1, 2]}
    store.discard(collection.manifest)


def test_what_is_gone_is_an_error_of_its_own(store: Store) -> None:
    collection = store.build(Manifest("contract_gone", "words", DIM, {"made": "to go"}))
    collection.upsert([{"word": "w", "rank": 0, "vector": vectors(1)[0]}])
    store.publish(collection)
    store.drop("contract_gone")
    assert not store.stands(collection.name)
    assert store.points_at("contract_gone") is None
    with pytest.raises(ReplacedError, match="was replaced or dropped"):
        collection.query('word == "w"', fields=["rank"])
    with pytest.raises(NotFoundError):
        store.describe(collection.name)


@pytest.mark.parametrize("expression", ["label = = 3", 'lable == "x"', "label =="])
def test_a_filter_that_cannot_be_read_is_named_as_such(gallery: Collection, expression: str) -> None:
    with pytest.raises(FilterError, match="cannot read the filter"):
        gallery.search(vectors(1), limit=1, fields=["id"], filter=expression)


@pytest.mark.parametrize("limit", [0, 20_000])
def test_a_limit_that_no_server_takes_is_refused(gallery: Collection, limit: int) -> None:
    with pytest.raises(UsageError, match="between 1 and 16384"):
        gallery.search(vectors(1), limit=limit, fields=["id"])


def test_odd_words_are_found_exactly_as_they_are(words: Collection) -> None:
    assert set(words.get(NASTY, fields=["rank"])) == set(NASTY)
    for rank, word in enumerate(NASTY):
        assert words.get([word], fields=["rank"]) == {word: {"word": word, "rank": rank}}


def test_a_crafted_word_deletes_nothing_but_itself(store: Store) -> None:
    collection = store.build(Manifest("contract_delete", "words", DIM, {"made": "to be deleted from"}))
    rows = zip(NASTY, vectors(len(NASTY)), strict=True)
    collection.upsert({"word": word, "rank": rank, "vector": vector} for rank, (word, vector) in enumerate(rows))
    crafted = 'x"] or word != "'
    collection.delete([crafted, "never there"])
    assert collection.count() == len(NASTY) - 1
    assert set(collection.get(NASTY, fields=["rank"], own_writes=True)) == set(NASTY) - {crafted}
    store.discard(collection.manifest)


def test_writing_a_row_again_replaces_it(store: Store, words: Collection) -> None:
    before = words.count()
    words.upsert([{"word": "c++", "rank": 99, "vector": vectors(1, seed=3)[0]}])
    assert words.count() == before
    assert words.get(["c++"], fields=["rank"], own_writes=True)["c++"]["rank"] == 99
    words.upsert(
        [{"word": "c++", "rank": NASTY.index("c++"), "vector": vectors(len(NASTY), seed=1)[NASTY.index("c++")]}]
    )


@pytest.mark.parametrize(
    ("vector", "problem"),
    [
        ([1.0] * (DIM - 1), "wrong shape"),
        ([1.0] * (DIM + 1), "wrong shape"),
        ([float("nan")] * DIM, "NaN or infinity"),
        ([float("inf")] + [0.0] * (DIM - 1), "NaN or infinity"),
        ([0.0] * DIM, "is zero"),
    ],
)
def test_vectors_that_harm_milvus_are_refused_before_they_are_sent(
    gallery: Collection, vector: list[float], problem: str
) -> None:
    with pytest.raises(VectorError, match=problem):
        gallery.upsert([picture(1, np.asarray(vector, dtype=np.float32))])
    with pytest.raises(VectorError, match=problem):
        gallery.search(np.asarray([vector], dtype=np.float32), limit=1, fields=["id"])
    assert gallery.count() == ROWS


def test_a_scan_gives_every_row_once(gallery: Collection) -> None:
    rows = list(gallery.scan(["id", "vector"]))
    assert [row["id"] for row in rows] == [f"{number:032x}" for number in range(ROWS)]
    assert all(len(row["vector"]) == DIM for row in rows)
    assert sum(1 for _ in gallery.scan(["id"], filter="width < 10")) == 10


def test_a_scan_goes_on_behind_a_key_and_ends_with_another_one(gallery: Collection) -> None:
    keys = KeyRange(after=f"{9:032x}", until=f"{19:032x}")
    assert [row["width"] for row in gallery.scan(["width"], keys=keys)] == list(range(10, 20))
    assert [row["width"] for row in gallery.scan(["width"], filter="width > 12 or width == 1", keys=keys)] == list(
        range(13, 20)
    )


@pytest.mark.parametrize("rows", [1, 7])
def test_pages_of_a_scan_miss_no_odd_key(words: Collection, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_FIRST_ROWS", rows)
    monkeypatch.setattr(pages, "MOST_ROWS", rows)
    assert [row["word"] for row in words.scan(["rank"])] == sorted(NASTY, key=str.encode)


@pytest.mark.parametrize(
    "kind",
    [
        "flat",
        "hnsw:M=8,efConstruction=64",
        "ivf_flat:nlist=8,nprobe=8",
        "ivf_sq8:nlist=4,nprobe=4",
        "hnsw_sq8:M=8,efConstruction=64",
        "ivf_pq:nlist=4,m=8,nbits=8,nprobe=4",
        "scann:nlist=4,nprobe=4,reorder_k=200",
    ],
)
def test_every_index_finds_what_an_exact_search_finds(store: Store, gallery: Collection, kind: str) -> None:
    if store.connection.is_lite and kind.startswith(("ivf_pq", "scann")):
        pytest.skip("Milvus Lite does not have this index")
    if (
        not store.connection.is_lite
        and (version_of(store.connection.version) or (2, 3)) < KINDS[kind.partition(":")[0]].since
    ):
        pytest.skip("a server of this version does not have this index")
    finished = store.finish(gallery, IndexSpec.parse(kind))
    assert finished.manifest.index.startswith(kind)
    stored = vectors(ROWS)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    found = []
    for query in vectors(20, seed=11):
        exact = set(np.argsort(-(stored @ query))[:10])
        hits = finished.search(query[np.newaxis], limit=10, fields=["width"])[0]
        found.append(len(exact & {row["width"] for row, _ in hits}) / 10)
    assert np.mean(found) >= (0.85 if "sq8" in kind else 0.95)
    live = store.live("contract_visual")
    assert live is not None
    assert live.manifest.index == finished.manifest.index


def test_more_hits_than_the_beam_is_wide_are_all_there(store: Store, gallery: Collection) -> None:
    current = store.live("contract_visual")
    assert current is not None
    finished = store.finish(current, IndexSpec.parse("hnsw:ef=16"))
    assert len(finished.search(vectors(1), limit=200, fields=["id"])[0]) == 200


@pytest.mark.parametrize("kind", ["flat", "ivf_flat:nlist=32,nprobe=1", "hnsw:M=8,efConstruction=64,ef=16"])
def test_cosines_of_some_rows_are_told_whatever_the_index_leaves_out(
    store: Store, gallery: Collection, kind: str
) -> None:
    finished = store.finish(gallery, IndexSpec.parse(kind))
    queries, stored = vectors(6, seed=13), vectors(ROWS)
    every = stored @ queries.T / np.linalg.norm(stored, axis=1)[:, None] / np.linalg.norm(queries, axis=1)
    # The furthest are in clusters that are not probed. One query asks for none, and each of the others for rows of its own.
    numbers = [[*np.argsort(own)[:20].tolist(), *np.argsort(-own)[:20].tolist()] for own in every.T]
    numbers[2] = []
    keys = [[f"{number:032x}" for number in own] for own in numbers]
    for fields in ([], ["width"]):
        found = finished.cosines(list(queries), [[*own, "none", own[0]] if own else [] for own in keys], fields=fields)
        assert [near.keys() for near in found] == [set(own) for own in keys]
        for near, own, places, cosines in zip(found, keys, numbers, every.T, strict=True):
            assert [near[key][1] for key in own] == pytest.approx(cosines[places].tolist(), abs=1e-5)
            assert [near[key][0] for key in own] == [
                {"id": key} | ({"width": place} if fields else {}) for key, place in zip(own, places, strict=True)
            ]
        (one,) = finished.cosines(queries[:1], [[*keys[0], "none", keys[0][0]]], fields=fields)
        assert {key: row for key, (row, _) in one.items()} == {key: row for key, (row, _) in found[0].items()}
        assert [one[key][1] for key in keys[0]] == pytest.approx([found[0][key][1] for key in keys[0]], abs=1e-6)
    assert finished.cosines([], []) == []
    assert finished.cosines(queries[:1], [[]]) == [{}]


def test_what_is_settled_is_seen_by_another_client(another_store: Store, gallery: Collection) -> None:
    gallery.upsert([picture(1, vectors(ROWS)[1])])
    gallery.settle()
    seen = another_store.live("contract_visual")
    assert seen is not None
    assert len(seen.query("width >= 0", fields=["id"])) == ROWS


def test_publishing_moves_the_alias_and_drops_what_it_pointed_at(store: Store) -> None:
    first = Manifest("contract_moving", "words", DIM, {"version": 1})
    for manifest in (first, first.changed(fingerprint={"version": 2}, sources=("there",))):
        collection = store.build(manifest)
        collection.upsert([{"word": "w", "rank": manifest.fingerprint["version"], "vector": vectors(1)[0]}])
        collection.settle()
        store.publish(collection)
        live = store.live("contract_moving")
        assert live is not None
        assert dict(live.manifest.fingerprint) == dict(manifest.fingerprint)
        assert live.manifest.sources == manifest.sources
        assert live.query('word == "w"', fields=["rank"])[0]["rank"] == manifest.fingerprint["version"]
    assert store.find(first) is None
    assert [found.alias for found in store.manifests()].count("contract_moving") == 1
    assert store.drop("contract_moving")
    assert store.live("contract_moving") is None
    assert not store.drop("contract_moving")


def test_a_collection_that_is_not_loaded_is_loaded_on_first_use(store: Store, gallery: Collection) -> None:
    client = store.connection.client
    client.release_collection(gallery.name)
    assert len(gallery.search(vectors(1), limit=3, fields=["id"])[0]) == 3


def test_indexes_that_milvus_lite_lacks_are_refused_before_any_work(store: Store) -> None:
    for kind in ("ivf_pq", "scann", "diskann"):
        if store.connection.is_lite:
            with pytest.raises(UnsupportedError, match=f"does not have the index {kind}"):
                store.indexes.require(IndexSpec(kind))
        elif kind != "diskann":
            store.indexes.require(IndexSpec(kind))


def test_the_catalog_is_plain_json(store: Store, gallery: Collection) -> None:
    (row,) = store.connection.client.query(
        "milvise_catalog", filter=f"name == {json.dumps(gallery.name)}", output_fields=["manifest"]
    )
    assert row["manifest"]["alias"] == "contract_visual"
    assert row["manifest"]["fingerprint"] == {"made": "for the contract"}


def test_rows_of_4096_dimensions_are_cut_into_messages_that_the_server_takes(store: Store) -> None:
    if store.connection.is_lite:
        pytest.skip("Milvus Lite takes messages of 256 MiB, which these rows do not reach")
    manifest = Manifest("contract_wide", "words", 4096, {"made": "wide"})
    collection = store.build(manifest)
    wide = vectors(4_200, 4096)
    assert wide.nbytes > 64 * 2**20
    written = collection.upsert({"word": str(rank), "rank": rank, "vector": row} for rank, row in enumerate(wide))
    assert written == collection.count() == 4_200
    store.discard(manifest)
