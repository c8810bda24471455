"""The precision of a network is part of what its vectors are: it is kept, asked for, and told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_world import save_net

from milvise.core.precision import AUTO, HALF, PRECISIONS, SINGLE, in_precision, precision_of
from milvise.embeddings.registry import load_encoder
from milvise.embeddings.runtimes import engines, openvino_engine
from milvise.embeddings.runtimes.engines import fastest_precision, load_network
from milvise.errors import UsageError


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("precision") / "small.keras", 3)


@pytest.fixture(scope="module")
def pixels(net: Path) -> np.ndarray:
    size = load_network(str(net)).size
    return np.random.default_rng(0).integers(0, 256, (9, size, size, 3), dtype=np.uint8)


def cosines(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (some * others).sum(axis=1) / np.linalg.norm(some, axis=1) / np.linalg.norm(others, axis=1)


@pytest.mark.parametrize("engine", ["openvino", "keras"])
def test_half_precision_is_close_to_single_and_another_fingerprint(net: Path, pixels: np.ndarray, engine: str) -> None:
    single, half = (load_network(str(net), engine=engine, precision=precision) for precision in PRECISIONS)
    assert half.fingerprint == {**single.fingerprint, "precision": "half"}
    assert "precision" not in single.fingerprint, "fingerprints that stand say nothing of it"
    found = half.embed(pixels)
    assert (found.dtype, found.shape) == (np.float32, (9, single.dim))
    assert cosines(found, single.embed(pixels)).min() > 0.99
    np.testing.assert_allclose(half.embed(pixels[:1]), found[:1], rtol=0.05, atol=0.05)
    for network in (single, half):
        network.close()


def test_half_precision_is_computed_in_halves_where_the_processor_has_them(net: Path, pixels: np.ndarray) -> None:
    if openvino_engine.half_floats() is None:
        pytest.skip("this processor multiplies no floats of 16 bits")
    single, half = (load_network(str(net), engine="openvino", precision=one) for one in PRECISIONS)
    assert np.abs(half.embed(pixels) - single.embed(pixels)).max() > 0


def test_without_such_floats_half_is_single(net: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine, "half_floats", lambda: None)
    single, half = (load_network(str(net), engine="openvino", precision=one) for one in PRECISIONS)
    np.testing.assert_array_equal(half.embed(pixels), single.embed(pixels))


def test_a_recipe_says_the_precision(net: Path) -> None:
    encoder = load_encoder({"backbone": str(net), "weights": None, "precision": HALF})
    assert encoder.info.fingerprint["precision"] == HALF
    assert "precision" not in load_encoder({"backbone": str(net), "weights": None}).info.fingerprint
    with pytest.raises(UsageError, match="Received: 'int4'"):
        load_encoder({"backbone": str(net), "weights": None, "precision": "int4"})


def test_single_goes_without_saying() -> None:
    assert precision_of({}) == SINGLE
    assert in_precision({"a": 1, "precision": HALF}, SINGLE) == {"a": 1}
    assert in_precision({"a": 1}, HALF) == {"a": 1, "precision": HALF}


@pytest.mark.parametrize(
    ("engine", "floats", "on_gpu", "expected"),
    [
        (AUTO, "bf16", False, HALF), ("openvino", "f16", True, HALF), (AUTO, "f16", True, SINGLE), (AUTO, None, False, SINGLE),
        ("keras", "f16", False, SINGLE),
    ],
)  # fmt: skip
def test_the_fastest_is_half_on_a_processor_that_has_it(
    engine: str, floats: str | None, on_gpu: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "half_floats", lambda: floats)
    monkeypatch.setattr(engines.gpu, "may_be_there", lambda: on_gpu)
    monkeypatch.setattr(engines.gpu, "is_seen", lambda: on_gpu)
    assert fastest_precision({"backbone": "efficientnet_lite0", "weights": None}, engine) == expected


@pytest.mark.parametrize("recipe", [{"backbone": "vgg16"}, {"backbone": "efficientnet_lite0", "weights": "own.h5"}])
def test_what_was_not_measured_stays_in_single_precision(
    recipe: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "half_floats", lambda: "bf16")
    assert fastest_precision(recipe, "openvino") == SINGLE
