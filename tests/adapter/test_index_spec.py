"""Index specs: what can be asked for, and what is made of it."""

from __future__ import annotations

import pytest

from milvise.adapter import IndexSpec
from milvise.adapter.index_kinds import KINDS
from milvise.errors import IndexSpecError, UnsupportedError


@pytest.mark.parametrize(
    "text", ["auto", "flat", "hnsw:M=32,efConstruction=400", "ivf_flat:nlist=1024,nprobe=32", "ivf_pq:m=8,nbits=4"]
)
def test_a_spec_is_written_as_it_is_read(text: str) -> None:
    assert str(IndexSpec.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tree", "unknown index kind"),
        ("", "unknown index kind"),
        ("hnsw:M=-3", "between 2 and 2048"),
        ("hnsw:M=x", "whole number"),
        ("hnsw:M", "whole number"),
        ("hnsw:m=16", "does not have the parameter 'm'"),
        ("hnsw:ef=-1", "between 1 and 32768"),
        ("ivf_flat:nlist=0", "between 1 and 65536"),
        ("ivf_flat:M=16", "does not have the parameter"),
        ("flat:nlist=3", "no parameters"),
        ("auto:M=3", "does not have the parameter 'M'"),
    ],
)
def test_nonsense_is_refused_with_what_was_expected(text: str, problem: str) -> None:
    with pytest.raises(IndexSpecError, match=problem):
        IndexSpec.parse(text)


def test_m_of_ivf_pq_must_divide_the_width() -> None:
    spec = IndexSpec.parse("ivf_pq:m=7")
    with pytest.raises(IndexSpecError, match="must divide"):
        spec.require(is_lite=False, dim=100)
    assert 100 % IndexSpec("ivf_pq").resolve(rows=10_000, dim=100, is_lite=False).params["m"] == 0


def test_milvus_lite_is_asked_only_for_what_it_has() -> None:
    for kind in ("scann", "diskann", "ivf_pq"):
        with pytest.raises(UnsupportedError):
            IndexSpec(kind).require(is_lite=True)
    for kind in ("auto", "flat", "hnsw", "ivf_flat", "ivf_sq8"):
        IndexSpec(kind).require(is_lite=True)


@pytest.mark.parametrize(
    ("rows", "dim", "is_lite", "kind"),
    [
        (100, 1280, True, "flat"),
        (100, 1280, False, "flat"),
        (100_000, 1280, True, "hnsw"),
        (100_000, 100, True, "ivf_flat"),
        (100_000, 100, False, "hnsw"),
    ],
)
def test_auto_decides_by_rows_width_and_milvus(rows: int, dim: int, is_lite: bool, kind: str) -> None:
    assert IndexSpec("auto").resolve(rows=rows, dim=dim, is_lite=is_lite).kind == kind


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("rows", [0, 1, 624, 400_000, 10**9])
def test_defaults_lie_in_their_own_ranges(kind: str, rows: int) -> None:
    resolved = IndexSpec(kind).resolve(rows=rows, dim=100, is_lite=False)
    assert IndexSpec.parse(str(resolved)) == resolved


def test_clusters_are_counted_for_what_is_indexed_together() -> None:
    lite, server = (IndexSpec("ivf_flat").resolve(rows=400_000, dim=50, is_lite=is_lite) for is_lite in (True, False))
    assert lite.params == {"nlist": 800, "nprobe": 100}
    assert server.params == {"nlist": 2528, "nprobe": 316}
    many = IndexSpec("ivf_sq8").resolve(rows=100_000_000, dim=1280, is_lite=False)
    # A gibibyte holds 209,715 vectors of 1280 values.
    assert many.params == {"nlist": 4 * 457, "nprobe": 228}


def test_given_parameters_win_over_defaults() -> None:
    resolved = IndexSpec.parse("hnsw:M=32").resolve(rows=10, dim=4, is_lite=True)
    assert resolved.params == {"M": 32, "efConstruction": 200, "ef": 256}


