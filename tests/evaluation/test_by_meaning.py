"""An evaluation judges what pictures show: what their files and captions say changes no figure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from evaluation_world import (
    BACKBONE,
    DIM,
    GALLERY,
    LABELS,
    MADE_WITH,
    drop_evaluation_world,
    put_evaluation_world,
    rows,
)
from trained_world import put

from milvise.adapter import Manifest, Store
from milvise.evaluation.accuracy import measure as accuracy
from milvise.evaluation.report.figures import Figure
from milvise.operations.database import Database
from milvise.queries.evaluation_reads import read_gallery

COUNT = 300
TOLD = {"plain": {}, "captioned": {"caption": " ".join(LABELS)}}


@pytest.fixture
def database(own_store: Store, tmp_path: Path) -> Iterator[Database]:
    """Two galleries of the same pictures and labels; in one, file names and captions hold the words of other labels."""
    put_evaluation_world(own_store, tmp_path)
    for name, meta in TOLD.items():
        for room, dim in (("visual", DIM + 4), ("joint", DIM)):
            made = {"visual": BACKBONE, "words": MADE_WITH, "head": {"kind": "conse"}} if room == "joint" else BACKBONE
            put(
                own_store,
                Manifest(f"{name}_{room}", room, dim, made),
                (
                    # The ids are kept, so that the same pictures are taken as a sample.
                    row | {"uri": f"{LABELS[number % 5]} {number}.png" if meta else f"{number}.png", "meta": meta}
                    for number, row in enumerate(islice(rows(room), COUNT))
                ),
            )
    yield Database(own_store)
    drop_evaluation_world(own_store)


def figures(database: Database, gallery: str) -> list[Figure]:
    options = accuracy.AccuracyOptions(similar=5, tagged=5)
    return accuracy.evaluate_accuracy(read_gallery(database, gallery), options, lambda text: None).figures


def test_what_files_are_called_changes_no_figure(database: Database) -> None:
    plain, captioned = (figures(database, name) for name in TOLD)
    assert plain
    assert captioned == plain
    asked = [database.gallery(name).search("dog", limit=20) for name in TOLD]
    assert [hit.id for hit in asked[0]] != [hit.id for hit in asked[1]], "users find other pictures by these texts"
    assert GALLERY not in TOLD
