"""What a gallery's pictures have in common, counted, and each count is what its expression selects in Milvus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from backends import EVERY
from doors import Door

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.records import record_id
from milvise.errors import FilterError
from milvise.operations.database import Database
from milvise.operations.gallery import Gallery
from milvise.queries.requests import facets

pytestmark = pytest.mark.milvus(*EVERY)

META: list[dict[str, Any]] = [
    {"owner": "ann", "stars": 4.0, "flag": True, "tags": ["sea", "sand"], "taken": "2021-05-03", "caption": "one"},
    {"owner": "ann", "stars": 4, "flag": False, "tags": "sea", "taken": "2021:05:04 10:00:00", "caption": "two"},
    {"owner": 'b"o\\b', "stars": 4.5, "flag": True, "tags": ["sand", "sand"], "taken": "2020-12-31T10:00:00Z"},
    {"owner": 'b"o\\b', "stars": 4.5, "flag": True, 'an "odd/" name': "ü\n", "taken": "2021-06"},
    {"owner": "x" * 101, "stars": 1.5, 'an "odd/" name': "ü\n", "": "nothing"},
    {},
]
LABELS = ["dog", "dog", 'a "cat"', 'a "cat"', "dog", ""]
SIZES = [(640, 1), (641, 480), (200, 1280), (2561, 10), (5, 9999), (0, 0)]


@pytest.fixture(scope="module")
def gallery(store: Store, door: Door) -> Iterator[Gallery]:
    collection = store.build(Manifest("f_visual", "visual", 4, {"backbone": "facets", "weights": "none"}))
    collection.upsert(
        {
            "id": record_id(str(number)), "uri": str(number), "label": LABELS[number], "sha256": "", "meta": meta,
            "width": SIZES[number][0], "height": SIZES[number][1], "vector": np.ones(4, np.float32),
        }
        for number, meta in enumerate(META)
    )  # fmt: skip
    store.publish(store.finish(collection, IndexSpec.parse("flat")))
    yield door(Database(store)).gallery("f")
    store.drop("f_visual")


def counted(found: tuple[facets.Facet, ...]) -> list[tuple[object, int]]:
    return [(one.value, one.count) for one in found]


def test_labels_and_sizes_are_counted(gallery: Gallery) -> None:
    told = gallery.facets()
    assert (told.pictures, told.is_whole) == (6, True)
    assert counted(told.labels) == [("dog", 3), ('a "cat"', 2)]
    assert counted(told.sizes) == [("≤ 640 px", 1), ("641–1280 px", 2), ("> 2560 px", 2)]


def test_dates_are_counted_by_year_and_month(gallery: Gallery) -> None:
    dates = gallery.facets().dates
    assert counted(dates) == [("2021", 3), ("2021-06", 1), ("2021-05", 2), ("2020", 1), ("2020-12", 1)]
    assert {one.column for one in dates} == {"taken"}


def test_metadata_is_counted_where_pictures_share_it(gallery: Gallery) -> None:
    told = gallery.facets().meta
    assert {column: counted(values) for column, values in told.items()} == {
        "owner": [("ann", 2), ('b"o\\b', 2)],
        "stars": [(4, 2), (4.5, 2), (1.5, 1)],
        "flag": [(True, 3), (False, 1)],
        "tags": [("sand", 2), ("sea", 2)],
        'an "odd/" name': [("ü\n", 2)],
    }
    assert [type(one.value) for one in told["flag"]] == [bool, bool]


def test_every_expression_selects_what_was_counted(gallery: Gallery) -> None:
    told = gallery.facets()
    every = [*told.labels, *told.sizes, *told.dates, *(one for values in told.meta.values() for one in values)]
    assert len(every) == 20
    for one in every:
        joined = f"{one.filter} and width >= 0"
        assert (one.filter, len(gallery.browse(joined))) == (one.filter, one.count)


def test_a_filter_leaves_the_counts_of_what_fits(gallery: Gallery) -> None:
    told = gallery.facets('label == "dog" and width > 5')
    assert (told.pictures, told.is_whole, counted(told.labels)) == (2, True, [("dog", 2)])
    assert gallery.facets("width > 100000") == facets.Facets(0, True, (), (), (), {})
    with pytest.raises(FilterError):
        gallery.facets("label ==")


def test_of_many_pictures_some_are_counted(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "_FIRST_ROWS", 2)
    monkeypatch.setattr(facets, "MOST_HITS", 4)
    told = gallery.facets("width >= 0")
    assert (told.pictures, told.is_whole) == (6, False)
    assert sum(count for _, count in counted(told.sizes)) in (3, 4)
    told = gallery.facets("width > 640")
    assert (told.pictures, told.is_whole) == (2, True)


def test_what_is_counted_without_a_filter_is_kept(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    before = gallery.facets()
    monkeypatch.setattr(facets, "_FIRST_ROWS", 0)  # to count again would divide by zero
    assert gallery.facets() == gallery.facets(" ") == before
