"""A plain search is answered by a route of its own, which nobody can tell from the one that is described."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Match

from milvise.service.routes.plain_searches import PlainSearches

SEARCH = "/api/v1/galleries/r/search"
PLAIN = (
    {"words": "cat sofa"}, {"words": "dög", "filter": ""},
    {"words": "dog", "limit": "3", "by": "meaning", "space": "visual", "fix": "true"},
)  # fmt: skip
OTHERS: tuple[dict[str, Any], ...] = (
    {}, {"words": ""}, {"words": "dog", "limit": "0"}, {"words": "dog", "limit": "x"}, {"words": "dog", "space": "no"}, {"words": ["dog", "cat"]},
    {"words": "dog", "offset": "5"}, {"words": "dog", "min_confidence": "0.5"}, {"words": "dog", "more": "1"}, {"words": "d" * 1_001},
)  # fmt: skip


def is_taken(client: TestClient, values: dict[str, Any], **scope: Any) -> bool:
    route = next(one for one in client.app.routes if isinstance(one, PlainSearches))  # type: ignore[attr-defined]
    query = urlencode(values, doseq=True).encode()
    asked = {"type": "http", "method": "GET", "path": SEARCH, "query_string": query, "milvise.role": "read", **scope}
    return route.matches(asked)[0] == Match.FULL


@pytest.mark.parametrize("values", PLAIN)
def test_it_answers_as_the_route_behind_it(client: TestClient, values: dict[str, Any]) -> None:
    client.get(SEARCH, params={"words": "dog"})
    plain, other = (client.get(SEARCH, params={**values, **more}) for more in ({}, {"unknown": "1"}))
    assert is_taken(client, values)
    assert (plain.status_code, plain.headers.keys()) == (other.status_code, other.headers.keys())
    same = ("request", "hits", "more", "code", "detail", "suggestions")
    assert [plain.json().get(name) for name in same] == [other.json().get(name) for name in same]


@pytest.mark.parametrize("values", OTHERS)
def test_it_takes_nothing_unusual(client: TestClient, values: dict[str, Any]) -> None:
    client.get(SEARCH, params={"words": "dog"})
    assert not is_taken(client, values)


def test_it_takes_only_who_may_read_a_gallery_that_is_there(client: TestClient) -> None:
    client.get(SEARCH, params={"words": "dog"})
    assert is_taken(client, {"words": "dog"})
    assert not is_taken(client, {"words": "dog"}, **{"milvise.role": None})
    assert not is_taken(client, {"words": "dog"}, method="HEAD")
    assert not is_taken(client, {"words": "dog"}, path="/api/v1/galleries/none/search")
