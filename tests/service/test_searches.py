"""A search over HTTP answers what Python does, and an error is a problem document."""

from __future__ import annotations

from fastapi.testclient import TestClient

from milvise.operations.database import Database


def test_a_search_answers_as_python_does(client: TestClient, db: Database) -> None:
    answer = client.get("/api/v1/galleries/r/search", params={"words": "cat sofa", "limit": 5})
    assert answer.status_code == 200
    body = answer.json()
    hits = db.gallery("r").search("cat sofa", limit=5)
    assert [hit["id"] for hit in body["hits"]] == [hit.id for hit in hits]
    assert body["hits"][0]["similarity"] == hits[0].similarity
    assert (
        body["hits"][0]["links"]["thumbnail"]
        == f"/api/v1/galleries/r/pictures/{hits[0].id}/thumbnail?v={hits[0].sha256}"
    )
    assert body["request"]["read_as"] == db.gallery("r").read("cat sofa").expression


def test_an_unknown_word_is_a_problem_with_close_spellings(client: TestClient) -> None:
    answer = client.get("/api/v1/galleries/r/search", params={"words": "cat soffa", "by": "meaning"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    told = answer.json()
    assert (told["code"], told["suggestions"]) == ("unknown_word", ["sofa"])
    assert told["request_id"] == answer.headers["x-request-id"]
