"""What a gallery of a size takes: the arithmetic, the sources of the figures, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemas
from jsonschema import validate
from pyarrow import parquet
from small_world import paint, save_net

import milvise
from milvise.adapter import IndexSpec
from milvise.adapter.index_memory import SCALAR_BYTES
from milvise.adapter.index_spec import segment_rows
from milvise.cli.main import main
from milvise.errors import InputError, UnsupportedError
from milvise.ingest.shards.folder import ShardFolder
from milvise.operations.capacity.calibration import Calibration, read_calibration, usual, write_calibration
from milvise.operations.capacity.figures import Cost, Figure, fitted
from milvise.operations.capacity.measure_files import measure_listing, measure_writing
from milvise.operations.capacity.measure_milvus import measure_milvus
from milvise.operations.capacity.steps import embedding_seconds
from milvise.operations.plan import Planned

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def nothing_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache without figures of this machine."""
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))


def plain(**changed: Any) -> Calibration:
    """Return figures that are easy to reckon with."""
    per_s = {"list_per_s": 1_000.0, "embed_per_s": 100.0, "decode_per_s": 500.0}
    figures = {name: Figure(value, "pictures/s", "here") for name, value in per_s.items()}
    figures |= {
        name: Figure(value, "bytes", "here") for name, value in {"picture_bytes": 1e5, "shard_bytes": 6e3}.items()
    }
    figures["start_s"] = Figure(5.0, "s", "here")
    costs = {
        "write": Cost(0.0, 3e-4, 1e-6, "here"), "insert": Cost(0.0, 1e-4, 0.0, "here"), "import": Cost(10.0, 0.0, 1e-6, "here"),
        "index.hnsw": Cost(2.0, 0.0, 2e-6, "here"), "index.ivf": Cost(2.0, 0.0, 1e-6, "here"),
        "load": Cost(1.0, 0.0, 0.0, "here"),
    }  # fmt: skip
    return Calibration("own", {"visual": 100, "joint": 20}, figures | changed.get("figures", {}), costs, "2.5.0")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    write_calibration(plain(), tmp_path / "own.json")
    return tmp_path / "own.json"


def test_the_steps_are_what_arithmetic_says(own: Path) -> None:
    found = milvise.plan(20_000, workers=2, shard_rows=10_000, calibration=own)
    times = {step.name: step.seconds for step in found.steps}
    assert times == {
        "list": pytest.approx(20.0),
        "embed": pytest.approx(5 + 10_000 / 100),
        "write": pytest.approx(20_000 * (2 * 3e-4 + 120 * 1e-6) / 2),
        "import": pytest.approx(2 * 2 * 10 + 20_000 * 120 * 1e-6),
        "index": pytest.approx(2 * 2 + 20_000 * 120 * 2e-6),
        "load": pytest.approx(2.0),
    }
    assert found.seconds == pytest.approx(sum(times.values()))
    assert found.limits[0] == f"Time: embed takes {105 / found.seconds:.0%} of it, and waits for the workers."


def test_upserts_are_planned_for_a_client_and_for_milvus_lite(own: Path) -> None:
    upserts = milvise.plan(20_000, upserts=True, nodes=8, calibration=own).step("import")
    assert upserts.seconds == pytest.approx(2 * 20_000 * 1e-4)
    lite = milvise.plan(20_000, milvus="lite", backbone="efficientnet_lite0")
    assert "Milvus Lite" in lite.step("import").rate.source


def test_clusters_are_counted_for_the_rows_of_a_file(tmp_path: Path) -> None:
    known = plain()
    costs = {**known.costs, "index.ivf": Cost(0.0, 0.0, 1e-6, "here", at_rows=10_000, growth=0.5)}
    own = tmp_path / "own.json"
    write_calibration(Calibration("own", {"visual": 128}, known.figures, costs, known.milvus), own)
    imported = milvise.plan(4_000_000, index="ivf_sq8", shard_rows=40_000, calibration=own)
    sent = milvise.plan(4_000_000, index="ivf_sq8", shard_rows=40_000, calibration=own, upserts=True)
    of_file = IndexSpec("ivf_sq8").resolve(rows=40_000, dim=128, is_lite=False)
    assert imported.collections[0].index == str(of_file)
    assert sent.collections[0].index == str(IndexSpec("ivf_sq8").resolve(rows=4_000_000, dim=128, is_lite=False))
    assert imported.step("index").seconds == pytest.approx(4_000_000 * 128 * 1e-6 * 2)
    assert sent.step("index").seconds == pytest.approx(4_000_000 * 128e-6 * (segment_rows(128) / 10_000) ** 0.5)


