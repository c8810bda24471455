"""Hostile models and weights run nothing and are refused with a sentence; what is sound is loaded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hostile import models
from small_world import save_net

from milvise.embeddings.devise.backbones import load_backbone
from milvise.embeddings.devise.trained_head import load_head
from milvise.embeddings.model_files import weights_file
from milvise.errors import ModelError, WeightsError


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("hostile") / "sound.keras", 1)


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILVISE_CANARY", str(tmp_path / "canary"))
    return tmp_path / "canary"


def test_every_hostile_model_is_refused_with_a_reason(sound: Path, canary: Path, tmp_path: Path) -> None:
    hostile = models.archives(sound)
    assert len(hostile) > 40
    for name, contents in hostile.items():
        path = tmp_path / "evil.keras"
        path.write_bytes(contents)
        started = time.monotonic()
        for load in (load_backbone, lambda file: load_head(Path(file))):
            with pytest.raises(ModelError) as refused:
                load(str(path))
            message = str(refused.value)
            assert "is not a Keras model that milvise loads: " in message, name
            # Refused by what is checked, not by what Keras made of it.
            assert "not a Keras model: " not in message, name
            assert len(message) < 1000, name
            assert message.replace("\n", " ").isprintable(), name
        assert time.monotonic() - started < 10, name
        assert not canary.exists(), name


def test_every_hostile_file_of_weights_is_refused(sound: Path, canary: Path, tmp_path: Path) -> None:
    hostile = models.weights(sound)
    assert len(hostile) > 10
    for name, (suffix, contents) in hostile.items():
        path = tmp_path / f"evil{suffix}"
        path.write_bytes(contents)
        with pytest.raises(WeightsError) as refused:
            load_backbone(f"{sound}:features", weights=path)
        assert str(refused.value).replace("\n", " ").isprintable(), name
        assert not canary.exists(), name


def test_the_canary_shows_code_that_is_run(canary: Path) -> None:
    import pickle

    pickle.loads(pickle.dumps(models.Attack())).close()
    assert canary.exists()


@pytest.mark.parametrize("name", ["layer of Python code", "layer that calls os.system"])
def test_the_reason_names_the_part(sound: Path, canary: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.keras"
    path.write_bytes(models.archives(sound)[name])
    with pytest.raises(ModelError, match=r"a part that milvise does not load: 'keras.layers.Lambda'"):
        load_backbone(str(path))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("network larger than its weights", r"it has \d{12} weights, and its file holds \d{4}\."),
        ("layer that enlarges a picture without end", r"gives \d{11} numbers for one picture"),
        ("networks that double in each other", r"called \d{7} times"),
        ("model whose array stands in another file", "do not stand in it"),
        ("archive with a damaged member", "Bad CRC-32"),
    ],
)
def test_what_would_take_memory_or_read_elsewhere_is_found_by_what_it_says(
    sound: Path, tmp_path: Path, name: str, reason: str
) -> None:
    path = tmp_path / "evil.keras"
    path.write_bytes(models.archives(sound)[name])
    with pytest.raises(ModelError, match=reason):
        load_backbone(str(path))


def test_weights_described_in_circles_are_read_only_so_often(monkeypatch: pytest.MonkeyPatch, sound: Path) -> None:
    monkeypatch.setattr(weights_file, "MOST_READS", 20)
    with pytest.raises(ModelError, match="in circles"):
        load_backbone(f"{sound}:features", weights=sound)


def test_a_model_of_the_second_version_is_not_loaded(tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((4,))
    path = tmp_path / "old.h5"
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(path)
    with pytest.raises(ModelError, match="does not end in .keras"):
        load_head(path)


def test_a_record_of_other_types_counts_as_none(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "strange.keras"
    path.write_bytes(models.with_members(sound, {"milvise.json": b'{"classes": 3, "resize": ["crop"]}'}))
    assert load_backbone(f"{path}:features").rule == "squash"


def test_the_cases_are_written(tmp_path: Path) -> None:
    cases = models.make(tmp_path)
    assert len({case.name for case in cases}) == len(cases) > 50
    assert all(Path(argument).exists() for case in cases for argument in case.arguments if argument.endswith(".h5"))
