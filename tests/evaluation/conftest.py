"""One gallery to evaluate on each Milvus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from evaluation_world import GALLERY, drop_evaluation_world, put_evaluation_world

from milvise.adapter import Store
from milvise.operations.database import Database
from milvise.queries.evaluation_reads import GalleryReader, read_gallery


@pytest.fixture(scope="module")
def judged(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    put_evaluation_world(store, tmp_path_factory.mktemp("judged"))
    yield Database(store)
    drop_evaluation_world(store)


@pytest.fixture
def reading(judged: Database) -> GalleryReader:
    return read_gallery(judged, GALLERY)


@pytest.fixture
def tests_file(tmp_path: Path) -> Path:
    from evaluation_world import TESTS

    path = tmp_path / "own.toml"
    path.write_text(TESTS)
    return path
