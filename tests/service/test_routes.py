"""Each route answers what Python does, and what the answer to an upload is does not depend on how it was sent."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from small_encoder import BASE64, PICTURE, picture_bytes, small_encoder

from milvise.core.picture_types import PictureBytes, StoredPicture
from milvise.core.records import Hit, WordHit, record_id
from milvise.operations.database import Database
from milvise.queries.search import Gallery

AT = "/api/v1/galleries/r"
ID = record_id("folder/5.jpg")
IDS = [record_id(f"folder/{number}.jpg") for number in range(4)]


@pytest.fixture(scope="module", autouse=True)
def _encoder() -> Iterator[None]:
    yield from small_encoder()


@pytest.fixture(scope="module")
def gallery(db: Database) -> Gallery:
    return db.gallery("r")


def posted(client: TestClient, route: str, **document: Any) -> Any:
    answer = client.post(f"{AT}/{route}", json=document)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(client: TestClient, route: str, **query: Any) -> Any:
    answer = client.get(f"{AT}/{route}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def plain(hits: list[Hit]) -> list[tuple[str, float, float | None]]:
    return [(hit.id, hit.similarity, hit.confidence) for hit in hits]


def told(bodies: list[dict[str, Any]]) -> list[tuple[str, float, float | None]]:
    return [(body["id"], body["similarity"], body["confidence"]) for body in bodies]


def words(hits: list[WordHit]) -> list[tuple[str, float]]:
    return [(hit.word, hit.similarity) for hit in hits]


def told_words(bodies: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(body["word"], body["similarity"]) for body in bodies]


def test_similar_by_id_uri_and_focus(client: TestClient, gallery: Gallery) -> None:
    found = plain(gallery.similar(StoredPicture(ID), limit=4))
    assert told(posted(client, "similar", id=ID, limit=4)["hits"]) == found
    assert told(posted(client, "similar", id="folder/5.jpg", limit=4)["hits"]) == found
    focused = plain(gallery.similar(StoredPicture(ID), focus="cat", limit=4, filter="width < 9 or width > 100"))
    assert (
        told(posted(client, "similar", id=ID, focus="cat", limit=4, filter="width < 9 or width > 100")["hits"])
        == focused
    )


def test_an_upload_is_answered_alike_in_either_form(client: TestClient, gallery: Gallery) -> None:
    found = gallery.similar(PictureBytes(PICTURE), focus="dog", limit=3, filter='label == "even"')
    values = {"focus": "dog", "limit": 3, "filter": 'label == "even"'}
    raw = client.post(f"{AT}/similar", params=values, content=PICTURE, headers={"Content-Type": "image/png"}).json()
    assert told(raw["hits"]) == told(posted(client, "similar", data=BASE64, **values)["hits"]) == plain(found)
    assert raw["request"]["picture"] == "an upload" and raw["request"]["limit"] == 3
    other = posted(client, "similar", data=base64.b64encode(picture_bytes("red")).decode(), **values)
    assert told(other["hits"]) != told(raw["hits"])


def test_tags_in_every_form(client: TestClient, gallery: Gallery) -> None:
    stored = words(gallery.tags(StoredPicture(ID), limit=3, among=100))
    assert told_words(asked(client, "tags", id=ID, limit=3, among=100)["hits"]) == stored
    assert told_words(posted(client, "tags", id=ID, limit=3, among=100)["hits"]) == stored
    upload = words(gallery.tags(PictureBytes(PICTURE), limit=3, filter="rank > 3"))
    values = {"limit": 3, "filter": "rank > 3"}
    raw = client.post(f"{AT}/tags", params=values, content=PICTURE, headers={"Content-Type": "image/webp"}).json()
    assert told_words(raw["hits"]) == told_words(posted(client, "tags", data=BASE64, **values)["hits"]) == upload
    several = gallery.tags_of([StoredPicture(ID), PictureBytes(PICTURE)], limit=2)
    answers = posted(client, "tags-of", pictures=[{"id": ID}, {"data": BASE64}], limit=2)["answers"]
    assert [told_words(one) for one in answers] == [words(one) for one in several]


def test_mixed_with_weights_words_and_an_upload(client: TestClient, gallery: Gallery) -> None:
    pictures = [(StoredPicture(IDS[0]), 2.0), (PictureBytes(PICTURE), -0.5)]
    found = gallery.mixed(pictures, "+cat -dog", space="fused", limit=3, filter="width > 10")
    body = posted(
        client, "mixed", pictures=[{"id": IDS[0], "weight": 2}, {"data": BASE64, "weight": -0.5}], words="+cat -dog",
        space="fused", limit=3, filter="width > 10",
    )  # fmt: skip
    assert told(body["hits"]) == plain(found)
    assert body["request"]["pictures"] == [{"id": IDS[0], "weight": 2.0}, {"upload": "picture", "weight": -0.5}]
    assert BASE64 not in str(body)
    assert body["request"]["read_as"] == gallery.read("+cat -dog").expression


@pytest.mark.parametrize("to", ["mean", "any"])
def test_complete(client: TestClient, gallery: Gallery, to: str) -> None:
    found = gallery.complete([StoredPicture(one) for one in IDS], space="fused", to=to, limit=5)
    body = posted(client, "complete", pictures=[{"id": one} for one in IDS], space="fused", to=to, limit=5)
    assert told(body["hits"]) == plain(found)


def test_rank_ids_or_all_that_fit(client: TestClient, gallery: Gallery) -> None:
    found = gallery.rank(words="cat", pictures=[StoredPicture(ID)], ids=IDS, space="visual")
    body = posted(client, "rank", words="cat", pictures=[{"id": ID}], ids=IDS, space="visual")
    assert told(body["hits"]) == plain(found) and body["more"] is False
    least = gallery.rank(words="cat", filter="width < 30", min_confidence=0.1)
    assert told(posted(client, "rank", words="cat", filter="width < 30", min_confidence=0.1)["hits"]) == plain(least)


def test_owners(client: TestClient, gallery: Gallery) -> None:
    found = gallery.owners(words="cat", by="owner", evidence=2, limit=3, space="joint")
    owners = posted(client, "owners", words="cat", by="owner", evidence=2, limit=3, space="joint")["owners"]
    assert [(one["rank"], one["name"], one["similarity"]) for one in owners] == [
        (rank, one.name, one.similarity) for rank, one in enumerate(found, start=1)
    ]
    assert told(owners[0]["evidence"]) == plain(list(found[0].evidence))


def test_refine_and_its_weights(client: TestClient, gallery: Gallery) -> None:
    from milvise.queries.requests.refine import Rocchio

    found = gallery.refine(words="cat", liked=IDS[:2], disliked=IDS[2:], weights=Rocchio(1, 0, 3), limit=4)
    body = posted(client, "refine", words="cat", liked=IDS[:2], disliked=IDS[2:], weights=[1, 0, 3], limit=4)
    assert told(body["hits"]) == plain(found)


def test_search_many(client: TestClient, gallery: Gallery) -> None:
    found = gallery.search_many(["cat", "sofa -dog"], limit=3, by="meaning", space="joint")
    body = posted(client, "search-many", expressions=["cat", "sofa -dog"], limit=3, by="meaning", space="joint")
    assert [told(one) for one in body["answers"]] == [plain(one) for one in found]
    assert [hit["rank"] for hit in body["answers"][1]] == [1, 2, 3]


def test_explain_in_both_forms(client: TestClient, gallery: Gallery) -> None:
    expected = gallery.explain(ID, words="cat soffa", space="fused").to_json()
    for body in (
        asked(client, "explain", id=ID, words="cat soffa", space="fused"),
        posted(client, "explain", id=ID, words="cat soffa", space="fused"),
    ):
        assert body["hit"].pop("links")["thumbnail"].startswith(f"{AT}/pictures/{ID}/thumbnail")
        assert {**body, "hit": None} == {
            **expected, "hit": None, "terms": list(expected["terms"]), "classes": list(expected["classes"]),
            "unknown_words": {word: list(near) for word, near in expected["unknown_words"].items()},
        }  # fmt: skip
    upload = gallery.explain(ID, pictures=[PictureBytes(PICTURE)], focus="cat")
    body = posted(client, "explain", id=ID, pictures=[{"data": BASE64}], focus="cat")
    assert body["hit"]["similarity"] == upload.hit.similarity


def test_what_words_are_taken_for(client: TestClient, db: Database, gallery: Gallery) -> None:
    body, expected = (
        asked(client, "read", words="a photo of cats and a soffa"),
        gallery.read("a photo of cats and a soffa"),
    )
    assert body["expression"] == expected.expression and body["unknown"] == list(expected.unknown)
    assert body["terms"] == [{"phrase": term.phrase, "weight": term.weight} for term in expected.terms]
    among_words = client.get("/api/v1/words/read", params={"words": "cat!"}).json()
    assert among_words["expression"] == db.words.read("cat!").expression


def test_words(client: TestClient, db: Database) -> None:
    query = {"words": "king - man + woman", "limit": 4, "filter": "rank < 100"}
    body = client.get("/api/v1/words/similar", params=query).json()
    assert told_words(body["hits"]) == words(db.words.similar("king - man + woman", limit=4, filter="rank < 100"))
    vector = client.get("/api/v1/words/vector", params={"words": "king - man"}).json()["vector"]
    assert vector == pytest.approx(db.words.vector("king - man").tolist())


def test_galleries_and_their_classes(client: TestClient, gallery: Gallery) -> None:
    about = {"name": "r", "pictures": 2_000, "encoder": "devise", "has_words": True, "has_classes": True}
    assert client.get("/api/v1/galleries").json() == {"galleries": [about]}
    assert client.get(AT).json() == about
    assert asked(client, "classes")["classes"] == gallery.classes()
    assert asked(client, "classes-of", words="sofa")["classes"] == gallery.classes_of("sofa")
    assert asked(client, "words-space")["space"] == gallery.words_space()


def test_duplicates_up_to_a_limit(client: TestClient, gallery: Gallery) -> None:
    (group,) = asked(client, "duplicates")["groups"]
    (expected,) = gallery.duplicates()
    assert [(one["id"], one["uri"]) for one in group["pictures"]] == list(expected.pictures)
    assert group["exact"] is True and group["pictures"][0]["links"]["thumbnail"].startswith(AT)
    few = asked(client, "duplicates", kind="visual", similarity=0.63, filter="width < 100", limit=2)
    assert len(few["groups"]) == 2 and few["more"] is True


def test_feedback_is_kept_in_milvus(client: TestClient, db: Database) -> None:
    from milvise.queries.requests.feedback import read_feedback

    said = {
        "gallery": "r",
        "words": "cat zzz",
        "pictures": ["folder/5.jpg"],
        "liked": IDS[:2],
        "disliked": ["folder/3.jpg"],
    }
    answer = client.post("/api/v1/feedback", json=said)
    assert (answer.status_code, answer.content) == (204, b"")
    *_, kept = read_feedback(db.store, "milvus", gallery="r")  # others are of other tests
    assert (kept.pictures, kept.liked, kept.disliked) == (("folder/5.jpg",), tuple(IDS[:2]), (IDS[3],))
    assert "cat" in kept.words and "zzz" in kept.words
    nobody = client.post("/api/v1/feedback", json={**said, "liked": ["no.jpg"]})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")
    nothing = client.post("/api/v1/feedback", json={"gallery": "r", "words": "cat"})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "wrong_usage")
