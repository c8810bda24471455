"""What an operation tells while it works, and what is left where its callback ends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trained_world import put_trained_world

import milvise
from milvise.operations.progress import Count, Epoch, Event, Note


class Enough(Exception):
    pass


class Stop:
    """A callback that ends the operation at the first event of a kind that is past its beginning."""

    def __init__(self, kind: type[Event]) -> None:
        self.kind = kind

    def __call__(self, event: Event) -> None:
        if isinstance(event, self.kind) and (getattr(event, "done", 0) or getattr(event, "number", 0)):
            raise Enough


def test_loading_tells_its_steps_and_how_far_it_is(db: milvise.Database, how: dict[str, Any]) -> None:
    told: list[Event] = []
    db.ingest_words("words.txt", components=0, progress=told.append)
    assert [str(event) for event in told] == ["Reading words.txt …", "Loading 5 words of width 4 …"]
    told.clear()
    db.ingest_images("pictures", **how, progress=told.append)
    assert told[0] == Note(f"Building {how['backbone']} …")
    counts = [event for event in told if isinstance(event, Count)]
    assert (counts[0], counts[-1]) == (Count("pictures", 0, 8), Count("pictures", 8, 8, 8))
    assert [count.done for count in counts] == sorted(count.done for count in counts)
    assert str(counts[-1]) == "8 of 8 pictures"


def test_training_tells_its_passes_and_projection_its_rows(db: milvise.Database, folder: Path) -> None:
    put_trained_world(db.store, each=4)
    told: list[Event] = []
    db.gallery("t").train("head.keras", head="linear", epochs=3, progress=told.append)
    assert [event.number for event in told if isinstance(event, Epoch)] == [0, 1, 2, 3]
    assert "loss" in str(told[-1])
    told.clear()
    db.gallery("t").project("head.keras", progress=told.append)
    assert told == [Count("joint vectors", 28, 28)]


def test_exports_and_removal_tell_what_they_did(db: milvise.Database, folder: Path) -> None:
    put_trained_world(db.store, each=20)
    told: list[Event] = []
    gallery = db.gallery("t")
    gallery.export_projector("look", limit=120, progress=told.append)
    assert told == [Count("pictures", 100, 120), Count("pictures", 120, 120)]
    told.clear()
    (folder / "log.jsonl").write_text("")
    gallery.export_pairs("log.jsonl", "pairs.jsonl", progress=told.append)
    assert told == [Note("Reading the feedback in log.jsonl …")]
    told.clear()
    dropped = db.drop("t", progress=told.append)
    assert [str(event) for event in told] == [f"Removed {name}." for name in dropped.collections]
    assert len(told) == 1
    told.clear()
    (words,) = db.drop_words(progress=told.append).collections
    assert told == [Note(f"Removed {words}.")]


def test_loading_that_its_callback_ended_is_completed_by_the_same_call(
    db: milvise.Database, how: dict[str, Any]
) -> None:
    db.ingest_words("words.txt", components=0)
    with pytest.raises(Enough):
        db.ingest_images("pictures", **how, batch_size=1, progress=Stop(Count))
    again = db.ingest_images("pictures", **how, batch_size=1)
    assert again.embedded + again.unchanged == again.rows == 8
    assert again.unchanged > 0
    assert db.verify("g").whole


def test_training_and_projection_that_their_callback_ended_leave_all_as_it_was(
    db: milvise.Database, folder: Path
) -> None:
    put_trained_world(db.store, each=4)
    gallery = db.gallery("t")
    with pytest.raises(Enough):
        gallery.train("head.keras", head="linear", progress=Stop(Epoch))
    assert not (folder / "head.keras").exists()
    gallery.project("conse")
    before = gallery.search("cat", limit=5)
    gallery.train("head.keras", head="linear", epochs=2)
    with pytest.raises(Enough):
        gallery.project("head.keras", progress=Stop(Count))
    assert gallery.search("cat", limit=5) == before
    assert gallery.project("head.keras").rows == 28
