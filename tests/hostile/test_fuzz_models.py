"""Whatever stands in a model's archive, what checks it passes or refuses it, and raises nothing else.

More examples: MILVISE_FUZZ_EXAMPLES=10000.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile.fuzzing import fuzzed
from hostile.models import CONFIG, WEIGHTS, member
from hypothesis import given
from hypothesis import strategies as st
from small_world import save_net

from milvise.embeddings.model_files import archive as model_archive
from milvise.embeddings.model_files.config import check_config
from milvise.embeddings.model_files.keras_file import read_record
from milvise.embeddings.model_files.weights_file import copied_weights
from milvise.errors import ModelError, WeightsError

NAMES = st.sampled_from(
    [
        "class_name",
        "module",
        "config",
        "registered_name",
        "inbound_nodes",
        "layers",
        "shared_object_id",
        "compile_config",
        "dtype",
        "name",
        "function",
        "Functional",
        "Sequential",
        "Lambda",
        "Dense",
        "__numpy__",
        "__lambda__",
        "__keras_tensor__",
        "keras.layers",
        "builtins",
        "os",
        "system",
        "relu",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NAMES
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
CHANGES = st.lists(st.tuples(st.integers(0, 2**32), st.integers(0, 255)), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("fuzz") / "sound.keras", 1)


@pytest.fixture(scope="module")
def config(sound: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(member(sound, CONFIG))
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every object or list in a configuration, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def changed(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    out = bytearray(data)
    for place, byte in changes:
        out[place % len(out)] = byte
    return bytes(out)


def test_a_sound_configuration_passes(config: dict[str, Any]) -> None:
    check_config(config)


@fuzzed
@given(edits=st.lists(st.tuples(st.integers(0, 10_000), VALUES, NAMES), min_size=1, max_size=4))
def test_a_configuration_passes_or_is_refused(config: dict[str, Any], edits: list[tuple[int, Any, str]]) -> None:
    tree = copy.deepcopy(config)
    for place, value, name in edits:
        everywhere = list(places(tree))
        holder, key = everywhere[place % len(everywhere)]
        holder[key] = value
        if isinstance(holder, dict):
            holder[name] = value
    try:
        check_config(tree)
    except ModelError as error:
        assert str(error).replace("\n", "").isprintable()


@fuzzed
@given(value=VALUES)
def test_anything_that_is_no_configuration_is_refused(value: Any) -> None:
    with pytest.raises(ModelError):
        check_config(value)


@fuzzed
@given(changes=CHANGES, cut=st.integers(0, 2**32))
def test_an_archive_passes_or_is_refused(sound: Path, tmp_path: Path, changes: list[tuple[int, int]], cut: int) -> None:
    data = changed(sound.read_bytes(), changes)
    path = tmp_path / "changed.keras"
    path.write_bytes(data if cut % 4 else data[: cut % len(data)])
    try:
        with model_archive.opened(path) as (file, archive):
            model_archive.read_json(archive, CONFIG)
            model_archive.weights_member(file, archive).read()
    except ModelError as error:
        assert str(error).replace("\n", "").isprintable()
    read_record(path)


@fuzzed
@given(changes=CHANGES, cut=st.integers(0, 2**32))
def test_weights_pass_or_are_refused(sound: Path, tmp_path: Path, changes: list[tuple[int, int]], cut: int) -> None:
    # The description of the arrays stands among them: most changes are in the first few thousand bytes.
    data = member(sound, WEIGHTS)
    head = changed(data[:4096], changes) + data[4096:]
    path = tmp_path / "changed.weights.h5"
    path.write_bytes(changed(head, changes[:1]) if cut % 4 else head[: cut % len(head)])
    try:
        with copied_weights(path):
            pass
    except WeightsError as error:
        assert str(error).replace("\n", "").replace(str(path), "").isprintable()
