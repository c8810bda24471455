"""What each role may do: reading, feedback, and what changes a gallery for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from reference_world import reference_gallery

from milvise.adapter import Store
from milvise.core.records import record_id
from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.guards.key_file import add_key
from milvise.service.guards.keys import ROLES, Role
from milvise.service.settings import Settings

AT = "/api/v1/galleries/r"
FEEDBACK = {"gallery": "r", "words": "cat", "liked": [record_id("folder/1.jpg")]}


@pytest.fixture
def small(store: Store) -> Iterator[Database]:
    yield from reference_gallery(store, pictures=20)


@pytest.fixture
def clients(small: Database, tmp_path: Path) -> dict[Role, TestClient]:
    keys = tmp_path / "keys"
    given = {role: add_key(keys, role, role) for role in ROLES}
    app = make_app(small, Settings(api_keys=keys))
    return {role: TestClient(app, headers={"Authorization": f"Bearer {key}"}) for role, key in given.items()}


def test_all_may_read(clients: dict[Role, TestClient]) -> None:
    for client in clients.values():
        assert client.get(f"{AT}/search", params={"words": "cat"}).status_code == 200
        assert client.get(f"{AT}/verify").status_code == 200


def test_feedback_takes_its_role(clients: dict[Role, TestClient]) -> None:
    codes = {role: client.post("/api/v1/feedback", json=FEEDBACK).status_code for role, client in clients.items()}
    assert codes == {"read": 403, "feedback": 204, "write": 204}


def test_tuning_takes_the_highest(clients: dict[Role, TestClient]) -> None:
    asked = {"queries": 10, "dry_run": True}
    codes = {role: client.post(f"{AT}/tune", json=asked).status_code for role, client in clients.items()}
    assert codes == {"read": 403, "feedback": 403, "write": 200}


def test_a_gallery_is_removed_by_who_may_and_names_it_twice(clients: dict[Role, TestClient], small: Database) -> None:
    for role in ("read", "feedback"):
        refused = clients[role].delete(AT, params={"confirm": "r"})
        assert (refused.status_code, refused.json()["code"]) == (403, "denied")
    writer = clients["write"]
    assert writer.get(f"{AT}/search", params={"words": "cat"}).status_code == 200
    assert writer.delete(AT).status_code == 422
    assert writer.delete(AT, params={"confirm": "R"}).json()["code"] == "wrong_usage"
    assert small.has_gallery("r")
    assert len(writer.delete(AT, params={"confirm": "r"}).json()["dropped"]) == 2
    assert not small.has_gallery("r")
    gone = writer.get(f"{AT}/search", params={"words": "cat"})
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
