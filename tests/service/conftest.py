"""A service over the reference gallery ``r``, asked in this process without a port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from reference_world import reference_gallery

from milvise.adapter import Store
from milvise.operations.database import Database
from milvise.service.app import make_app


@pytest.fixture(scope="module")
def db(store: Store) -> Iterator[Database]:
    for _ in reference_gallery(store):
        yield Database(store)


@pytest.fixture(scope="module")
def client(db: Database) -> TestClient:
    """Errors that nobody expects are answered, as a server does, and not raised."""
    return TestClient(make_app(db), raise_server_exceptions=False)
