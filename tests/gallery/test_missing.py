"""A gallery that is not there: the message names those that are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from milvise.adapter import Manifest, Store
from milvise.adapter.ledgers import CATALOG_NAME, Catalog
from milvise.errors import NotFoundError
from milvise.gallery.exports import export_model, export_projector
from milvise.gallery.missing import MOST_NAMES, missing_gallery
from milvise.gallery.project import project
from milvise.operations.database import Database
from milvise.queries.evaluation_reads import read_gallery
from milvise.training.train import train_head


def put(store: Store, *names: str) -> None:
    for name in names:
        store.publish(store.build(Manifest(f"{name}_visual", "visual", 4, {"made": "for the test"})))


@pytest.fixture
def galleries(store: Store) -> Iterator[Store]:
    put(store, "holiday", "house")
    yield store
    for name in ("holiday", "house"):
        store.drop(f"{name}_visual")


def test_the_galleries_that_are_there_are_named_the_closest_spelling_first(galleries: Store) -> None:
    for name, first in (("holyday", "holiday, house"), ("hause", "house, holiday")):
        error = missing_gallery(galleries, name)
        assert isinstance(error, NotFoundError)
        assert str(error).startswith(f"there is no gallery {name!r}. Galleries here: {first}")
        assert f"milvise ingest images FOLDER --gallery {name}" in str(error)


def test_none_is_named_that_was_dropped_behind_the_catalog(galleries: Store) -> None:
    galleries.unpublish("house_visual")
    assert "house" not in str(missing_gallery(galleries, "holyday"))


def test_no_gallery_and_no_catalog(own_store: Store) -> None:
    assert "No gallery is loaded here yet" in str(missing_gallery(own_store, "holiday"))
    assert not own_store.stands(CATALOG_NAME)


def test_at_most_twenty_are_named(own_store: Store) -> None:
    put(own_store, *(f"g{number:02}" for number in range(MOST_NAMES + 3)))
    message = str(missing_gallery(own_store, "g21"))
    assert "Galleries here: g21, " in message
    assert " and 3 more (milvise status)" in message


@pytest.mark.parametrize(
    "ask",
    [
        lambda store, path: Database(store).gallery("holyday").search("cat"),
        lambda store, path: Database(store).gallery("holyday").similar("0.png"),
        lambda store, path: Database(store).status("holyday"),
        lambda store, path: Database(store).verify("holyday"),
        lambda store, path: Database(store).drop("holyday"),
        lambda store, path: project(store, gallery="holyday", head="conse"),
        lambda store, path: train_head(store, gallery="holyday", out=path / "h.keras"),
        lambda store, path: export_model(store, "holyday", path / "model.keras"),
        lambda store, path: export_projector(store, "holyday", path / "projector"),
        lambda store, path: read_gallery(Database(store), "holyday"),
    ],
    ids=["search", "similar", "status", "verify", "drop", "project", "train", "model", "projector", "evaluate"],
)
def test_every_command_names_them(ask: Callable[[Store, Path], Any], galleries: Store, tmp_path: Path) -> None:
    words = Manifest("words", "words", 4, {"made": "for the test"})
    collection = galleries.build(words)
    collection.upsert([{"word": "cat", "rank": 0, "vector": [1.0, 0, 0, 0]}])
    galleries.publish(collection)
    with pytest.raises(NotFoundError, match="there is no gallery 'holyday'. Galleries here: holiday, house"):
        ask(galleries, tmp_path)
    galleries.drop("words")


def test_a_gallery_that_is_there_costs_no_call_more(galleries: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalog, "entries", lambda catalog: pytest.fail("the catalog was read"))
    opened = Database(galleries).gallery("holiday")
    assert opened._parts.visual.collection.manifest.alias == "holiday_visual"
