"""What stands before the routes: headers on every answer, pages of others, sizes, and errors that nobody expected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from milvise.errors import UsageError
from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.guards.request_size import MOST_TEXT_BYTES, WITH_PICTURES, RequestSize
from milvise.service.settings import Settings

LOCAL = "http://127.0.0.1:8000"


def with_routes(app: FastAPI) -> FastAPI:
    """Add routes that read a body, and one that fails."""

    async def count(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    def fail() -> None:
        raise RuntimeError("a secret of this machine")

    for path in ("/api/test/similar", "/api/test/else"):
        app.post(path)(count)
    app.get("/api/test/fail")(fail)
    app.delete("/api/test/gone")(lambda: {"done": True})
    return app


def served(db: Database, settings: Settings | None = None, base: str = LOCAL) -> TestClient:
    return TestClient(with_routes(make_app(db, settings)), base_url=base, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200), ("GET", "/none", 404), ("GET", "/api/v1/galleries/r/search", 422), ("PUT", "/healthz", 405),
        ("GET", "/api/v1/galleries/no/search?words=cat", 404), ("GET", "/api/test/fail", 500), ("GET", "/api/v1/openapi.json", 200),
    ],
)  # fmt: skip
def test_every_answer_has_the_headers(db: Database, method: str, path: str, status: int) -> None:
    answer = served(db).request(method, path)
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(answer.headers["x-request-id"]) == 32
    assert not {"set-cookie", "server", "access-control-allow-origin"} & set(answer.headers)
    assert answer.headers.get("cache-control") == ("no-store" if path.startswith("/api") else None)


def test_an_error_that_nobody_expected_tells_its_id_and_no_more(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    answer = served(db).get("/api/test/fail")
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.exc_info is not None and "secret" in str(record.exc_info[1])


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "10.0.0.1", "", "[::1", "localhost@evil"]
)
def test_a_name_that_is_pointed_at_this_machine_is_refused(db: Database, host: str) -> None:
    answer = served(db).get("/api/v1/galleries", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "127.0.0.1", "[::1]:8000", "photos.localhost"])
def test_a_name_of_this_machine_is_taken(db: Database, host: str) -> None:
    assert served(db).get("/healthz", headers={"Host": host}).status_code == 200


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://127.0.0.1:1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_others_changes_nothing(db: Database, headers: dict[str, str]) -> None:
    client = served(db)
    for method, path in (("DELETE", "/api/test/gone"), ("POST", "/api/test/similar")):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
        assert "access-control-allow-origin" not in answer.headers
    assert (
        client.delete("/api/test/gone", headers={"Origin": LOCAL, "Sec-Fetch-Site": "same-origin"}).status_code == 200
    )
    assert client.delete("/api/test/gone").status_code == 200
    # A link on another page to the service is no harm.
    assert client.get("/healthz", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_cors_is_for_the_origins_that_were_named(db: Database) -> None:
    client = served(db, Settings(cors=("https://photos.example",)))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    allowed = client.options("/api/test/else", headers={"Origin": "https://photos.example", **asked})
    assert allowed.headers["access-control-allow-origin"] == "https://photos.example"
    assert "access-control-allow-credentials" not in allowed.headers
    assert client.post("/api/test/else", headers={"Origin": "https://photos.example"}).status_code == 200
    for origin in ("https://evil.example", "https://photos.example.evil", "http://photos.example"):
        refused = client.options("/api/test/else", headers={"Origin": origin, **asked})
        assert (refused.status_code, refused.headers.get("access-control-allow-origin")) == (400, None)
        assert client.post("/api/test/else", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("origin", ["*", "photos.example", "https://a/b", "https://a b", "null", ""])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(UsageError, match="no origin"):
        Settings(cors=(origin,))


def chunks(count: int, size: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * size


def test_a_body_may_be_as_large_as_its_kind(db: Database) -> None:
    client = served(db, Settings(upload_bytes=3 * 2**20))
    picture, document = {"Content-Type": "image/jpeg"}, {"Content-Type": "application/json"}
    cases = [
        ("similar", picture, 3 * 2**20), ("similar", document, 4 * 2**20 + 64 * 1024), ("else", document, MOST_TEXT_BYTES),
        ("else", picture, MOST_TEXT_BYTES), ("similar/", document, None),
    ]  # fmt: skip
    for path, headers, most in cases:
        if most is None:
            assert client.post(f"/api/test/{path}", headers=headers, content=b"x" * (2**20 + 1)).status_code == 413
            continue
        assert client.post(f"/api/test/{path}", headers=headers, content=b"x" * most).json() == {"bytes": most}
        answer = client.post(f"/api/test/{path}", headers=headers, content=b"x" * (most + 1))
        assert (answer.status_code, answer.json()["code"], answer.json()["most_bytes"]) == (413, "too_large", most)


def test_every_route_that_takes_a_picture_takes_it_whole(db: Database) -> None:
    described = make_app(db).openapi()
    schemas = json.dumps(described["components"]["schemas"])
    assert '"data"' in schemas

    def holds_picture(part: object, seen: frozenset[str] = frozenset()) -> bool:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen and holds_picture(described["components"]["schemas"][name], seen | {name}):
                return True
            return "data" in part.get("properties", {}) or any(holds_picture(one, seen) for one in part.values())
        return isinstance(part, list) and any(holds_picture(one, seen) for one in part)

    taking = {
        path.rpartition("/")[2]
        for path, methods in described["paths"].items()
        if "post" in methods and holds_picture(methods["post"].get("requestBody", {}))
    }
    assert taking == WITH_PICTURES


def test_a_body_in_chunks_is_counted(db: Database) -> None:
    client = served(db, Settings(upload_bytes=2**20))
    picture = {"Content-Type": "image/jpeg"}
    assert client.post("/api/test/similar", headers=picture, content=chunks(16, 2**16)).json() == {"bytes": 2**20}
    answer = client.post("/api/test/similar", headers=picture, content=chunks(17, 2**16))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    lied = client.post("/api/test/similar", headers={**picture, "Content-Length": "9"}, content=chunks(17, 2**16))
    assert lied.status_code == 413


def test_headers_have_a_limit(db: Database) -> None:
    answer = served(db).get("/healthz", headers={"X-Much": "x" * 40_000})
    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")
    assert served(db).get("/healthz?" + "x" * 30_000).status_code == 200


def test_what_all_bodies_hold_is_bounded_and_given_back() -> None:
    import asyncio

    async def scenario() -> list[int]:
        go, codes, inside = asyncio.Event(), [], 0

        async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
            nonlocal inside
            await receive()
            inside += 1
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body"})

        guard = RequestSize(app, upload_bytes=8 * MOST_TEXT_BYTES, most_uploads=2)
        scope = {
            "type": "http", "method": "POST", "path": "/similar", "headers": [(b"content-type", b"image/png")], "raw_path": b"/similar",
        }  # fmt: skip

        async def one() -> None:
            async def receive() -> dict[str, object]:
                return {"type": "http.request", "body": b"x" * 8 * MOST_TEXT_BYTES, "more_body": False}

            async def send(message) -> None:  # type: ignore[no-untyped-def]
                if message["type"] == "http.response.start":
                    codes.append(message["status"])

            await guard(scope, receive, send)

        tasks = [asyncio.create_task(one()) for _ in range(4)]
        while inside < 2 or len(codes) < 2:
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*tasks)
        await one()
        return codes

    # A browser of other tests may have a loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(scenario())).result() == [503, 503, 200, 200, 200]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000, "\x00\xd8", "NaN", "1e999"])
def test_json_that_is_made_to_break_a_parser_is_a_problem(db: Database, body: str) -> None:
    app = make_app(db)
    app.post("/api/test/json")(_takes_json)
    client = TestClient(app, base_url=LOCAL, raise_server_exceptions=False)
    answer = client.post("/api/test/json", content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def _takes_json(body: dict[str, str]) -> None:
    pass
