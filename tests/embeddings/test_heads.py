"""Heads as Keras models, with values worked out on paper, and the files that they are kept in."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from milvise.core.arrays import unit
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.cut_classifier import weights_hash
from milvise.embeddings.devise.heads import conse_head, linear_head, mlp_head, residual_head
from milvise.embeddings.devise.trained_head import load_head
from milvise.embeddings.model_files.keras_file import read_record, require_writable, save_model
from milvise.errors import FingerprintError, ModelError

X, Y, Z = np.eye(3, dtype=np.float32)
VISUAL = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def conse() -> ConseHead:
    weights = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    return ConseHead(
        Classes(("cat", "dog", "tree"), weights, np.float32([0.1, 0, -0.2])), {"cat": X, "dog": Y, "tree": Z}
    )


def record(model: object) -> dict[str, object]:
    return {
        "head": "linear", "loss": "cosine", "weights": weights_hash(model), "visual": {"backbone": "a"},
        "words": {"words": "b"},
    }  # fmt: skip


def test_the_conse_head_is_the_same_as_a_keras_model(conse: ConseHead) -> None:
    np.testing.assert_allclose(conse_head(conse)(VISUAL), conse(VISUAL), atol=1e-6)


def residual(conse: ConseHead, *means: np.ndarray, penalty: float = 0.0) -> Any:
    """A residual head whose labels lie in the directions `means` from the point (1, 1, 1, 1)."""
    return residual_head(conse, np.ones(4, np.float32), unit(np.stack(means)), penalty=penalty)


def test_a_residual_head_starts_as_conse(conse: ConseHead) -> None:
    head = residual(conse, np.float32([1, 2, 3, 4]), penalty=0.1)
    np.testing.assert_allclose(head(VISUAL), conse(VISUAL), atol=1e-6)
    (trainable,) = head.trainable_weights
    assert trainable.shape == (3, 3)


def test_a_residual_head_corrects_what_is_familiar(conse: ConseHead) -> None:
    means = unit(VISUAL[:2] - 1)
    moved = np.float32([[0, 0, 5], [0, 0, 0], [1, 0, 0]])
    head = residual(conse, *means)
    head.get_layer("correction").set_weights([moved])
    p = conse.probabilities(VISUAL)
    trust = np.maximum(0, (unit(VISUAL - 1) @ means.T).max(axis=1, keepdims=True))
    np.testing.assert_allclose(head(VISUAL), unit(unit(p @ conse.names) + trust * (p**0.75 @ moved)), atol=1e-5)
    assert len(np.unique(trust)) > 2


def test_a_picture_unlike_all_that_was_trained_on_keeps_its_conse_vector(conse: ConseHead) -> None:
    head = residual(conse, np.float32([1, 0, 0, 0]))
    head.get_layer("correction").set_weights([np.full((3, 3), 9, np.float32)])
    unlike = np.float32([[-3, 1, 1, 1], [1, 5, -2, 1]])
    np.testing.assert_allclose(head(unlike), conse(unlike), atol=1e-5)


def test_heads_give_unit_vectors_of_the_words_width() -> None:
    for head in (linear_head(4, 3), mlp_head(4, 3)):
        np.testing.assert_allclose(np.linalg.norm(head(VISUAL), axis=1), 1, rtol=1e-5)
        assert head.output_shape == (None, 3)


def test_the_mlp_has_the_layers_that_it_is_known_for() -> None:
    layers = [type(layer).__name__ for layer in mlp_head(4, 3).layers]
    assert layers == [
        "InputLayer", "Dense", "BatchNormalization", "ReLU", "Dropout", "Dense", "BatchNormalization",
        "UnitNormalization",
    ]  # fmt: skip
    assert mlp_head(4, 3).layers[1].units == 2000
    assert mlp_head(4, 3).layers[4].rate == 0.5


def test_a_file_holds_the_head_and_its_record_and_stays_a_keras_model(tmp_path: Path, conse: ConseHead) -> None:
    import keras

    model = residual(conse, np.float32([1, 1, 0, 0]), penalty=0.1)
    save_model(model, tmp_path / "h.keras", record(model))
    head = load_head(tmp_path / "h.keras")
    # The engine adds up in another order when threads are few.
    np.testing.assert_allclose(head(VISUAL), model(VISUAL), rtol=1e-6)
    assert (head.dim, head.fingerprint) == (3, {"kind": "linear", "loss": "cosine", "weights": weights_hash(model)})
    assert read_record(tmp_path / "h.keras")["visual"] == {"backbone": "a"}
    plain = keras.saving.load_model(tmp_path / "h.keras")
    np.testing.assert_array_equal(plain(VISUAL), model(VISUAL))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h.keras"]


def test_a_head_belongs_to_one_backbone_and_one_set_of_words(tmp_path: Path) -> None:
    model = linear_head(4, 3)
    save_model(model, tmp_path / "h.keras", record(model))
    head = load_head(tmp_path / "h.keras")
    head.require_belongs(visual={"backbone": "a"}, words={"words": "b"}, gallery="g")
    with pytest.raises(
        FingerprintError, match=r"another backbone .*\nExpected: \{'backbone': 'c'\}\nReceived: \{'backbone': 'a'\}"
    ):
        head.require_belongs(visual={"backbone": "c"}, words={"words": "b"}, gallery="g")
    with pytest.raises(
        FingerprintError, match=r"other words .*\nExpected: \{'words': 'c'\}\nReceived: \{'words': 'b'\}"
    ):
        head.require_belongs(visual={"backbone": "a"}, words={"words": "c"}, gallery="g")


def test_what_is_no_head_is_refused(tmp_path: Path) -> None:
    model = linear_head(4, 3)
    model.save(tmp_path / "plain.keras")
    with pytest.raises(ModelError, match="without a record"):
        load_head(tmp_path / "plain.keras")
    save_model(model, tmp_path / "other.keras", record(linear_head(4, 3)))
    with pytest.raises(FingerprintError, match="not those that were trained"):
        load_head(tmp_path / "other.keras")
    (tmp_path / "text.keras").write_text("text")
    with pytest.raises(ModelError, match="is not a Keras model"):
        load_head(tmp_path / "text.keras")
    with pytest.raises(ModelError, match="no model file"):
        load_head(tmp_path / "nothing.keras")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("a", "b")
    assert read_record(tmp_path / "zip.keras") == {}


def test_where_a_model_cannot_be_written_is_said_before_work_begins(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="ends in .keras"):
        require_writable(tmp_path / "h.h5")
    with pytest.raises(ModelError, match="does not exist"):
        require_writable(tmp_path / "no" / "h.keras")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(ModelError, match="a folder is in its place"):
        require_writable(tmp_path / "folder.keras")
