"""A service over the reference gallery ``r``, asked in this process without a port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from page_browser import Window
from page_world import browser, load_galleries, serving, tiny_encoders, why_no_browser
from reference_world import reference_gallery

from milvise.adapter import Store
from milvise.operations.database import Database
from milvise.service.app import make_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def db(store: Store) -> Iterator[Database]:
    for _ in reference_gallery(store):
        yield Database(store)


@pytest.fixture(scope="module")
def client(db: Database) -> TestClient:
    """Errors that nobody expects are answered, as a server does, and not raised."""
    return TestClient(make_app(db), raise_server_exceptions=False)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    reason = why_no_browser()
    if reason is not None:
        pytest.skip(reason)
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def colours(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The galleries ``default`` and ``second`` of coloured pictures, see `page_world`."""
    folder = tmp_path_factory.mktemp("colours")
    with tiny_encoders(folder / "installed"):
        db = load_galleries(store, folder / "pictures")
        yield db
        for gallery in ("default", "second"):
            db.drop(gallery)


@pytest.fixture(scope="module")
def address(colours: Database) -> Iterator[str]:
    """Where a service over `colours` is reached."""
    with serving(colours) as address:
        yield address


@pytest.fixture
def open_window(chromium: Browser) -> Iterator[Callable[..., Window]]:
    """Open windows on a service; at the end nothing may stand in their consoles, and no other host have been asked."""
    windows: list[Window] = []

    def opened(address: str, **how: Any) -> Window:
        windows.append(Window(chromium, address, **how))
        return windows[-1]

    yield opened
    for window in windows:
        window.close()
    told = [window.unexpected() for window in windows]
    assert told == [[] for _ in windows]
