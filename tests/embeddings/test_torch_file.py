"""Reading an old PyTorch file without PyTorch, and nothing else that a pickle may hold."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from milvise.embeddings.devise.efficientnet_lite import packaged_weights
from milvise.embeddings.model_files.torch_file import read_state_dict
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


# -- files that are not to be trusted -------------------------------------------------------------------------------------

HEAD = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
ONES = np.ones(6, "<f4")


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """Return the instructions by which PyTorch rebuilds a tensor of the storage ``0``."""
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06NtQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + numbers(*shape) + numbers(*strides) + b"tR"
    )


def file_of(*tensors: bytes, count: int = 6) -> bytes:
    table = b"".join(b"X\x01\x00\x00\x00" + bytes([97 + n]) + made for n, made in enumerate(tensors))
    state = b"\x80\x02ccollections\nOrderedDict\n)R(" + table + b"u."
    return HEAD + state + pickle.dumps(["0"], 2) + count.to_bytes(8, "little") + ONES.tobytes()


def test_a_tensor_is_a_view_of_its_storage(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(file_of(tensor((2, 3), (3, 1)), tensor((2, 2), (1, 2), 1), tensor((), ())))
    state = read_state_dict(tmp_path / "x.pth")
    assert [made.shape for made in state.values()] == [(2, 3), (2, 2), ()]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (tensor((7,), (1,)), "reaches outside"),
        (tensor((6,), (1,), 1), "reaches outside"),
        (tensor((2,), (6,)), "reaches outside"),
        (tensor((2,), (10**12,)), "reaches outside"),
        (tensor((10**6, 10**6), (0, 0)), "reaches outside"),
        (tensor((2,), (-1,), 3), "impossible shape"),
        (tensor((2,), (1,), -1), "impossible shape"),
        (tensor((-1, -6), (1, 1)), "impossible shape"),
        (tensor((2**60,), (1,)), "impossible shape"),
        (tensor((2**40, 2**40, 0), (1, 1, 1)), "impossible shape"),
        (tensor((2, 3), (1,)), "impossible shape"),
        (b"N", "other things than tensors"),
        (b"\x8e" + (2**40).to_bytes(8, "little"), "ends within a pickle"),
        (b"Nr\xff\xff\xff\xff" + b"]" * 4_000_000, "unfolds to far more"),
        (b"cos\nsystem\n(X\x02\x00\x00\x00lstR", "os.system has no place"),
        (b"X\x01\x00\x00\x00xQ", "no storage"),
    ],
)
def test_hostile_tensors_are_refused_before_any_memory_is_read_or_taken(
    made: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "evil.pth").write_bytes(file_of(made))
    with pytest.raises(WeightsError, match=message):
        read_state_dict(tmp_path / "evil.pth")


def test_a_storage_is_no_longer_than_the_file(tmp_path: Path) -> None:
    for count in (7, 2**40, 2**63):
        (tmp_path / "evil.pth").write_bytes(file_of(tensor((2, 3), (3, 1)), count=count))
        with pytest.raises(WeightsError, match="ends within a storage"):
            read_state_dict(tmp_path / "evil.pth")


def test_tensors_together_are_no_bomb(tmp_path: Path) -> None:
    tensors = [tensor((2, 3), (3, 1))] * 24
    data = file_of(*tensors)
    (tmp_path / "x.pth").write_bytes(data)
    assert len(read_state_dict(tmp_path / "x.pth")) == 24
    big = [tensor((100_000,), (1,))] * 24
    state = file_of(*big).replace((6).to_bytes(8, "little") + ONES.tobytes(), b"")
    (tmp_path / "x.pth").write_bytes(state + (100_000).to_bytes(8, "little") + bytes(400_000))
    with pytest.raises(WeightsError, match="more than 4 times as large"):
        read_state_dict(tmp_path / "x.pth")


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_what_is_no_regular_file_is_refused(path: str) -> None:
    with pytest.raises(WeightsError, match="no regular file"):
        read_state_dict(Path(path))
