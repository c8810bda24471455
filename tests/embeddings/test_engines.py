"""Whatever runs a network, its vectors are the same; and what OpenVINO runs needs Keras only once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_world import CLASSES, save_net

from milvise.core import config
from milvise.core.precision import PRECISIONS
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.backbones import Backbone, load_backbone
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.cut_classifier import weights_hash
from milvise.embeddings.devise.encoder import Devise
from milvise.embeddings.devise.heads import linear_head
from milvise.embeddings.devise.trained_head import load_head
from milvise.embeddings.model_files.keras_file import save_model
from milvise.embeddings.pictures.decode import decode
from milvise.embeddings.runtimes import engines, gpu, openvino_cache, openvino_engine
from milvise.embeddings.runtimes.engines import load_network
from milvise.embeddings.runtimes.openvino_engine import CompiledBackbone
from milvise.embeddings.runtimes.quiet_keras import silenced
from milvise.errors import ModelError, UsageError


def graphs() -> list[Path]:
    """Return the graphs of heads that are kept."""
    return [*(config.cache() / "heads").rglob("*.xml")]


def cosines(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(some, axis=1) * np.linalg.norm(others, axis=1)
    return (some * others).sum(axis=1) / lengths


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("engines") / "small.keras", 3)


@pytest.fixture(scope="module")
def compiled(file: Path) -> CompiledBackbone:
    network = load_network(str(file))
    assert isinstance(network, CompiledBackbone)
    return network


@pytest.fixture(scope="module")
def pixels(compiled: CompiledBackbone) -> np.ndarray:
    shape = (7, compiled.size, compiled.size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def conse(compiled: CompiledBackbone, tmp_path_factory: pytest.TempPathFactory) -> ConseHead:
    names = tmp_path_factory.mktemp("names") / "classes.txt"
    names.write_text("\n".join(CLASSES))
    classes: Classes = compiled.classes(names)
    random = np.random.default_rng(1)
    words = {word: random.normal(size=8).astype(np.float32) for name in CLASSES for word in name.lower().split()}
    return ConseHead(classes, words)


def test_engines_agree_on_every_picture(file: Path, compiled: CompiledBackbone, pixels: np.ndarray) -> None:
    keras = load_network(str(file), engine="keras")
    assert (keras.engine, compiled.engine) == ("keras", "openvino")
    assert keras.fingerprint == compiled.fingerprint
    assert cosines(keras.embed(pixels), compiled.embed(pixels)).min() > 0.9999
    for mine, other in zip(keras.classifier or (), compiled.classifier or (), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_engines_agree_on_photos(photos: list[Path]) -> None:
    keras, compiled = (load_network("efficientnet_lite0", engine=engine) for engine in ("keras", "openvino"))
    pictures = [decode(path.read_bytes(), size=keras.size, rule=keras.rule).pixels for path in photos[:8]]
    assert keras.fingerprint == compiled.fingerprint
    assert cosines(keras.embed(np.stack(pictures)), compiled.embed(np.stack(pictures))).min() > 0.9999


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_picture_has_the_same_vector_alone_and_among_others(
    count: int, compiled: CompiledBackbone, pixels: np.ndarray
) -> None:
    expected = compiled.embed(pixels)[:count]
    np.testing.assert_allclose(compiled.embed(pixels[:count]), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(compiled.embed(pixels[:count], batch_size=2), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("count", [9, 61, 100])
def test_more_pictures_than_wait_for_the_processor_keep_their_places(
    file: Path, pixels: np.ndarray, precision: str, count: int
) -> None:
    network = load_network(str(file), precision=precision)
    chosen = np.random.default_rng(2).integers(0, len(pixels), count)
    expected = network.embed(pixels)[chosen]
    np.testing.assert_array_equal(network.embed(pixels[chosen], batch_size=count), expected)
    with ThreadPoolExecutor(4) as threads:
        parts = threads.map(lambda part: network.embed(pixels[part]), np.array_split(chosen, 4))
        np.testing.assert_allclose(np.concatenate(list(parts)), expected, rtol=0.02, atol=0.02)
    network.close()


def test_a_network_that_was_interrupted_goes_on(
    compiled: CompiledBackbone, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = compiled.embed(pixels)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(openvino_engine._Streams, "_collect", stop)
        with pytest.raises(KeyboardInterrupt):
            compiled.embed(pixels)
    np.testing.assert_array_equal(compiled.embed(pixels), expected)


def test_a_network_that_failed_goes_on(
    compiled: CompiledBackbone, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = compiled.embed(pixels)

    class Failing:
        def get_input_tensor(self, _: int) -> SimpleNamespace:
            return SimpleNamespace(data=np.empty_like(pixels[:1]))

        def start_async(self) -> None:
            pass

        def wait(self) -> None:
            raise RuntimeError("no memory")

    streams = compiled._runner._many
    assert streams is not None
    with monkeypatch.context() as patched:
        patched.setattr(streams, "_requests", [Failing(), *streams._requests])
        with pytest.raises(RuntimeError, match="no memory"):
            compiled.embed(pixels)
    np.testing.assert_array_equal(compiled.embed(pixels), expected)


def test_an_encoder_gives_the_vectors_of_the_network_and_those_that_the_head_makes_of_them(
    compiled: CompiledBackbone, conse: ConseHead, pixels: np.ndarray
) -> None:
    found = Devise(compiled, conse).encode_images(pixels)
    np.testing.assert_allclose(found[VISUAL], compiled.embed(pixels), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[JOINT], conse(found[VISUAL]), atol=1e-6)
    assert list(Devise(compiled).encode_images(pixels)) == [VISUAL]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_a_head_makes_of_a_picture_does_not_depend_on_the_others_in_its_batch(
    compiled: CompiledBackbone, conse: ConseHead, pixels: np.ndarray, count: int
) -> None:
    encoder = Devise(compiled, conse)
    among, few = encoder.encode_images(pixels), encoder.encode_images(pixels[:count])
    same = (among[VISUAL][:count] == few[VISUAL]).all(axis=1)
    np.testing.assert_array_equal(few[JOINT][same], among[JOINT][:count][same])
    assert same.any() or count == 1


def test_a_trained_head_is_run_by_openvino_and_agrees_with_keras(
    compiled: CompiledBackbone, pixels: np.ndarray, tmp_path: Path
) -> None:
    model = linear_head(compiled.dim, 5)
    record = {"head": "linear", "loss": "cosine", "weights": weights_hash(model), "visual": {}, "words": {}}
    save_model(model, tmp_path / "h.keras", record)
    before = set(graphs())
    keras, head = (load_head(tmp_path / "h.keras", engine=engine) for engine in ("keras", "auto"))
    visual = compiled.embed(pixels)
    (graph,) = set(graphs()) - before
    assert (keras.dim, head.dim, keras.fingerprint) == (5, 5, head.fingerprint)
    np.testing.assert_allclose(head(visual), keras(visual), atol=1e-5)
    # A damaged graph is made again.
    graph.write_text("<net")
    np.testing.assert_allclose(load_head(tmp_path / "h.keras")(visual), keras(visual), atol=1e-5)
    # Trained again to the same file.
    model.set_weights([np.ones_like(array) for array in model.get_weights()])
    save_model(model, tmp_path / "h.keras", {**record, "weights": weights_hash(model)})
    assert load_head(tmp_path / "h.keras").fingerprint != head.fingerprint


def test_a_head_writes_into_no_memory_that_is_not_its_own(tmp_path: Path) -> None:
    model = linear_head(1280, 5)
    record = {"head": "linear", "loss": "cosine", "weights": weights_hash(model), "visual": {}, "words": {}}
    save_model(model, tmp_path / "h.keras", record)
    head = load_head(tmp_path / "h.keras")
    # They take the place of whatever the head let go of when it was loaded.
    others = [np.full((1, 1280), 7, np.float32) for _ in range(1000)]
    for n in (1, 2, 1):
        head(np.ones((n, 1280), np.float32))
    assert all((other == 7).all() for other in others)


def test_a_later_run_imports_neither_keras_nor_tensorflow(file: Path, compiled: CompiledBackbone) -> None:
    code = (
        "import sys, numpy as np; from milvise.embeddings.runtimes.engines import load_network;"
        f"network = load_network({str(file)!r});"
        "network.embed(np.zeros((2, network.size, network.size, 3), np.uint8));"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'torch', 'jax')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_nothing_reports_its_use_to_anybody(file: Path, compiled: CompiledBackbone) -> None:
    code = (
        "import sys; forks = []; sys.addaudithook(lambda event, _: forks.append(event) if event == 'os.fork' else None);"
        f"from milvise.embeddings.runtimes.engines import load_network; load_network({str(file)!r}); import openvino.tools.ovc;"
        "sys.exit(bool(forks or sys.modules['openvino_telemetry']))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_another_file_under_the_same_name_is_another_network(tmp_path: Path) -> None:
    first = load_network(str(save_net(tmp_path / "net.keras", 1)))
    (tmp_path / "net.keras").unlink()
    second = load_network(str(save_net(tmp_path / "net.keras", 2)))
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize("damaged", ["graph.xml", "graph.bin", "record.json", "classifier.npz"])
def test_a_damaged_graph_is_made_again(
    damaged: str, file: Path, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path))
    expected = load_network(str(file)).embed(pixels)
    (path,) = tmp_path.glob(f"backbones/*/{damaged}")
    path.write_bytes(path.read_bytes()[:20])
    np.testing.assert_array_equal(load_network(str(file)).embed(pixels), expected)


def test_without_a_cache_keras_runs_networks_and_heads(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_file").write_text("")
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "a_file"))
    assert load_network(str(file)).engine == "keras"
    with pytest.raises(ModelError, match="MILVISE_CACHE"):
        load_network(str(file), engine="openvino")
    model = linear_head(12, 5)
    record = {"head": "linear", "loss": "cosine", "weights": weights_hash(model), "visual": {}, "words": {}}
    save_model(model, tmp_path / "h.keras", record)
    head = load_head(tmp_path / "h.keras")
    assert head(np.ones((2, 12), np.float32)).shape == (2, 5)
    with pytest.raises(ModelError, match="MILVISE_CACHE"):
        load_head(tmp_path / "h.keras", engine="openvino")


def test_a_network_that_cannot_be_exported_is_run_by_keras(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ModelError("no such operation")

    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path))
    monkeypatch.setattr(openvino_cache, "export_graph", refuse)
    assert load_network(str(file)).engine == "keras"
    with pytest.raises(ModelError, match=r"(?s)Use --engine keras.*no such operation"):
        load_network(str(file), engine="openvino")
    assert not list(config.cache().glob("backbones/*"))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="Received: onnx"):
        load_network("efficientnet_lite0", engine="onnx")


def test_keras_runs_networks_in_half_precision_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(gpu, "may_be_there", lambda: True)
    monkeypatch.setattr(gpu, "is_seen", lambda: True)
    monkeypatch.setattr(gpu, "free_bytes", lambda: 8 * 2**30)
    network = load_network("efficientnet_lite0")
    assert isinstance(network, Backbone)
    assert network.on_gpu
    assert network.model.compute_dtype == "float16" or network.model.layers[-1].compute_dtype == "float16"
    assert keras.config.dtype_policy().name == "float32"
    assert network.usual_batch > 32
    exact = load_backbone("efficientnet_lite0")
    assert network.fingerprint == exact.fingerprint
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    assert cosines(network.embed(pixels, batch_size=2), exact.embed(pixels, batch_size=2)).min() > 0.9999


def test_a_gpu_gets_as_many_pictures_as_its_memory_holds() -> None:
    assert gpu.fitting(2**20, 0) == 32
    assert gpu.fitting(2**20, 64 * 2**20) == 64
    assert gpu.fitting(2**20, 127 * 2**20) == 64
    assert gpu.fitting(2**20, 2**40) == gpu.LARGEST_BATCH
    # 224 * 224 * 64 values in the first block of VGG16, two bytes each, four times.
    import keras

    assert gpu.picture_bytes(keras.applications.VGG16(weights=None)) == 4 * 2 * 224 * 224 * 64


def test_without_a_device_keras_is_not_asked_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_DEVICES", ("/dev/no_such_device",))
    monkeypatch.setattr(gpu, "is_seen", lambda: pytest.fail("Keras was asked"))
    assert not gpu.may_be_there()
    assert engines.load_network("efficientnet_lite0").engine == "openvino"


def test_threads_that_silence_standard_error_at_once_give_it_back() -> None:
    before = os.fstat(2)
    inside = [threading.Event(), threading.Event()]

    def first() -> None:
        with silenced():
            inside[0].set()
            # Long enough for the other to come in, if it could.
            inside[1].wait(0.3)

    def second() -> None:
        inside[0].wait()
        with silenced():
            inside[1].set()
            threads[0].join(0.3)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = os.fstat(2)
    assert (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino)
