"""Requests that schemathesis makes of the description: no answer is another than described, and none is a failure.

``MILVISE_TEST_REQUESTS=5000`` makes so many; without it there are a few for each route.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from reference_world import reference_gallery
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation
from small_encoder import BASE64, PICTURE, small_encoder

from milvise.adapter import Store
from milvise.core.records import record_id
from milvise.operations.database import Database
from milvise.service.app import make_app

PICTURES = 40
NAMES = {
    "gallery": ("r",),
    "id": ("folder/5.jpg", record_id("folder/39.jpg")),
    "words": ("cat", "cat sofa -dog", "a photo of a dog, without word7", "soffa", 'cat^2 "dining table"'),
    "filter": ("", 'label == "even"', 'meta["number"] < 7', "width >"),
    "data": (BASE64, "bm8gcGljdHVyZQ=="),
    "focus": (None, "cat", "dog - sofa", "xyzzi"),
}
"""What is there: among made-up names alone hardly a request would be answered."""

CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # A route that has not all that it needs says 501; who waits too long, 503.
            "not_a_server_error": {"expected-statuses": ["2xx", "4xx", "501", "503"]},
            # What no schema can say: whether a word is known, a filter can be read, or values fit each other.
            "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422", "501"]},
        }
    }
)


def _operations() -> dict[str, APIOperation]:
    """Return what can be asked; the description needs no database."""
    described = make_app(cast(Database, None)).openapi()
    schema = schemathesis.openapi.from_dict(described, config=CONFIG)
    found = [result.ok() for result in schema.get_all_operations()]
    return {f"{one.method.upper()} {one.path}": one for one in found}


OPERATIONS = _operations()


@pytest.fixture(scope="module")
def app(store: Store) -> Iterator[FastAPI]:
    for _ in small_encoder():
        for db in reference_gallery(store, pictures=PICTURES):
            yield make_app(db)


CASES = [(name, GenerationMode.POSITIVE) for name in OPERATIONS]
CASES += [
    (name, GenerationMode.NEGATIVE) for name, one in OPERATIONS.items() if list(one.iter_parameters()) or one.body
]
EXAMPLES = max(2, math.ceil(int(os.environ.get("MILVISE_TEST_REQUESTS", "0")) / len(CASES)))
"""For each operation, of requests that are as described and of such as are not."""


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=[f"{name}-{mode.value}" for name, mode in CASES])
def test_answers_are_as_described(app: FastAPI, operation: str, mode: GenerationMode) -> None:
    asked = OPERATIONS[operation]
    asked.app = asked.schema.app = app

    @given(case=asked.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            case.path_parameters = _known(case.path_parameters)
            case.query = _known(case.query)
            case.body = PICTURE if isinstance(case.body, bytes) and len(case.body) % 2 else _known(case.body)
        case.call_and_validate()

    ask()


def _known(values: Any) -> Any:
    """Return values with about half of their names being of what is there; which ones, the made-up names say."""
    if isinstance(values, list):
        return [_known(one) for one in values]
    if not isinstance(values, dict):
        return values
    known = {}
    for name, value in values.items():
        some = NAMES.get(name)
        size = len(value) if isinstance(value, str) else 0
        known[name] = some[size // 2 % len(some)] if some and size % 2 == 0 else _known(value)
    return known
