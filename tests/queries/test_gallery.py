"""Every request on every Milvus, equal to a brute-force reference in numpy."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import REAL
from doors import Door
from PIL import Image
from reference_world import (
    BACKBONE,
    JOINT,
    PICTURES,
    VECTOR,
    VISUAL,
    VISUAL_DIM,
    WEIGHTS,
    WORD_DIM,
    WORD_VECTORS,
    WORDS,
    WORDS_FINGERPRINT,
    closest,
    numbers,
    picture,
    reference_gallery,
)
from small_world import CLASSES, paint, put_words

from milvise.adapter import Manifest, Store
from milvise.core.arrays import unit
from milvise.core.records import distance, record_id
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.encoder import Devise
from milvise.errors import (
    ExpressionError,
    FilterError,
    FingerprintError,
    ImageError,
    NotFoundError,
    UnknownClassError,
    UnknownWordError,
    UsageError,
)
from milvise.gallery import live
from milvise.ingest.summary import Summary
from milvise.operations.database import Database
from milvise.queries.focus.weights import focused_similarity

pytestmark = pytest.mark.milvus(*REAL)


@pytest.fixture(scope="module")
def db(store: Store, door: Door) -> Iterator[Database]:
    for db in reference_gallery(store):
        yield door(db)


@pytest.mark.parametrize(
    ("expression", "vector"),
    [
        ("dog", VECTOR["dog"]),
        ("cat sofa", VECTOR["cat"] + VECTOR["sofa"]),
        ("king - man + woman", VECTOR["king"] - VECTOR["man"] + VECTOR["woman"]),
        ("cat^2 sofa", 2 * VECTOR["cat"] + VECTOR["sofa"]),
        ('"dining table" dog', unit(VECTOR["dining"] + 2 * VECTOR["table"]) + VECTOR["dog"]),
        ("c++ 's", VECTOR["c++"] + VECTOR["'s"]),
        ('"\\"" - \\', VECTOR['"'] - VECTOR["\\"]),
        ("Dog", VECTOR["dog"]),
    ],
)
def test_words_find_the_pictures_closest_to_their_mean(db: Database, expression: str, vector: np.ndarray) -> None:
    hits = db.gallery("r").search(expression, space="joint", limit=10)
    assert numbers(hits) == closest(JOINT, vector, 10)
    assert hits[0].similarity == pytest.approx(float(JOINT[numbers(hits)[0]] @ unit(vector)), abs=1e-5)
    assert hits[0].distance == pytest.approx(distance(hits[0].similarity))


def test_a_filter_narrows_every_request(db: Database) -> None:
    gallery, odd = db.gallery("r"), np.arange(PICTURES) % 2 == 1
    expression = 'label == "odd" and width < 1000 and meta["number"] != 3 and uri like "folder/%"'
    keep = odd & (np.arange(PICTURES) < 1000) & (np.arange(PICTURES) != 3)
    assert numbers(gallery.search("dog", space="joint", limit=5, filter=expression)) == closest(
        JOINT, VECTOR["dog"], 5, keep
    )
    found = numbers(gallery.similar("folder/0.jpg", limit=5, filter=expression))
    assert found == closest(VISUAL, VISUAL[0], 5, keep)
    focused = gallery.similar("folder/0.jpg", focus="cat", limit=5, filter=expression)
    assert all(keep[number] for number in numbers(focused))
    with pytest.raises(FilterError):
        gallery.search("dog", filter='lable == "odd"')


def test_a_filter_that_few_pictures_fit_still_fills_the_answer(store: Store, db: Database) -> None:
    keep = np.arange(PICTURES) % 40 == 1
    expression = f"width in {np.flatnonzero(keep).tolist()}"
    found = numbers(db.gallery("r").similar("folder/0.jpg", limit=40, filter=expression))
    assert len(found) == 40
    exact = closest(VISUAL, VISUAL[0], 40, keep)
    # The graph of Milvus Lite is walked as a whole; that of a server is not.
    right = len(set(found) & set(exact))
    assert right == 40 if store.connection.is_lite else right >= 38


def test_words_find_words_and_leave_out_their_own_in_expressions(db: Database) -> None:
    hits = db.words.similar("dog", limit=5)
    assert [hit.word for hit in hits] == [WORDS[place] for place in closest(WORD_VECTORS, VECTOR["dog"], 5)]
    assert (hits[0].word, hits[0].distance) == ("dog", pytest.approx(0, abs=1e-3))
    analogy = db.words.similar("king - man + woman", limit=8)
    keep = np.array([word not in ("king", "man", "woman") for word in WORDS])
    expected = closest(WORD_VECTORS, VECTOR["king"] - VECTOR["man"] + VECTOR["woman"], 8, keep)
    assert [hit.word for hit in analogy] == [WORDS[place] for place in expected]
    assert {hit.word for hit in db.words.similar("dog", limit=3, filter="rank < 3")} == {"the", "'s", '"'}


def test_a_stored_picture_finds_its_like_and_leaves_itself_out(db: Database) -> None:
    gallery = db.gallery("r")
    expected = [place for place in closest(VISUAL, VISUAL[7], 11) if place != 7][:10]
    assert numbers(gallery.similar(record_id("folder/7.jpg"), limit=10)) == expected
    assert numbers(gallery.similar("folder/7.jpg", limit=10)) == expected


@pytest.mark.parametrize("name", ["dog", "dining table", "Dining_Table"])
def test_focus_ranks_by_the_weighted_cosine(db: Database, name: str) -> None:
    weights = WEIGHTS[CLASSES.index(name.lower().replace("_", " "))]
    scores = focused_similarity(VISUAL[3], weights, VISUAL)
    scores[3] = -2
    hits = db.gallery("r").similar("folder/3.jpg", focus=name, limit=10)
    found = len(set(numbers(hits)) & set(np.argsort(-scores)[:10].tolist()))
    assert found >= 9
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)


def test_tags_are_the_frequent_words_closest_to_the_joint_vector(db: Database) -> None:
    gallery = db.gallery("r")
    hits = gallery.tags("folder/9.jpg", limit=5)
    assert [hit.word for hit in hits] == [WORDS[place] for place in closest(WORD_VECTORS, JOINT[9], 5)]
    frequent = gallery.tags("folder/9.jpg", limit=5, among=20)
    assert [hit.word for hit in frequent] == [WORDS[place] for place in closest(WORD_VECTORS[:20], JOINT[9], 5)]
    assert gallery.tags("folder/9.jpg", limit=1, filter='word == "dog"')[0].word == "dog"


def test_unknown_words_and_classes_come_with_close_spellings(db: Database) -> None:
    with pytest.raises(
        UnknownWordError, match=r"'dgo' is not in the vocabulary reference \(214 words\).*dog"
    ) as unknown:
        db.gallery("r").search("cat dgo")
    assert unknown.value.suggestions == ("dog",)
    with pytest.raises(UnknownWordError, match="'tabel'"):
        db.words.similar('"dining tabel"')
    with pytest.raises(UnknownClassError, match="class 'dining tabel'.*dining table"):
        db.gallery("r").similar("folder/1.jpg", focus="dining tabel")


@pytest.mark.parametrize("crafted", ['x"] or word != "', "' or 1==1", "word in []", "\0", "nul\0"])
def test_a_crafted_word_is_a_word_that_is_not_there(db: Database, crafted: str) -> None:
    with pytest.raises((UnknownWordError, UsageError)):
        db.gallery("r").search('"' + crafted.replace("\\", "\\\\").replace('"', '\\"') + '"')


def test_several_expressions_are_answered_in_one_call_as_each_would_be_alone(
    store: Store, db: Database, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = door(Database(store)).gallery("r")
    expressions = ["dog", "cat sofa", "king - man + woman", "dining_table", "dog"]
    alone = [db.gallery("r").search(expression, space="joint", limit=7, by="meaning") for expression in expressions]
    calls: list[str] = []
    call = store.connection.call

    def counting(method: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(method.__name__)
        return call(method, *args, **kwargs)

    gallery.search("man", space="joint")
    monkeypatch.setattr(store.connection, "call", counting)
    together = gallery.search_many(expressions, space="joint", limit=7, by="meaning")
    assert [[hit.id for hit in hits] for hits in together] == [[hit.id for hit in hits] for hits in alone]
    for hits, expected in zip(together, alone, strict=True):
        assert [hit.similarity for hit in hits] == pytest.approx([hit.similarity for hit in expected], abs=1e-5)
    assert [name for name in calls if name in ("search", "query")].count("search") == 1
    assert calls.count("query") <= 1
    calls.clear()
    gallery.search_many(expressions, space="joint", by="meaning")
    # Where a second has passed, it was asked as well whether the aliases still point there.
    assert [name for name in calls if name != "describe_alias"] == ["search"]
    assert gallery.search_many([]) == []
    with pytest.raises(UnknownWordError, match="dgo"):
        gallery.search_many(["dog", "dgo"])


def test_what_is_not_there_is_said(db: Database) -> None:
    with pytest.raises(NotFoundError, match="no gallery 'nothing'"):
        db.gallery("nothing").search("dog")
    with pytest.raises(NotFoundError, match="neither a file on this machine nor"):
        db.gallery("r").similar("nowhere.jpg")
    with pytest.raises(ExpressionError, match="cancel out"):
        db.gallery("r").search("dog - dog")


def test_a_gallery_of_other_words_is_refused_with_both_fingerprints_named(store: Store, db: Database) -> None:
    manifest = Manifest(
        "other_joint", "joint", WORD_DIM, {"visual": BACKBONE, "words": {"words": "others", "count": 3}}
    )
    visual = Manifest("other_visual", "visual", VISUAL_DIM, {"backbone": "reference", "weights": "newer"})
    for made in (manifest, visual):
        collection = store.build(made)
        dim = made.dim
        collection.upsert([picture(0, np.ones(dim, np.float32))])
        collection.settle()
        store.publish(collection)
    with pytest.raises(FingerprintError, match=r"Expected: .*others.*\nReceived: .*reference"):
        db.gallery("other").search("dog")
    with pytest.raises(FingerprintError, match=r"Expected: .*newer.*\nReceived: .*none"):
        db.gallery("other").similar("folder/0.jpg", focus="dog")
    Database(store).drop("other")


def test_a_reader_follows_when_the_gallery_is_replaced_under_it(store: Store, db: Database) -> None:
    fingerprints = [{"visual": BACKBONE, "words": WORDS_FINGERPRINT, "version": version} for version in (1, 2)]
    readers = []
    for version, fingerprint in enumerate(fingerprints):
        for room, dim, made in (("joint", WORD_DIM, fingerprint), ("visual", VISUAL_DIM, BACKBONE)):
            collection = store.build(Manifest(f"moving_{room}", room, dim, made))
            collection.upsert([picture(version, np.ones(dim, np.float32))])
            collection.settle()
            store.publish(collection)
        readers.append(db.gallery("moving"))
        assert numbers(readers[0].search("dog", space="joint", limit=1)) == [version]
    Database(store).drop("moving")
    with pytest.raises(NotFoundError):
        db.gallery("moving").search("dog")


def test_words_replaced_under_a_reader_are_noticed_and_not_mixed_with_the_old_gallery(
    own_store: Store, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_words(own_store, tmp_path)
    words = own_store.live("words")
    assert words is not None
    for room, fingerprint in (
        ("visual", BACKBONE),
        ("joint", {"visual": BACKBONE, "words": dict(words.manifest.fingerprint)}),
    ):
        collection = own_store.build(Manifest(f"w_{room}", room, 4, fingerprint))
        collection.upsert([picture(0, np.ones(4, np.float32))])
        own_store.publish(collection)
    reader = door(Database(own_store))
    assert numbers(reader.gallery("w").search("cat")) == [0]
    gallery = reader.gallery("w")
    assert gallery.tags("folder/0.jpg", limit=1)
    put_words(own_store, tmp_path, "cat 0 0 0 1\ndog 0 1 0 0\n")
    monkeypatch.setattr(live, "LEASE_S", 0.0)
    for request in (lambda: gallery.search("cat"), lambda: gallery.tags("folder/0.jpg")):
        with pytest.raises(FingerprintError, match="made with other words"):
            request()
    assert reader.words.similar("cat", limit=1)[0].word == "cat"


@pytest.mark.python_only("a service tells its galleries, and not the collections behind them")
def test_status_tells_what_stands(db: Database) -> None:
    found = {entry["alias"]: entry for entry in db.status()}
    assert found["r_visual"]["rows"] == PICTURES
    assert found["r_visual"]["index"].startswith("hnsw")
    assert found["words"]["fingerprint"] == WORDS_FINGERPRINT
    assert {entry["alias"] for entry in db.status("r")} == {"r_visual", "r_joint"}
    with pytest.raises(NotFoundError):
        db.status("nothing")


# -- pictures that are not stored need the backbone: with a small one -------------------------------------------------


@pytest.fixture
def noisy(
    own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Summary]:
    from milvise.gallery.plan import make_plan
    from milvise.ingest.pipeline import ingest_images
    from milvise.ingest.sources import open_source

    def load(folder: Path) -> Summary:
        put_words(own_store, tmp_path)
        plan = make_plan(
            own_store, gallery="g", backbone=nets[0], head="conse", recipe={"backbone": "net"}, names=class_names
        )
        return ingest_images(own_store, [open_source(str(folder))], plan, quarantine=tmp_path / "q.jsonl")

    monkeypatch.setattr("milvise.gallery.models._encoder", lambda recipe, name: Devise(nets[0]))
    return load


def test_a_picture_is_taken_as_path_bytes_image_array_or_id(
    noisy: Callable[..., Summary], own_store: Store, door: Door, tmp_path: Path
) -> None:
    paths = [paint(tmp_path / "p" / f"{number}.png", number) for number in range(6)]
    noisy(tmp_path / "p")
    gallery = door(Database(own_store)).gallery("g")
    with Image.open(paths[2]) as opened:
        image = opened.copy()
    forms = [str(paths[2]), paths[2], paths[2].read_bytes(), image, np.asarray(image)]
    answers = [gallery.similar(form, limit=6) for form in forms]
    for hits in answers:
        assert hits[0].uri == "2.png"
        assert hits[0].similarity == pytest.approx(1, abs=1e-4)
        assert [hit.uri for hit in hits] == [hit.uri for hit in answers[0]]
    stored = gallery.similar(record_id("2.png"), limit=5)
    assert [hit.uri for hit in stored] == [hit.uri for hit in answers[0][1:]]
    tags = [[hit.word for hit in gallery.tags(form, limit=3)] for form in (*forms, "2.png")]
    assert all(found == tags[0] for found in tags)


def test_a_gallery_is_completed_from_files_and_leaves_their_copies_out(
    noisy: Callable[..., Summary], own_store: Store, door: Door, tmp_path: Path
) -> None:
    paths = [paint(tmp_path / "p" / f"{number}.png", number) for number in range(6)]
    noisy(tmp_path / "p")
    gallery = door(Database(own_store)).gallery("g")
    for to in ("mean", "any"):
        hits = gallery.complete([paths[1], str(paths[2]), paths[3].read_bytes()], to=to)
        assert sorted(hit.uri for hit in hits) == ["0.png", "4.png", "5.png"]


def test_a_picture_made_by_another_backbone_is_refused(
    noisy: Callable[..., Summary],
    own_store: Store,
    door: Door,
    nets: list[Backbone],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = paint(tmp_path / "p" / "0.png", 0)
    noisy(tmp_path / "p")
    monkeypatch.setattr("milvise.gallery.models._encoder", lambda recipe, name: Devise(nets[1]))
    with pytest.raises(
        FingerprintError, match=rf"Expected: .*{nets[0].weights_hash}.*\nReceived: .*{nets[1].weights_hash}"
    ):
        door(Database(own_store)).gallery("g").similar(path)


def test_verify_says_what_is_wrong_and_nothing_where_all_is_well(
    noisy: Callable[..., Summary], own_store: Store, tmp_path: Path
) -> None:
    for number in range(4):
        paint(tmp_path / "p" / f"{number}.png", number)
    noisy(tmp_path / "p")
    db = Database(own_store)
    assert db.verify("g").whole
    joint = own_store.live("g_joint")
    assert joint is not None
    row = joint.get([record_id("1.png")], fields=[*joint.room.fields, "vector"])[record_id("1.png")]
    joint.upsert([{**row, "sha256": "another"}])
    joint.delete([record_id("2.png")])
    assert [problem.text for problem in db.verify("g").problems] == [
        "g_visual has 1 picture that g_joint lacks. Make it again: milvise verify --repair --gallery g",
        "g_visual has 1 picture in another version than g_joint. Make it again: milvise verify --repair --gallery g",
    ]
    own_store.connection.client.upsert(joint.name, [{**row, "vector": [float("nan")] * joint.manifest.dim}])
    assert "vector" in [problem.kind for problem in db.verify("g").problems]
    put_words(own_store, tmp_path, "cat 1 0\n")
    assert any("made with other words" in problem.text for problem in db.verify("g").problems)
    with pytest.raises(NotFoundError):
        db.verify("nothing")


def test_what_is_no_picture_is_refused(
    noisy: Callable[..., Summary], own_store: Store, door: Door, tmp_path: Path
) -> None:
    paint(tmp_path / "p" / "0.png", 0)
    noisy(tmp_path / "p")
    gallery = door(Database(own_store)).gallery("g")
    with pytest.raises(ImageError, match="not a picture"):
        gallery.similar(b"no picture")
    with pytest.raises(ImageError, match=r"float64 of shape \(4, 4\)"):
        gallery.similar(np.ones((4, 4)))
    buffer = io.BytesIO()
    Image.new("L", (9, 9), 200).save(buffer, "PNG")
    assert gallery.similar(buffer.getvalue(), limit=1)