@pytest.mark.parametrize(
    ("pictures", "nodes", "files"), [(30_000, 1, 3), (30_000, 2, 2), (40_000, 2, 2), (9_000, 4, 1)]
)
def test_a_node_imports_one_file_after_another(own: Path, pictures: int, nodes: int, files: int) -> None:
    found = milvise.plan(pictures, shard_rows=10_000, nodes=nodes, calibration=own).step("import")
    rows = min(pictures, files * 10_000)
    assert found.seconds == pytest.approx(2 * files * 10 + rows * 120 * 1e-6)


def test_the_last_file_is_a_smaller_one(own: Path) -> None:
    found = milvise.plan(25_000, shard_rows=10_000, nodes=2, calibration=own).step("import")
    assert found.seconds == pytest.approx(2 * 2 * 10 + 15_000 * 120 * 1e-6)


def test_nodes_share_what_milvus_does(own: Path) -> None:
    one, four = (milvise.plan("1M", nodes=nodes, calibration=own) for nodes in (1, 4))
    assert four.step("index").seconds == pytest.approx(2 * 2 + (one.step("index").seconds - 2 * 2) / 4)
    assert four.step("load").seconds == one.step("load").seconds


def test_a_slow_store_of_pictures_is_what_embedding_waits_for(own: Path) -> None:
    found = milvise.plan("1M", workers=64, shard_rows=10_000, bandwidth="100MB", calibration=own).step("embed")
    assert found.waits_for == "the object store"
    assert found.seconds == pytest.approx(1e6 * 1e5 / 1e8)


@pytest.mark.parametrize(
    ("pictures", "workers", "seconds"),
    [(100, 1, 1.0), (1_000, 4, 3.0), (1_000, 10, 1.0), (1_000, 1, 10.0), (950, 1, 9.5), (850, 4, 2.5), (50, 3, 0.5)],
)
def test_workers_do_one_shard_after_another(pictures: int, workers: int, seconds: float) -> None:
    assert embedding_seconds(pictures, workers, 100.0, 0.0, 100) == pytest.approx(seconds)


def test_memory_is_split_and_reckoned_as_a_load_does_it() -> None:
    found = milvise.plan("100M", memory="260GB", milvus="2.6")
    visual, joint = found.collections
    assert (visual.name, visual.index.partition(":")[0], joint.name) == ("visual", "ivf_rabitq", "joint")
    assert visual.memory.value == pytest.approx(1e8 * (1280 * 7 / 8 + 16 + SCALAR_BYTES["visual"]))
    assert visual.fits and joint.fits
    assert sum(one.keep.value for one in found.collections) <= 260e9
    assert found.scalars.value == 1e8 * sum(SCALAR_BYTES.values())
    assert found.limits[-1].startswith("Memory: ")


def test_what_does_not_fit_is_said_first() -> None:
    found = milvise.plan("100M", memory="1GB", milvus="2.3")
    assert found.limits[0].startswith("Memory: ")
    assert "No index that this Milvus has fits" in found.limits[0]
    assert not any(one.fits for one in found.collections)


def test_every_figure_says_where_it_comes_from() -> None:
    document = milvise.plan("10M", memory="64GB", workers=8).to_json()

    def figures(value: Any) -> Any:
        if isinstance(value, dict) and "source" in value:
            yield value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from figures(inner)

    found = list(figures(document))
    assert len(found) == 2 * 4 + 6 + 3
    known = ("arithmetic", "assumed", "measured", "multipliers that Milvus")
    assert [one for one in found if not one["source"].startswith(known)] == []
    json.dumps(document, allow_nan=False)


def test_an_index_that_the_server_lacks_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"from version 2\.6 on"):
        milvise.plan("1M", index="ivf_rabitq", milvus="2.5")


