"""The ways to a database: its own methods, and those of a client that asks a service by HTTP.

A test that takes the fixture ``door`` and asks ``door(database)`` runs in both ways, by HTTP on the Milvus in memory alone. The service is in this process,
without a port. ``pytest.mark.python_only(why)`` names what a service does not have, or answers in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from fastapi.testclient import TestClient

from milvise.client.database import RemoteDatabase
from milvise.queries.database import Database
from milvise.service.app import make_app
from milvise.service.settings import Settings

PYTHON, HTTP = "python", "http"

Door = Callable[[Any], Any]


@contextmanager
def _itself() -> Iterator[Door]:
    yield lambda db: db


@contextmanager
def _by_http() -> Iterator[Door]:
    settings = Settings(requests_per_minute=10**6)
    with ExitStack() as opened:

        def asked(db: Database) -> RemoteDatabase:
            app = make_app(db, settings)
            return RemoteDatabase(opened.enter_context(TestClient(app, raise_server_exceptions=False)))

        yield asked


DOORS = {PYTHON: _itself, HTTP: _by_http}
