"""Every error of milvise that a service answers with comes out of the client as the same class, with what it carries."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from milvise import errors
from milvise.client.database import RemoteDatabase
from milvise.service.bodies.problems import add_problems
from milvise.service.watching.request_id import RequestIds

MADE: dict[type[errors.MilviseError], Callable[[], errors.MilviseError]] = {
    errors.UnknownWordError: lambda: errors.UnknownWordError("dgo", ("dog", "god"), place="the vocabulary"),
    errors.UnknownClassError: lambda: errors.UnknownClassError("dgo", ("dog",), kind="class", place="the backbone"),
    errors.MissingExtraError: lambda: errors.MissingExtraError("a picture", "ingest"),
    errors.MissingEncoderError: lambda: errors.MissingEncoderError("clip", ["devise"]),
}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.MilviseError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_the_service_is_the_same_class_here(
    kind: type[errors.MilviseError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.client.connection.ATTEMPTS", 1)
    raised = MADE.get(kind, lambda: kind("what happened."))()
    app = FastAPI()
    add_problems(app)
    app.add_middleware(RequestIds)

    @app.get("/api/v1/galleries")
    def failing() -> None:
        raise raised

    with pytest.raises(errors.MilviseError) as caught:
        RemoteDatabase(TestClient(app, raise_server_exceptions=False)).status()
    found = caught.value
    assert type(found) is kind
    assert str(found)
    assert found.__notes__[0].startswith("request id: ")
    if isinstance(raised, errors.UnknownWordError):
        assert isinstance(found, errors.UnknownWordError)
        assert (found.word, found.suggestions) == (raised.word, raised.suggestions)
    if isinstance(raised, errors.MissingEncoderError):
        assert isinstance(found, errors.MissingEncoderError)
        assert isinstance(found.encoder, str)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.UsageError),
        (401, errors.DeniedError),
        (403, errors.DeniedError),
        (404, errors.NotFoundError),
        (408, errors.UnavailableError),
        (413, errors.InputError),
        (415, errors.InputError),
        (422, errors.UsageError),
        (429, errors.BusyError),
        (502, errors.UnavailableError),
        (504, errors.UnavailableError),
        (307, errors.StoreError),
        (500, errors.StoreError),
    ],
)
def test_an_answer_without_a_code_of_milvise_is_told_by_its_status(
    status: int, kind: type[errors.MilviseError]
) -> None:
    for body in ({"content": b"<html>"}, {"json": {"code": "of_http", "detail": "what happened."}}, {"json": ["?"]}):
        transport = httpx.MockTransport(lambda request, body=body: httpx.Response(status, **body))
        with pytest.raises(
            errors.MilviseError, match=rf"what happened\.|pictures\.example answered {status} "
        ) as caught:
            RemoteDatabase(httpx.Client(base_url="https://pictures.example", transport=transport)).status()
        assert type(caught.value) is kind


def test_a_service_that_lacks_a_route_is_of_another_version() -> None:
    with pytest.raises(errors.UnsupportedError, match="has no /api/v1/galleries: it is of another version"):
        app = FastAPI()
        add_problems(app)
        RemoteDatabase(TestClient(app)).status()
