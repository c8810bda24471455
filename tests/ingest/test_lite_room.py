"""A load into Milvus Lite warns, once, when what it holds has come to a quarter of the machine's memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from small_world import paint

from milvise.adapter import Store
from milvise.adapter.lite_memory import lite_bytes, machine_bytes
from milvise.gallery.pair import Pair
from milvise.ingest.lite_room import LiteRoom
from milvise.ingest.summary import Summary

Load = Callable[..., Summary]


@pytest.mark.milvus("lite")
def test_it_is_told_once_when_a_quarter_is_taken(
    load: Load, own_store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        paint(tmp_path / f"pictures/{number}.png", number)
    caplog.set_level(logging.WARNING, "milvise.ingest")
    load(tmp_path / "pictures")
    assert not caplog.records
    live = [own_store.live(f"g_{room}") for room in ("visual", "joint")]
    pair = Pair(*(one for one in live if one is not None))
    row = sum(lite_bytes(1, one.manifest.dim, one.manifest.room) for one in pair.in_order)
    room = LiteRoom(pair, memory=4 * 100 * row)
    for written in (0, 50, 94):
        room.look(written)
    assert not caplog.records
    for written in (95, 96, 500):
        room.look(written)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "100 pictures" in said
    assert "A Milvus server would be better" in said
    # In a load of its own, and not where nothing is new.
    caplog.clear()
    monkeypatch.setattr("milvise.ingest.lite_room.machine_bytes", lambda: 4 * 8 * row)
    for number in range(5):
        paint(tmp_path / f"more/{number + 5}.png", number + 5)
    load(tmp_path / "more")
    load(tmp_path / "more")
    assert ["pictures take about" in record.getMessage() for record in caplog.records] == [True]


def test_a_wide_row_takes_more_than_a_narrow_one_and_the_machine_has_memory() -> None:
    assert lite_bytes(10, 1280, "visual") > lite_bytes(10, 50, "joint") > lite_bytes(10, 50, "words") > 10 * 200
    assert lite_bytes(0, 50, "words") == 0
    assert (machine_bytes() or 2**31) > 2**28


def test_a_container_that_may_take_less_than_the_machine_has_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = machine_bytes()
    monkeypatch.setattr("milvise.adapter.lite_memory._CONTAINER", tmp_path / "memory.max")
    for text, expected in (("4096\n", 4096), ("max\n", whole), (str(2**60), whole)):
        (tmp_path / "memory.max").write_text(text)
        assert machine_bytes() == expected
