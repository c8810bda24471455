"""Keys: the file holds hashes alone, changes reach a service that runs, and each role may do its own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from milvise.errors import UsageError
from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.guards import key_file
from milvise.service.guards.key_file import KeyFile, add_key, read_keys, remove_key
from milvise.service.guards.keys import require
from milvise.service.settings import Settings


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def with_roles(app: FastAPI) -> FastAPI:
    for role in key_file.ROLES:
        app.post(f"/api/test/{role}", dependencies=[Depends(require(role))])(lambda: {"done": True})
    return app


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_the_file_holds_the_hash_and_only_its_owner_reads_it(keys: Path) -> None:
    key = add_key(keys, "bob", "read")
    assert key not in keys.read_text() and key.removeprefix("milvise_") not in keys.read_text()
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    keys.chmod(0o640)
    add_key(keys, "eve", "write")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o640
    assert [(one.name, one.role) for one in read_keys(keys)] == [("bob", "read"), ("eve", "write")]
    assert KeyFile(keys).role_of(key) == "read"
    assert KeyFile(keys).role_of(key[:-1]) is None


def test_keys_are_long_and_differ(keys: Path) -> None:
    made = {add_key(keys, f"k{number}", "read") for number in range(20)}
    assert len(made) == 20 and min(map(len, made)) >= len("milvise_") + 43


def test_a_removed_key_is_refused_without_a_new_start(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_file, "LOOK_AGAIN_S", 0.0)
    key, other = add_key(keys, "bob", "write"), add_key(keys, "eve", "read")
    file = KeyFile(keys)
    assert file.role_of(key) == "write"
    remove_key(keys, "bob")
    assert (file.role_of(key), file.role_of(other)) == (None, "read")
    keys.write_text("bob write plain-key\n")
    assert file.role_of(other) == "read"


@pytest.mark.parametrize(
    "text",
    ["bob read", "bob read sha256:12", "bob admin sha256:" + "0" * 64, "bob read " + "0" * 64, "../x y z w", "\0"],
)
def test_a_file_that_milvise_did_not_write_is_refused_without_showing_it(keys: Path, text: str) -> None:
    keys.write_text(text)
    with pytest.raises(UsageError, match="line 1") as refused:
        read_keys(keys)
    assert text not in str(refused.value)


def test_what_cannot_be_is_refused(keys: Path) -> None:
    add_key(keys, "bob", "read")
    for name, role in (("bob", "read"), ("b b", "read"), ("", "read"), ("x", "admin"), ("x\ny", "read")):
        with pytest.raises(UsageError):
            add_key(keys, name, role)
    with pytest.raises(UsageError, match="Expected: bob"):
        remove_key(keys, "eve")
    remove_key(keys, "bob")
    with pytest.raises(UsageError, match="holds no key"):
        KeyFile(keys)
    with pytest.raises(UsageError, match="No such file"):
        KeyFile(keys.with_name("none"))


def test_each_role_may_do_what_those_before_it_may(db: Database, keys: Path) -> None:
    made = {role: add_key(keys, role, role) for role in key_file.ROLES}
    client = TestClient(with_roles(make_app(db, Settings(api_keys=keys))))
    for held, key in made.items():
        allowed = [client.post(f"/api/test/{role}", headers=bearer(key)).status_code for role in key_file.ROLES]
        place = key_file.ROLES.index(held)
        assert allowed == [200] * (place + 1) + [403] * (2 - place)
    refused = client.post("/api/test/write", headers=bearer(made["read"])).json()
    assert (refused["code"], refused["status"]) == ("denied", 403)


def test_without_a_known_key_nothing_is_answered(db: Database, keys: Path) -> None:
    key = add_key(keys, "bob", "write")
    client = TestClient(with_roles(make_app(db, Settings(api_keys=keys))))
    wrong: list[dict[str, str]] = [
        {}, bearer(""), bearer(key + "x"), bearer(key.upper()), {"Authorization": key}, {"Authorization": f"Basic {key}"},
        {"X-Api-Key": key}, {"Cookie": f"key={key}"}, bearer("x" * 10_000), bearer("sha256:" + read_keys(keys)[0].hash),
    ]  # fmt: skip
    for headers in wrong:
        answer = client.get("/api/v1/galleries/r/search?words=cat", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "denied"), headers
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/api/v1/galleries/r/search?words=cat&key=" + key).status_code == 401
    assert client.get("/metrics").status_code == 401
    twice = [("Authorization", f"Bearer {key}"), ("Authorization", "Bearer x")]
    assert client.post("/api/test/read", headers=twice).status_code == 401
    assert client.post("/api/test/read", headers={"Authorization": f"bearer {key}"}).status_code == 200
    assert client.get("/healthz").status_code == 200
