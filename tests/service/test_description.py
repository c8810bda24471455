"""OpenAPI says everything: what each route does, takes and answers, with examples; and each request of Python has a route."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any, cast

import jsonschema
import pytest

from milvise.operations.database import Database
from milvise.operations.gallery import Gallery as FullGallery
from milvise.queries.search import Gallery
from milvise.queries.vocabulary.word_vectors import Vocabulary
from milvise.service.app import make_app

DOCUMENT = make_app(cast(Database, None)).openapi()
ROUTES = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
API = {name: operation for name, operation in ROUTES.items() if " /api/v1" in name}
OF_GALLERY = " /api/v1/galleries/{gallery}"

NAMED_OTHERWISE = {
    "browse": "pictures", "suggest": "suggestions", "picture": "pictures/{id}", "files": "pictures/{id}/original",
}  # fmt: skip
"""Methods whose route has another name."""

AT_THE_SERVICE = {
    "train", "check_wiring", "project", "project_part", "evaluate", "export_model", "export_projector", "export_pairs",
    "export_manifest", "export_duplicates", "rebuild", "rollback", "versions",
}  # fmt: skip
"""What writes files, and is done by who runs the service."""


def route_of(method: str) -> str:
    return NAMED_OTHERWISE.get(method, method).replace("_", "-")


def public_methods(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("method", sorted(public_methods(Gallery) - {"search_each"}))
def test_each_request_to_a_gallery_has_a_route(method: str) -> None:
    if method == "feedback":
        assert "POST /api/v1/feedback" in ROUTES
        return
    assert any(name.endswith(f"{OF_GALLERY}/{route_of(method)}") for name in ROUTES), sorted(ROUTES)


def test_what_has_no_route_writes_files() -> None:
    beyond = public_methods(FullGallery) - public_methods(Gallery)
    missing = {name for name in beyond if not any(route.endswith(f"{OF_GALLERY}/{route_of(name)}") for route in ROUTES)}
    assert missing == AT_THE_SERVICE


@pytest.mark.parametrize("method", sorted(public_methods(Vocabulary)))
def test_each_request_to_words_has_a_route(method: str) -> None:
    assert f"GET /api/v1/words/{route_of(method)}" in ROUTES


@pytest.mark.parametrize(
    "method", ["search", "similar", "mixed", "complete", "rank", "owners", "refine", "explain", "tags", "search_many"]
)
def test_each_argument_of_python_can_be_given(method: str) -> None:
    """But for `log`, which is POST feedback."""
    taken = {name for name in inspect.signature(getattr(Gallery, method)).parameters if name not in ("self", "log")}
    names = {"expression": "words", "hit": "id", "picture": "id"}
    wanted = {names.get(name, name) for name in taken}
    given: set[str] = set()
    for verb in ("GET", "POST"):
        operation = ROUTES.get(f"{verb}{OF_GALLERY}/{route_of(method)}", {})
        given |= {one["name"] for one in operation.get("parameters", [])} | set(
            body_of(operation).get("properties", {})
        )
    assert wanted <= given


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def body_of(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return resolved(content["application/json"]["schema"]) if content else {}


@pytest.mark.parametrize("name", API)
def test_a_route_says_what_it_takes_and_answers(name: str) -> None:
    operation = API[name]
    assert operation["tags"] and (operation.get("description") or "").endswith((".", ".\n"))
    for one in operation.get("parameters", []):
        assert one.get("description"), one["name"]
        schema = resolved(one["schema"])
        assert "examples" in schema or "example" in one or "examples" in one or "enum" in schema, one["name"]
    for key, schema in body_of(operation).get("properties", {}).items():
        assert resolved(schema).get("description") or schema.get("description"), key
    answers = operation["responses"]
    assert {"401", "403", "404", "413", "422", "429", "503"} <= answers.keys()
    for status, answer in answers.items():
        if "$ref" in answer:
            answer = DOCUMENT["components"]["responses"][status]
            assert list(answer["content"]) == ["application/problem+json"]
        assert answer["description"] and "X-Request-Id" in answer["headers"]
    assert "Retry-After" in DOCUMENT["components"]["responses"]["429"]["headers"]
    assert "Retry-After" in DOCUMENT["components"]["responses"]["503"]["headers"]


@pytest.mark.parametrize("name", [name for name, operation in API.items() if "requestBody" in operation])
def test_the_example_of_a_body_is_one(name: str) -> None:
    schema = body_of(API[name])
    of_parts = {key: one["examples"][0] for key, one in schema["properties"].items() if "examples" in one}
    (example,) = schema.get("examples", [of_parts])
    assert example
    jsonschema.validate(example, {**schema, "components": DOCUMENT["components"]})


def test_the_description_is_whole() -> None:
    text = json.dumps(DOCUMENT)
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in DOCUMENT["components"]["schemas"], name
    assert "HTTPValidationError" not in text
    assert "--" not in text and ".venv" not in text
