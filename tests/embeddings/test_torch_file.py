"""Reading an old PyTorch file without PyTorch, and nothing else that a pickle may hold."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from milvise.embeddings.efficientnet_lite import packaged_weights
from milvise.embeddings.torch_file import read_state_dict
from milvise.errors import WeightsError


@pytest.fixture
def weights() -> Path:
    path = packaged_weights("efficientnet_lite0")
    assert path is not None
    return path


def test_all_tensors_are_read_with_their_shapes(weights: Path) -> None:
    state = read_state_dict(weights)
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_fc.weight"].shape == (1000, 1280)
    assert state["_bn0.num_batches_tracked"].dtype == np.int64
    assert all(np.isfinite(tensor).all() for tensor in state.values())
    assert (state["_bn0.running_var"] >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.5, 0.999])
def test_a_file_that_is_cut_short_is_refused(weights: Path, tmp_path: Path, share: float) -> None:
    data = weights.read_bytes()
    cut = tmp_path / "cut.pth"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match="not a PyTorch state dict"):
        read_state_dict(cut)


def test_a_pickle_that_runs_code_does_not_run_it(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/ran",)

    path = tmp_path / "attack.pth"
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(WeightsError, match=r"posix\.system has no place in it"):
        read_state_dict(path)
    assert not (tmp_path / "ran").exists()
