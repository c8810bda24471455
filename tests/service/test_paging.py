"""Pages of an answer: together they are the deep search, and each says whether another one follows."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from reference_world import PICTURES

from milvise.core.records import Hit
from milvise.errors import UsageError
from milvise.operations.database import Database
from milvise.service.bodies.paging import page

AT = "/api/v1/galleries/r"


def of(count: int) -> list[Hit]:
    return [Hit(str(number), "", "", 0.0, 0.0) for number in range(count)]


def ids(hits: list[Hit]) -> list[int]:
    return [int(hit.id) for hit in hits]


def test_the_first_page_is_the_search_itself() -> None:
    asked: list[int] = []

    def search(depth: int) -> list[Hit]:
        asked.append(depth)
        return of(depth)

    hits, more = page(search, limit=7, offset=0)
    assert (asked, ids(hits), more) == ([7], list(range(7)), True)


@pytest.mark.parametrize(
    ("offset", "depth"), [(1, 100), (90, 100), (91, 400), (390, 400), (6_391, 16_384), (16_374, 16_384)]
)
def test_later_pages_are_slices_of_few_depths(offset: int, depth: int) -> None:
    asked: list[int] = []

    def search(limit: int) -> list[Hit]:
        asked.append(limit)
        return of(limit)

    hits, more = page(search, limit=10, offset=offset)
    assert asked == [depth]
    assert ids(hits) == list(range(offset, offset + 10))
    assert more is (offset + 10 < 16_384)


@pytest.mark.parametrize(
    ("there", "offset", "more"), [(25, 0, True), (25, 10, True), (25, 20, False), (20, 10, False), (5, 0, False)]
)
def test_more_is_said_as_long_as_there_may_be_some(there: int, offset: int, more: bool) -> None:
    assert page(lambda depth: of(min(depth, there)), limit=10, offset=offset)[1] is more


def test_no_page_lies_deeper_than_a_server_answers() -> None:
    with pytest.raises(UsageError, match="16384"):
        page(of, limit=10, offset=16_375)


@pytest.mark.parametrize("space", ["joint", "visual", "fused"])
def test_pages_together_are_the_deep_search(client: TestClient, db: Database, space: str) -> None:
    query = {"words": "cat", "by": "meaning", "space": space, "filter": "width < 130", "limit": 50}
    found, offset, more = [], 0, True
    while more:
        body = client.get(f"{AT}/search", params={**query, "offset": offset}).json()
        assert [hit["rank"] for hit in body["hits"]] == list(range(offset + 1, offset + 1 + len(body["hits"])))
        found += [hit["id"] for hit in body["hits"]]
        offset, more = offset + 50, body["more"]
    deep = db.gallery("r").search("cat", by="meaning", space=space, filter="width < 130", limit=PICTURES)
    assert found == [hit.id for hit in deep] and len(found) == 130


@pytest.mark.parametrize(
    ("route", "document"),
    [
        ("similar", {"id": "folder/5.jpg"}),
        ("mixed", {"pictures": [{"id": "folder/5.jpg"}], "words": "cat", "space": "joint"}),
        ("complete", {"pictures": [{"id": "folder/5.jpg"}, {"id": "folder/6.jpg"}]}),
        ("refine", {"words": "cat", "space": "joint", "liked": ["folder/5.jpg"]}),
    ],
)
def test_every_search_has_pages(client: TestClient, route: str, document: dict[str, object]) -> None:
    whole = client.post(f"{AT}/{route}", json={**document, "limit": 12}).json()["hits"]
    second = client.post(f"{AT}/{route}", json={**document, "limit": 4, "offset": 8}).json()
    assert second["hits"] == whole[8:] and second["more"] is True