def test_a_beam_is_at_least_as_wide_as_the_answer_is_long() -> None:
    spec = IndexSpec.parse("hnsw:ef=64").resolve(rows=10, dim=4, is_lite=True)
    assert spec.search_params(10) == {"ef": 64}
    assert spec.search_params(500) == {"ef": 500}


def test_more_effort_probes_more_clusters_but_not_more_than_there_are() -> None:
    spec = IndexSpec.parse("ivf_flat:nlist=64,nprobe=20")
    assert spec.widened(2).params["nprobe"] == 40
    assert spec.widened(10).params["nprobe"] == 64
    assert IndexSpec("flat").widened(4) == IndexSpec("flat")


def test_a_budget_is_written_as_it_is_read_and_for_auto_alone() -> None:
    spec = IndexSpec.parse("auto:memory=8GiB")
    assert (spec.memory, str(spec)) == (8 * 2**30, "auto:memory=8GiB")
    assert IndexSpec.parse("auto").within(1_000).memory == 1_000
    assert str(spec.share(0.25)) == "auto:memory=2GiB"
    assert IndexSpec.parse("hnsw").within(None) == IndexSpec("hnsw")
    with pytest.raises(IndexSpecError, match="decides which index"):
        IndexSpec.parse("hnsw").within(1_000)
    with pytest.raises(IndexSpecError, match="such as 8GiB"):
        IndexSpec.parse("auto:memory=much")


@pytest.mark.parametrize(
    ("text", "version", "first"),
    [("hnsw_sq8", "2.4.15", "2.5"), ("ivf_rabitq", "v2.5.4", "2.6"), ("hnsw:mmap=1", "2.3.5", "2.4")],
)
def test_what_a_server_does_not_have_yet_is_refused(text: str, version: str, first: str) -> None:
    spec = IndexSpec.parse(text)
    with pytest.raises(UnsupportedError, match=f"from version {first} on"):
        spec.require(is_lite=False, version=version)
    spec.require(is_lite=False, version=f"v{first}.0")
    spec.require(is_lite=False, version="a version of somebody's own")


@pytest.mark.parametrize("text", ["auto:memory=1GiB", "hnsw:mmap=1"])
def test_milvus_lite_keeps_to_no_budget(text: str) -> None:
    with pytest.raises(UnsupportedError, match="holds all vectors in memory"):
        IndexSpec.parse(text).require(is_lite=True)


def test_an_index_on_the_disk_is_another_one() -> None:
    here, there = (IndexSpec.parse(text).resolve(rows=10**5, dim=8, is_lite=False) for text in ("hnsw", "hnsw:mmap=1"))
    assert (here.is_mapped, there.is_mapped) == (False, True)
    assert not here.stands_as(there)
    assert here.stands_as(IndexSpec("hnsw", {**here.params, "ef": 64}))


def test_clusters_are_counted_for_the_rows_that_lie_together() -> None:
    ivf = IndexSpec.parse("ivf_sq8")
    small = ivf.resolve(rows=2 * 10**6, dim=128, is_lite=False, together=10**5)
    assert small == ivf.resolve(rows=10**5, dim=128, is_lite=False)
    assert small.params["nlist"] < ivf.resolve(rows=2 * 10**6, dim=128, is_lite=False).params["nlist"]
    assert ivf.resolve(rows=500, dim=128, is_lite=False, together=10**5) == ivf.resolve(
        rows=500, dim=128, is_lite=False
    )


def test_an_index_is_known_again_by_what_milvus_says_of_it() -> None:
    graph = {"index_type": "HNSW_SQ", "M": "16", "efConstruction": "200"}
    assert IndexSpec.described({**graph, "sq_type": "SQ8"}) == IndexSpec("hnsw_sq8", {"M": 16, "efConstruction": 200})
    assert IndexSpec.described({**graph, "sq_type": "SQ6"}) is None
    bits = {"index_type": "IVF_RABITQ", "nlist": "8", "refine": "True", "refine_type": "SQ6"}
    assert IndexSpec.described(bits) == IndexSpec("ivf_rabitq", {"nlist": 8})
