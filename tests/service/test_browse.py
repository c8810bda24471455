"""A gallery is looked through page by page, and hits tell how large their pictures are."""

from __future__ import annotations

from fastapi.testclient import TestClient

from milvise.core.records import record_id

PICTURES = "/api/v1/galleries/r/pictures"


def test_pages_follow_each_other_in_the_order_of_their_uris(client: TestClient) -> None:
    asked = {"filter": 'label == "odd"', "limit": 400}
    pages = [client.get(PICTURES, params={**asked, "offset": offset}).json() for offset in (0, 400, 800)]
    assert [page["more"] for page in pages] == [True, True, False]
    uris = [picture["uri"] for page in pages for picture in page["pictures"]]
    assert uris == sorted(f"folder/{number}.jpg" for number in range(1, 2_000, 2))


def test_a_picture_is_shown_with_all_that_stands_with_it(client: TestClient) -> None:
    (shown,) = client.get(PICTURES, params={"filter": 'uri == "folder/12.jpg"'}).json()["pictures"]
    at = f"{PICTURES}/{record_id('folder/12.jpg')}"
    assert shown == {
        "id": record_id("folder/12.jpg"), "uri": "folder/12.jpg", "label": "even", "width": 12, "height": 1,
        "sha256": "12", "meta": {"number": 12, "owner": "owner 12"},
        "links": {"thumbnail": f"{at}/thumbnail?v=12", "original": f"{at}/original?v=12"},
    }  # fmt: skip


def test_beyond_the_last_page_there_is_nothing(client: TestClient) -> None:
    assert client.get(PICTURES, params={"offset": 2_000}).json() == {"pictures": [], "more": False}


def test_a_filter_that_cannot_be_read_is_a_problem(client: TestClient) -> None:
    answer = client.get(PICTURES, params={"filter": "label =="})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_filter")


def test_a_hit_tells_how_large_its_picture_is(client: TestClient) -> None:
    hits = client.get("/api/v1/galleries/r/search", params={"words": "cat", "limit": 3}).json()["hits"]
    assert [(hit["width"], hit["height"]) for hit in hits] == [(hit["meta"]["number"], 1) for hit in hits]


def test_what_pictures_have_in_common_comes_with_its_filter(client: TestClient) -> None:
    told = client.get("/api/v1/galleries/r/facets", params={"filter": "width < 1000"}).json()
    assert (told["pictures"], told["is_whole"]) == (1_000, True)
    assert told["labels"][0] == {"value": "even", "count": 500, "filter": 'label == "even"', "column": ""}
    assert [one["count"] for one in told["sizes"]] == [640, 359]
    owner = told["meta"]["owner"][0]
    assert owner == {"value": "owner 0", "count": 11, "filter": 'meta["owner"] == "owner 0"', "column": "owner"}
    selected = client.get(PICTURES, params={"filter": f"width < 1000 and {owner['filter']}"}).json()["pictures"]
    assert len(selected) == owner["count"]


def test_a_text_goes_on(client: TestClient) -> None:
    told = client.get("/api/v1/galleries/r/suggestions", params={"text": "a cat on a dining ta", "limit": 3}).json()
    assert told == {"completes": "dining ta", "words": ["dining table"], "labels": [], "classes": ["dining table"]}
    assert client.get("/api/v1/galleries/r/suggestions").json()["labels"] == ["even", "odd"]
