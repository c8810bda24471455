"""Which index ``auto`` stands for: the first that fits, of those that the server has."""

from __future__ import annotations

import pytest
from memory_client import connect_to_memory

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.adapter.choose_index import Choice, choose_index
from milvise.adapter.index_kinds import KINDS
from milvise.adapter.index_memory import footprint
from milvise.adapter.versions import Version

GB = 10**9
ROWS, DIM = 100_000_000, 1280


def chosen(memory: float | None, version: Version | None = (2, 6), *, diskann: bool = True, rows: int = ROWS) -> Choice:
    budget = None if memory is None else round(memory)
    return choose_index(
        rows=rows, dim=DIM, scalar_bytes=640, memory=budget, version=version, has_diskann=lambda: diskann
    )


@pytest.mark.parametrize(
    ("memory", "version", "diskann", "kind"),
    [
        (None, (2, 6), True, "hnsw"),
        (900 * GB, (2, 6), True, "hnsw"),
        (300 * GB, (2, 6), True, "hnsw_sq8"),
        (235 * GB, (2, 6), True, "ivf_sq8"),
        (225 * GB, (2, 6), True, "ivf_rabitq"),
        (225 * GB, (2, 5), True, "diskann"),
        (300 * GB, (2, 4), True, "ivf_sq8"),
        (212 * GB, (2, 6), True, "ivf_sq8:mmap"),
        (216 * GB, (2, 6), True, "ivf_rabitq"),
        (100 * GB, (2, 6), True, "ivf_sq8:mmap"),
        (212 * GB, (2, 6), False, "ivf_sq8:mmap"),
        (220 * GB, (2, 3), True, "diskann"),
    ],
)
def test_the_first_that_fits_is_taken(memory: float | None, version: Version, diskann: bool, kind: str) -> None:
    choice = chosen(memory, version, diskann=diskann)
    assert f"{choice.spec.kind}{':mmap' if choice.spec.is_mapped else ''}" == kind
    assert choice.fits
    assert memory is None or choice.bytes <= memory


@pytest.mark.parametrize("version", [(2, 3), (2, 4), (2, 5), (2, 6), (3, 0), None])
def test_no_server_gets_what_it_does_not_have(version: Version | None) -> None:
    for memory in (10, 50, 100, 150, 200, 250, 300, 500, 700, 1_000):
        spec = chosen(memory * GB, version, diskann=False).spec
        assert KINDS[spec.kind].since <= (version or (2, 3))
        assert not spec.is_mapped or (version is not None and version >= (2, 4))


def test_bits_are_for_wide_vectors() -> None:
    kinds = {
        choose_index(
            rows=ROWS, dim=100, scalar_bytes=0, memory=memory * GB, version=(2, 6), has_diskann=lambda: True
        ).spec.kind
        for memory in range(1, 80)
    }
    assert kinds == {"hnsw", "hnsw_sq8", "ivf_sq8", "diskann"}


def test_where_nothing_fits_the_smallest_is_named_and_said_not_to_fit() -> None:
    found = chosen(GB, (2, 3), diskann=False)
    assert (found.spec.kind, found.fits) == ("ivf_sq8", False)


def test_a_server_is_not_asked_for_diskann_where_something_else_fits() -> None:
    def asked() -> bool:
        raise AssertionError("it was asked")

    choose_index(rows=ROWS, dim=DIM, scalar_bytes=0, memory=2_000 * GB, version=(2, 6), has_diskann=asked)


def test_few_rows_are_searched_exactly() -> None:
    assert chosen(1, rows=5_000).spec == IndexSpec("flat")


def test_a_graph_of_float32_takes_what_arithmetic_says() -> None:
    # 4 bytes for each dimension, 32 edges of the lowest layer and one of those above of 4 bytes each, an id of 8.
    assert footprint("hnsw", dim=1280, params={"M": 16}).low == 4 * 1280 + 33 * 4 + 8
    assert footprint("hnsw_sq8", dim=1280, params={"M": 16}).low == 1280 + 33 * 4 + 8
    assert footprint("ivf_sq8", dim=100, params={}, mapped=True).high == pytest.approx(0.3 * 108)


def test_a_store_asks_the_server_for_its_memory_where_there_are_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(connect_to_memory())
    made = store.build(Manifest("asked_visual", "visual", 8, {"made": "here"}))
    # What 200,000 rows of 8 values take as HNSW is more than 70 % of it, and as IVF over bytes it is less.
    monkeypatch.setattr("milvise.adapter.store.query_memory", lambda connection: 240_000_000)
    assert store._decided(IndexSpec("auto"), made, 200_000).kind == "ivf_sq8"
    assert store._decided(IndexSpec("auto"), made, 90_000).kind == "hnsw"
    assert store._decided(IndexSpec.parse("auto:memory=1GiB"), made, 200_000).kind == "hnsw"


def test_a_store_keeps_to_the_budget_and_remembers_it(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(connect_to_memory())
    made = store.build(Manifest("budget_visual", "visual", 8, {"made": "here"}))
    assert store._decided(IndexSpec("auto"), made, 50_000).kind == "hnsw"
    small = IndexSpec.parse("auto:memory=42MiB")
    assert store._decided(small, made, 50_000).kind == "ivf_sq8"
    assert not caplog.records
    store._decided(IndexSpec.parse("auto:memory=1MiB"), made, 50_000)
    assert "fits into its memory" in caplog.text
    finished = store.finish(made, small)
    assert finished.manifest.requested_index == "auto:memory=42MiB"
    assert store.finish(finished, IndexSpec("auto")).manifest.requested_index == "auto:memory=42MiB"
    assert store.finish(finished, IndexSpec("flat")).manifest.requested_index == "flat"
