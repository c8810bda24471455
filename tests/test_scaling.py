"""benchmarks/scaling.py: one worker without trouble does what arithmetic says, and trouble costs what it must."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def scaling() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("scaling")
    sys.modules.pop("scaling", None)
    sys.modules.pop("results", None)


@pytest.fixture
def scene(scaling: Any) -> Any:
    return scaling.Scene(pictures=1_050, shard_rows=100, workers=1, per_s=10.0, start_s=7.0)


def test_one_worker_without_trouble_does_what_arithmetic_says(scaling: Any, scene: Any) -> None:
    found = scaling.simulate(scene)
    assert found.seconds == pytest.approx(7.0 + 1_050 / 10.0)
    assert (found.failed, found.second, found.store_bound_s) == (0, 0, 0.0)
    assert found.done == set(range(11))


@pytest.mark.parametrize(("workers", "rounds"), [(2, 5.5), (4, 3), (10, 1.5), (11, 1), (50, 1)])
def test_several_workers_do_one_shard_after_another(scaling: Any, scene: Any, workers: int, rounds: float) -> None:
    found = scaling.simulate(replace(scene, workers=workers))
    assert found.seconds == pytest.approx(7.0 + rounds * 10.0)


def test_a_store_that_is_slower_than_the_workers_sets_the_time(scaling: Any, scene: Any) -> None:
    found = scaling.simulate(replace(scene, workers=10, pictures=1_000, store_per_s=50.0))
    assert found.seconds == pytest.approx(7.0 + 1_000 / 50.0)
    assert found.store_bound_s == pytest.approx(1_000 / 50.0)


def test_what_the_store_gives_is_shared_among_fast_and_slow(scaling: Any) -> None:
    fast, slow = (scaling.Attempt(0, 0, 100, speed, 0.0, 1e9) for speed in (50.0, 4.0))
    scene = scaling.Scene(1, 1, 2, 50.0, store_per_s=20.0)
    assert scaling._rates([fast, slow], 1.0, scene) == [16.0, 4.0]


def test_failures_cost_time_and_lose_nothing(scaling: Any, scene: Any) -> None:
    quiet = replace(scene, pictures=100_000, shard_rows=1_000, workers=4)
    failing = replace(quiet, failures=20.0, seed=3)
    before, after = scaling.simulate(quiet), scaling.simulate(failing)
    assert after.failed > 0
    assert after.done == before.done == set(range(100))
    assert after.seconds > before.seconds


def test_a_second_attempt_ends_sooner_than_a_straggler(
    scaling: Any, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    uneven = replace(scene, pictures=40_000, shard_rows=1_000, workers=20, spread=0.8)
    helped = scaling.simulate(uneven)
    assert helped.second > 0
    next_shard = scaling._next_shard
    monkeypatch.setattr(
        scaling, "_next_shard", lambda waiting, *others: next_shard(waiting, *others) if waiting else None
    )
    assert scaling.simulate(uneven).seconds > helped.seconds


def test_one_seed_gives_one_result_and_another_another(scaling: Any, scene: Any) -> None:
    uneven = replace(scene, workers=3, spread=0.5, failures=5.0)
    assert scaling.simulate(uneven) == scaling.simulate(uneven)
    assert scaling.simulate(uneven).seconds != scaling.simulate(replace(uneven, seed=1)).seconds


def test_a_plan_is_compared_step_by_step_with_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))
    check = importlib.import_module("plan_check")
    monkeypatch.setattr(check, "leave", lambda *_: None)
    import milvise

    planned = milvise.plan(20_000, milvus="2.3", bandwidth="1000TB", shard_rows=5_000)
    steps = {step.name: step.seconds for step in planned.steps}
    measured = {"pictures": 20_000, "dim": 1280, "joint_dim": 100, "milvus": "2.3", "shard_rows": 5_000, "steps": steps}
    rows = check.compared(measured)
    assert {row["step"] for row in rows} == {"embed", "import", "index", "all"}
    assert all(row["ratio"] == pytest.approx(1.0) for row in rows)
    path = tmp_path / "measured.json"
    for factor, ends in ((1.2, False), (1.5, True)):
        path.write_text(json.dumps({**measured, "steps": {**steps, "embed": factor * steps["embed"]}}))
        monkeypatch.setattr(sys, "argv", ["plan_check.py", str(path)])
        if ends:
            with pytest.raises(SystemExit, match="2 of 4 figures are further than 25% from what was measured"):
                check.main()
        else:
            check.main()
    assert "embed" in capsys.readouterr().out
    assert not list((tmp_path / "cache").rglob("*.json"))
    sys.modules.pop("plan_check", None)
