"""The description of the service: what FastAPI makes of the routes, with the problem documents that all of them may answer."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from milvise.service.bodies.problems import MEDIA_TYPE
from milvise.service.watching.request_id import HEADER


class WrongPart(BaseModel):
    """One part of a request that is not as described."""

    at: str = Field(description="Where it is, such as query.limit or body.pictures.0.id.")
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    code: str = Field(description="Stays the same, for programs: unknown_word, not_found, busy and so on.")
    detail: str = Field(description="For people.")
    request_id: str = Field(description="Also in the header X-Request-Id, and in the service's log.")
    word: str | None = Field(None, description="With unknown_word and unknown_class: the word.")
    suggestions: list[str] | None = Field(None, description="With these two: close spellings that are known.")
    errors: list[WrongPart] | None = Field(None, description="With invalid_request: each part that is wrong.")


_REFUSALS = {
    "400": "The request cannot be read at all.",
    "401": "No key was given, or one that is not known.",
    "403": "The key may not do this.",
    "404": "There is no such gallery, picture or page.",
    "409": "Vectors of different models would be compared: the gallery has to be projected anew.",
    "413": "The body is larger than the service takes.",
    "415": "The body is of another type than the route takes.",
    "422": "A value is not as described, a word is not known, or a filter, an expression or a picture cannot be read.",
    "429": "Too many requests in the last minute.",
    "431": "The headers are larger than the service takes.",
    "500": "The service failed; its log says why.",
    "501": "The service has no engine for pictures, or its Milvus lacks a feature.",
    "502": "Milvus answered with an error.",
    "503": "Milvus does not answer, too many pictures wait for the network, or a gallery was replaced just now.",
}
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
_REQUEST_ID = {HEADER: {"description": "The id of the request.", "schema": {"type": "string"}}}
_EXAMPLE = {
    "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": "unknown_word",
    "detail": "the word 'soffa' is not in the vocabulary. Close spellings: sofa. To search for the first of them: fix=true.",
    "request_id": "0d3a6f0a1b7c4f1e9a52", "word": "soffa", "suggestions": ["sofa"],
}  # fmt: skip


def describe(app: FastAPI) -> None:
    """Let an application describe itself so."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    told = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = told.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs"), "Problem": problem}
    components["responses"] = {status: _refusal(status, says) for status, says in _REFUSALS.items()}
    for path, operations in told["paths"].items():
        for operation in operations.values():
            answers = operation["responses"]
            for answer in answers.values():
                answer["headers"] = {**answer.get("headers", {}), **_REQUEST_ID}
            if path.startswith("/api/"):
                answers |= {status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS}
            else:
                answers.pop("422", None)
            if "security" in operation:
                # A service on loopback may be open.
                operation["security"] = [{}, *operation["security"]]
    return told


def _refusal(status: str, says: str) -> dict[str, Any]:
    example = {"example": _EXAMPLE} if status == "422" else {}
    return {
        "description": says,
        "headers": _REQUEST_ID | (_RETRY if status in ("429", "503") else {}),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, **example}},
    }