def test_a_calibration_is_kept_and_read_for_its_backbone(tmp_path: Path) -> None:
    measured = usual("efficientnet_lite0", milvus="2.4.1")
    faster = Figure(1_000, "pictures/s", "measured here")
    write_calibration(
        Calibration(measured.backbone, measured.spaces, {"embed_per_s": faster}, {}, "2.4.1", {"name": "4 cores"}),
        tmp_path / "cache/calibration/efficientnet_lite0.json",
    )
    found = milvise.plan("1M")
    assert (found.milvus, found.measured_on) == ("2.4.1", "4 cores")
    assert found.step("embed").rate.value == 1_000
    # What was measured of another Milvus says nothing of this one.
    assert milvise.plan("1M", milvus="lite").milvus == "lite"
    assert [one.name for one in milvise.plan("1M", head=False).collections] == ["visual"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"format": "milvise-calibration-1"}', '{"format": "milvise-calibration-2", "figures": 3}'],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is no calibration"):
        read_calibration(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_calibration(tmp_path / "missing.json")


@pytest.mark.parametrize("growth", [0.0, 0.5])
def test_a_cost_is_found_again_in_what_it_made(growth: float) -> None:
    cost = Cost(3.0, 2e-4, 5e-7, "x", 24_000, growth)
    sizes = [(1_500, 100), (24_000, 100), (6_000, 1_280)]
    found = fitted({(rows, dim): cost.seconds(rows, dim) for rows, dim in sizes}, source="x", growth=growth)
    assert (found.fixed_s, found.row_s, found.value_s) == (
        pytest.approx(3.0), pytest.approx(2e-4), pytest.approx(5e-7),
    )  # fmt: skip


def test_an_index_of_more_rows_together_costs_more_for_each() -> None:
    cost = Cost(0.0, 1e-4, 0.0, "x", at_rows=1_000, growth=0.5)
    assert cost.seconds(4_000, 8) == pytest.approx(4_000 * 1e-4 * 2)
    assert cost.seconds(4_000, 8, together=1_000) == pytest.approx(4_000 * 1e-4)


def test_a_flat_index_takes_no_time() -> None:
    found: Planned = milvise.plan(1_000)
    assert found.collections[0].index == "flat"
    assert found.step("index").seconds == 0


def test_workers_without_a_shard_are_named(own: Path) -> None:
    found = milvise.plan(20_000, workers=5, shard_rows=10_000, calibration=own)
    assert "Shards: there are 2 of 10,000 pictures, and 3 workers have none." in found.limits


def test_more_workers_take_no_longer() -> None:
    times = [embedding_seconds(10**6, workers, 100, 5, 10_000) for workers in (1, 2, 5, 40, 100, 300)]
    assert times == sorted(times, reverse=True)


@pytest.mark.milvus("lite")
def test_a_milvus_is_measured_and_left_as_it_was(own_store: Any, tmp_path: Path) -> None:
    before = own_store.connection.client.list_collections()
    said: list[str] = []
    found = measure_milvus(own_store, {"visual": 48, "joint": 12}, said.append, tmp_path, rows=(100, 300, 200))
    assert set(found) == {"insert", "index.hnsw", "index.ivf", "load"}
    assert all(cost.seconds(10_000, 48) > 0 for cost in found.values())
    assert all("Milvus Lite" in cost.source for cost in found.values())
    assert len(said) == 3
    assert own_store.connection.client.list_collections() == before


def test_files_are_measured_as_a_worker_writes_them(tmp_path: Path) -> None:
    cost, size = measure_writing({"visual": 48, "joint": 12}, 12, tmp_path, rows=(50, 400, 100))
    assert cost.seconds(10_000, 48) >= cost.seconds(10_000, 12) > 0
    files = list(tmp_path.glob("written-100-48-12/*/*.parquet"))
    assert {path.parent.name: parquet.read_metadata(path).num_rows for path in files} == {"visual": 100, "joint": 100}
    assert size.value == sum(path.stat().st_size for path in files) / 100 > 4 * (48 + 12)
    assert measure_listing(tmp_path, count=1_200).value > 0
    assert ShardFolder(tmp_path / "listing").listing(0).exists()


def test_files_are_written_as_fast_beside_another_milvus() -> None:
    assert plain().on("lite").costs["write"] == plain().costs["write"]
    assert plain().on("lite").costs["insert"] != plain().costs["insert"]


@pytest.fixture
def milvise_json(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--json", "-q", *arguments])
        assert not ended.value.code
        return json.loads(capsys.readouterr().out)

    return run


def test_the_command_line_says_what_python_says(milvise_json: Run, own: Path) -> None:
    document = milvise_json("plan", "--pictures", "1M", "--workers", "4", "--memory", "2GiB", "--calibration", str(own))
    validate(document, schemas.PLAN)
    assert document == milvise.plan("1M", workers=4, memory="2GiB", calibration=own).to_json()


def test_a_plan_is_printed_as_tables(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "--pictures", "1M", "--calibration", str(own)])
    printed = capsys.readouterr().out
    assert "embed\t2.8 h\tthe workers\t100 pictures/s: here" in printed
    assert "\n* Time: embed takes" in printed


def test_a_machine_is_calibrated_through_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, milvise_json: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("milvise.operations.calibrate.SECONDS", 0.2)
    monkeypatch.setattr("milvise.operations.calibrate.ROWS", (100, 300, 200))
    net = save_net(tmp_path / "net.keras", 0)
    for number in range(3):
        paint(tmp_path / f"sample/{number}.png", number)
    document = milvise_json("plan", "--calibrate", "--backbone", str(net), "--sample", "sample", "--engine", "keras")
    assert document["spaces"] == {"visual": 12, "joint": 100}
    assert document["milvus"] == "lite"
    assert document["figures"]["embed_per_s"]["source"].startswith("measured here, pictures of the given source")
    assert not (tmp_path / "milvise.db").exists()
    kept = read_calibration(next((tmp_path / "cache/calibration").iterdir()))
    assert kept.to_json() == document
    planned = milvise_json("plan", "--pictures", "20000", "--backbone", str(net))
    assert planned["backbone"] == str(net)
    assert planned["milvus"] == "lite"
