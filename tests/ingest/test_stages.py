"""The stages are functions of batches: what runs them changes nothing about the rows that come out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from small_world import paint, put_words
from threadpoolctl import threadpool_info

from milvise.adapter import IndexSpec, Store
from milvise.embeddings.devise.backbones import Backbone
from milvise.gallery.pair import open_pair
from milvise.gallery.plan import Plan, make_plan
from milvise.ingest.changes.find_changes import ChangeFinder
from milvise.ingest.changes.seen_ids import SeenIds
from milvise.ingest.picture_stages import picture_stages
from milvise.ingest.rows import RowBatch
from milvise.ingest.runners import Stages, run_in_threads, run_one_batch
from milvise.ingest.sinks.upsert import UpsertSink
from milvise.ingest.sources import Item, LocalFile, Rejected, open_source
from milvise.ingest.stages.batches import EmbeddedBatch, ReadBatch
from milvise.ingest.stages.embed import embed_batch
from milvise.ingest.stages.read import read_batch
from milvise.ingest.summary import Summary, Tally

Load = Callable[..., Summary]


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[RowBatch] = []

    def write(self, batch: RowBatch) -> None:
        self.batches.append(batch)

    def finish(self) -> int:
        return sum(len(batch) for batch in self.batches)

    def rows(self) -> dict[str, tuple[object, ...]]:
        found = {}
        for batch in self.batches:
            assert batch.joint is not None
            for row, joint in zip(batch.rows, batch.joint, strict=True):
                found[row["uri"]] = (row["sha256"], row["label"], row["width"], row["vector"], joint)
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(10):
        paint(tmp_path / "pictures" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    (tmp_path / "pictures/bad.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


@pytest.fixture
def plan(own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path) -> Plan:
    put_words(own_store, tmp_path)
    recipe = {"backbone": "net"}
    return make_plan(own_store, gallery="g", backbone=nets[0], head="conse", recipe=recipe, names=class_names)


def items(folder: Path) -> list[Item]:
    return [entry for entry in open_source(str(folder)) if isinstance(entry, Item)]


def test_threads_and_a_plain_loop_make_the_same_rows_and_report_the_same(plan: Plan, folder: Path) -> None:
    made, told = [], []
    for threads in (True, False):
        sink, rejected = Kept(), []
        stages = picture_stages(plan, sink, lambda batch, to=rejected: to.extend(batch.rejected))
        if threads:
            run_in_threads(iter(items(folder)), stages, batch_size=4, progress=lambda: None)
        else:
            for start in range(0, 11, 3):
                run_one_batch(items(folder)[start : start + 3], stages)
        made.append(sink.rows())
        told.append([(one.uri, one.reason) for one in rejected])
    in_threads, in_loop = made
    assert in_threads.keys() == in_loop.keys()
    assert len(in_threads) == 10
    for uri, (*scalars, visual, joint) in in_threads.items():
        assert in_loop[uri][:3] == tuple(scalars)
        np.testing.assert_allclose(in_loop[uri][3], visual, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(in_loop[uri][4], joint, rtol=1e-4, atol=1e-6)
    assert told[0] == told[1] == [("bad.png", "not a picture in a format that can be read")]


def test_small_batches_in_a_plain_loop_make_the_gallery_that_a_load_makes(
    load: Load, own_store: Store, plan: Plan, folder: Path
) -> None:
    (folder / "bad.png").unlink()
    load(folder)
    by_load = stored(own_store)
    own_store.drop("g_visual")
    own_store.drop("g_joint")
    pair, _, _ = open_pair(own_store, plan, [str(folder.resolve())])
    sink = UpsertSink(own_store, pair, IndexSpec("auto"))
    stages = picture_stages(plan, sink, lambda batch: None)
    seen, rejected = SeenIds(), list[Rejected]()
    changes = ChangeFinder(pair, seen, None, Tally(), rejected.append)
    everything = items(folder)
    written = []
    for start in range(0, 10, 4):
        for _ in range(2):
            # A message that comes twice finds its pictures stored.
            batch = run_one_batch(list(changes.among(everything[start : start + 4])), stages) if start < 10 else None
            written.append(() if batch is None else tuple(item.uri for item in batch.items))
    assert sink.finish() == 10
    assert [len(uris) for uris in written] == [4, 0, 4, 0, 2, 0]
    assert (sorted(uri for uris in written for uri in uris), rejected) == (sorted(item.uri for item in everything), [])
    by_batches = stored(own_store)
    assert by_batches.keys() == by_load.keys()
    for key, row in by_batches.items():
        assert {**row, "vector": None} == {**by_load[key], "vector": None}
        np.testing.assert_allclose(row["vector"], by_load[key]["vector"], rtol=1e-4, atol=1e-6)
    seen.close()


def stored(store: Store) -> dict[tuple[str, str], dict[str, object]]:
    rows = {}
    for room in ("visual", "joint"):
        live = store.live(f"g_{room}")
        assert live is not None
        rows |= {(room, row["uri"]): row for row in live.scan([*live.room.fields, "vector"])}
    return rows


def test_each_stage_gives_a_frozen_batch_and_says_what_it_could_not_take(folder: Path) -> None:
    given = items(folder)
    read = read_batch(given, size=16, rule="squash")
    assert (len(read), [one.uri for one in read.rejected]) == (10, ["bad.png"])
    assert read.pictures[0].picture.pixels.shape == (16, 16, 3)

    def vectors_of(pixels: np.ndarray) -> tuple[np.ndarray, None]:
        vectors = np.ones((len(pixels), 3), np.float32)
        vectors[1], vectors[2, 0] = 0, np.nan
        return vectors, None

    embedded = embed_batch(read, vectors_of=vectors_of)
    assert len(embedded) == len(embedded.visual) == 8
    assert [one.uri for one in embedded.rejected] == [read.pictures[1].item.uri, read.pictures[2].item.uri]
    with pytest.raises(FrozenInstanceError):
        embedded.pictures = ()
    halves = [ReadBatch(read.pictures[:5]), ReadBatch(read.pictures[5:])]
    assert ReadBatch.joined(halves).pictures == read.pictures
    twice = EmbeddedBatch.joined([embedded, embedded])
    assert (len(twice), twice.visual.shape, twice.joint) == (16, (16, 3), None)


@dataclass(frozen=True)
class Numbers:
    """A batch that has nothing to do with pictures."""

    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)


def joined(batches: Sequence[Numbers]) -> Numbers:
    return Numbers(tuple(number for batch in batches for number in batch.numbers))


def number_stages(written: list[int], told: list[int], sizes: list[int]) -> Stages[int, Numbers, Numbers, Numbers]:
    def read(items: Sequence[int]) -> Numbers:
        return Numbers(tuple(number for number in items if number % 5))

    def embed(batch: Numbers) -> Numbers:
        sizes.append(len(batch))
        return Numbers(tuple(10 * number for number in batch.numbers if number % 7))

    def write(batch: Numbers) -> Numbers:
        written.extend(batch.numbers)
        return batch

    return Stages(read, embed, write, joined, joined, lambda batch: told.append(len(batch)))


def test_runners_pass_any_batches_on_and_leave_empty_ones_out() -> None:
    expected = [10 * number for number in range(500) if number % 5 and number % 7]
    written, told, sizes = list[int](), list[int](), list[int]()
    beats = list[None]()
    stages = number_stages(written, told, sizes)
    run_in_threads(range(500), stages, batch_size=16, progress=lambda: beats.append(None))
    assert written == expected
    assert set(sizes[:-1]) == {16}
    assert beats
    assert told.count(0) >= 100, "what was rejected alone is reported too"
    again = list[int]()
    one = run_one_batch(range(500), number_stages(again, [], []))
    assert one is not None
    assert (again, one.numbers) == (expected, tuple(expected))
    assert run_one_batch([5, 10], stages) is None
    assert run_one_batch([7, 14], stages) is None


def test_what_was_embedded_is_written_where_another_stage_fails() -> None:
    written, calls = list[int](), iter(range(100))
    stages = number_stages(written, [], [])

    def failing(batch: Numbers) -> Numbers:
        if next(calls) == 2:
            raise OSError("device on fire")
        return stages.embed(batch)

    with pytest.raises(OSError, match="device on fire"):
        run_in_threads((1, 2, 3, 4, 6, 8, 9), replace(stages, embed=failing), batch_size=2, progress=lambda: None)
    assert written == [10, 20, 30, 40]


def test_runners_import_nothing_of_keras_milvus_or_pictures() -> None:
    code = (
        "import sys; from milvise.ingest import runners;"
        "found = {'keras', 'tensorflow', 'openvino', 'pymilvus', 'numpy', 'PIL', 'milvise.adapter', 'milvise.gallery',"
        " 'milvise.embeddings'} & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_that_changes_after_it_was_read_is_noted_as_it_was(tmp_path: Path) -> None:
    path = paint(tmp_path / "a.png", 1)
    os.utime(path, (1_000, 1_000))
    read = read_batch([Item("a.png", LocalFile(path))], size=16, rule="crop")
    assert read.pictures[0].state is not None
    assert read.pictures[0].state.modified == 1_000 * 10**9


def test_products_of_matrices_are_computed_in_one_thread_while_a_load_runs() -> None:
    def threads() -> set[int]:
        return {one["num_threads"] for one in threadpool_info() if "numpy" in one["filepath"]}

    before, during = threads(), list[set[int]]()
    stages = number_stages([], [], [])

    def embed(batch: Numbers) -> Numbers:
        during.append(threads())
        return stages.embed(batch)

    run_in_threads(range(100), replace(stages, embed=embed), batch_size=16, progress=lambda: None)
    assert threads() == before
    assert all(found <= {1} for found in during)
    assert during


def test_an_error_keeps_every_batch_that_was_embedded_before_it() -> None:
    written = list[int]()
    stages = number_stages(written, [], [])

    def embed(batch: Numbers) -> Numbers:
        if 41 in batch.numbers:
            raise ValueError("41")
        return stages.embed(batch)

    with pytest.raises(ValueError, match="41"):
        run_in_threads(range(1, 200), replace(stages, embed=embed), batch_size=16, progress=lambda: None)
    # The first two batches hold 16 numbers each that are no multiples of 5.
    assert written == [10 * number for number in range(1, 40) if number % 5 and number % 7]
