"""Fine-tuning the last block of a backbone on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from milvise.embeddings.devise.backbones import Backbone, load_backbone
from milvise.embeddings.model_files.keras_file import read_record
from milvise.errors import InputError, ModelError
from milvise.ingest.sources import open_source
from milvise.training.finetune import FinetuneOptions, finetune
from milvise.training.train import Report

LABELS = {"red": (200, 60, 60), "green": (60, 200, 60), "dark_blue": (20, 20, 90)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise around a colour for each label, one broken file, and one picture without a label."""
    root = tmp_path_factory.mktemp("coloured")
    noise = np.random.default_rng(0)
    for label, colour in LABELS.items():
        (root / label).mkdir()
        for number in range(24):
            pixels = np.clip(noise.normal(colour, 60, (20, 20, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    (root / "red" / "bad.png").write_bytes(b"bad")
    Image.new("RGB", (9, 9)).save(root / "none.png")
    return root


@pytest.fixture(scope="module")
def tune(folder: Path, nets: list[Backbone]) -> Callable[..., Report]:
    def run(out: Path, **options: object) -> Report:
        chosen = FinetuneOptions(**{"epochs": 4, **options})  # type: ignore[arg-type]
        # A copy, because training changes the network in place.
        backbone = load_backbone(_saved(nets[0], out.parent / "base.keras"))
        return finetune([open_source(str(folder))], backbone=backbone, out=out, options=chosen)

    return run


def _saved(backbone: Backbone, path: Path) -> str:
    import keras

    if not path.exists():
        outputs = keras.layers.Dense(2, activation="softmax")(backbone.model.output)
        keras.Model(backbone.model.input, outputs).save(path)
    return str(path)


def test_the_result_is_a_backbone_with_its_own_fingerprint_and_classes(
    tune: Callable[..., Report], nets: list[Backbone], tmp_path: Path
) -> None:
    report = tune(tmp_path / "tuned.keras", epochs=20)
    tuned = load_backbone(str(tmp_path / "tuned.keras"))
    assert (tuned.name, tuned.dim, tuned.size, tuned.rule) == ("tuned", 12, 16, nets[0].rule)
    assert tuned.fingerprint != nets[0].fingerprint
    assert sorted(tuned.classes().names) == sorted(LABELS)
    assert report.record["base"]["weights"] == nets[0].weights_hash
    pixels = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    vectors = tuned.embed(pixels)
    assert vectors.shape == (5, 12)
    assert np.abs(vectors - nets[0].embed(pixels)).max() > 1e-3
    scores = report.record["scores"]["similar_precision_at_10"]
    assert scores["after"] >= scores["before"]


def test_only_the_last_block_changes(tune: Callable[..., Report], nets: list[Backbone], tmp_path: Path) -> None:
    import keras

    tune(tmp_path / "tuned.keras")
    tuned = keras.saving.load_model(tmp_path / "tuned.keras")
    for layer in nets[0].model.layers:
        if layer.weights:
            same = np.allclose(layer.get_weights()[0], tuned.get_layer(layer.name).get_weights()[0])
            assert same == (layer.name != "features"), layer.name


def test_what_was_left_out_and_held_back_stands_in_the_record(tune: Callable[..., Report], tmp_path: Path) -> None:
    report = tune(tmp_path / "tuned.keras", held_back=0.25)
    on = read_record(tmp_path / "tuned.keras")["trained_on"]
    assert on["unreadable"] == {"red/bad.png": "not a picture in a format that can be read"}
    assert on["unlabelled"] == 1
    assert sum(on["labels"].values()) + on["held_back"]["pictures"] == 24 * len(LABELS)
    assert set(report.record["history"]) == {"classifier", "block"}


def test_the_same_seed_gives_the_same_backbone(tune: Callable[..., Report], tmp_path: Path) -> None:
    hashes = []
    for number, seed in enumerate((0, 0, 1)):
        tune(tmp_path / f"{number}.keras", seed=seed)
        hashes.append(load_backbone(str(tmp_path / f"{number}.keras")).weights_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_too_few_labels_are_an_error(nets: list[Backbone], folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"two or more(.|\n)*Received: no labelled picture"):
        finetune([open_source(str(folder), labels=False)], backbone=nets[1], out=tmp_path / "x.keras")
    with pytest.raises(ModelError, match="does not exist"):
        finetune([], backbone=nets[1], out=tmp_path / "no" / "x.keras")
    assert not list(tmp_path.glob("*.keras"))
