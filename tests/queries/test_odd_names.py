"""Pictures whose names hold control characters, on every Milvus; and names and pictures that cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from backends import REAL
from hostile.folders import NAMES

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.records import record_id
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.encoder import Devise
from milvise.errors import ImageError, NotFoundError
from milvise.queries.database import Database
from milvise.queries.pictures.encode import visual_vector
from milvise.queries.pictures.find import find_rows, is_stored
from milvise.queries.search import Gallery

pytestmark = pytest.mark.milvus(*REAL)

URIS = [f"{name}/{name[:60]}.png" for name in NAMES.values()] + ["plain.png", "a" * 32]
DIM = 8
VECTORS = np.random.default_rng(7).normal(size=(len(URIS), DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def gallery(store: Store) -> Iterator[Gallery]:
    collection = store.build(Manifest("odd_visual", "visual", DIM, {"backbone": "odd", "weights": "none"}))
    collection.upsert(
        {
            "id": record_id(uri),
            "uri": uri,
            "label": "",
            "sha256": "",
            "width": 1,
            "height": 1,
            "meta": {},
            "vector": vector,
        }
        for uri, vector in zip(URIS, VECTORS, strict=True)
    )
    store.publish(store.finish(collection, IndexSpec("flat")))
    yield Database(store).gallery("odd")
    store.drop("odd_visual")


def test_a_picture_is_found_by_a_uri_of_any_characters(gallery: Gallery) -> None:
    keys = [record_id(uri) for uri in URIS]
    by_uri = gallery._parts.answered(lambda now: find_rows(now, URIS, "visual", ["uri"]))
    assert {name: row["uri"] for name, row in by_uri.items()} == {uri: uri for uri in URIS}
    by_key = gallery._parts.answered(lambda now: find_rows(now, keys, "visual", ["uri"]))
    assert [row["uri"] for row in by_key.values()] == URIS


def test_it_can_be_asked_for_and_is_among_the_answers(gallery: Gallery) -> None:
    for uri in URIS:
        hits = gallery.similar(uri, limit=len(URIS))
        assert {hit.uri for hit in hits} == set(URIS) - {uri}


@pytest.mark.parametrize("name", ["\0", "a\0b.jpg", "x" * 10_000, "\ud800", "\udcff.jpg", "\x1b[31m", "", "f" * 32])
def test_what_is_not_there_is_said_whatever_it_is_called(name: str, gallery: Gallery) -> None:
    assert is_stored(name)
    with pytest.raises(NotFoundError, match="neither a file"):
        gallery.similar(name)


# -- pictures that are not stored ----------------------------------------------------------------------------------------


@pytest.fixture
def manifest(nets: list[Backbone], monkeypatch: pytest.MonkeyPatch) -> Manifest:
    monkeypatch.setattr("milvise.gallery.models._encoder", lambda recipe, name: Devise(nets[0]))
    return Manifest("g_visual", "visual", nets[0].dim, nets[0].fingerprint, recipe={"backbone": "net"})


@pytest.mark.parametrize("shape", [(1, 7, 3), (7, 1, 3), (1, 1, 3), (1, 7), (7, 1), (1, 1), (1, 7, 4), (1, 70_000, 3)])
def test_an_array_of_one_row_is_a_picture(shape: tuple[int, ...], manifest: Manifest) -> None:
    assert visual_vector(np.full(shape, 200, np.uint8), manifest).shape == (manifest.dim,)


@pytest.mark.parametrize("shape", [(0, 7), (7, 0), (0, 0), (0, 7, 3), (7, 0, 3), (0,), (7,), (7, 7, 0), (7, 7, 2), ()])
def test_an_array_without_pixels_is_refused(shape: tuple[int, ...], manifest: Manifest) -> None:
    with pytest.raises(ImageError, match="Received"):
        visual_vector(np.zeros(shape, np.uint8), manifest)


@pytest.mark.timeout(60)
def test_a_pipe_is_refused_and_nobody_waits_for_it(manifest: Manifest, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(ImageError, match="not a regular file"):
            visual_vector(path, manifest)
