"""Files of the cache that are damaged, or that somebody else put there: never run, never trusted, made again."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hostile.models import Attack, pickled_arrays
from numpy.lib import format as npy
from small_world import save_net

from milvise.adapter.kept_vectors import KeptVectors
from milvise.core import config
from milvise.embeddings.devise.cut_classifier import weights_hash
from milvise.embeddings.devise.heads import linear_head
from milvise.embeddings.devise.trained_head import load_head
from milvise.embeddings.model_files.kept_files import read_arrays, read_object
from milvise.embeddings.model_files.keras_file import save_model
from milvise.embeddings.runtimes.engines import load_network
from milvise.embeddings.runtimes.openvino_engine import CompiledBackbone

PIXELS = np.full((2, 16, 16, 3), 9, np.uint8)
KINDS = {"weights": ("f", 2), "bias": ("f", 1)}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("net") / "net.keras", 2)


@pytest.fixture(scope="module")
def filled(net: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A cache that holds the network, and the vectors that it makes."""
    cache = tmp_path_factory.mktemp("filled") / "cache"
    os.environ["MILVISE_CACHE"], before = str(cache), os.environ.get("MILVISE_CACHE")
    try:
        vectors = load_network(str(net), engine="openvino").embed(PIXELS)
    finally:
        os.environ.pop("MILVISE_CACHE") if before is None else os.environ.__setitem__("MILVISE_CACHE", before)
    return cache, vectors


@pytest.fixture
def cache(filled: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "copy"))
    monkeypatch.setenv("MILVISE_CANARY", str(tmp_path / "canary"))
    shutil.copytree(filled[0], tmp_path / "copy")
    return tmp_path / "copy"


def header_of(shape: tuple[int, ...]) -> bytes:
    """Return an archive with one array that says it has this shape, and holds nothing."""
    out, array = io.BytesIO(), io.BytesIO()
    npy.write_array_header_1_0(array, {"descr": "<f4", "fortran_order": False, "shape": shape})
    import zipfile

    with zipfile.ZipFile(out, "w") as archive:
        for name in ("weights", "bias"):
            archive.writestr(f"{name}.npy", array.getvalue())
    return out.getvalue()


def arrays(**given: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **given)  # type: ignore[arg-type]
    return out.getvalue()


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "record emptied": ("record.json", lambda _: b""),
    "record cut": ("record.json", lambda data: data[: len(data) // 2]),
    "record of another type": ("record.json", lambda _: b"[1]"),
    "record nested": ("record.json", lambda _: b"[" * 100_000),
    "record with other fields": ("record.json", lambda data: json.dumps({**json.loads(data), "dim": "12"}).encode()),
    "record of another width": ("record.json", lambda data: json.dumps({**json.loads(data), "dim": 13}).encode()),
    "record of another size": ("record.json", lambda data: json.dumps({**json.loads(data), "size": 99}).encode()),
    "classes that are a number": (
        "record.json",
        lambda data: json.dumps({**json.loads(data), "class_names": 3}).encode(),
    ),
    "classifier pickled": ("classifier.npz", lambda _: pickled_arrays()),
    "classifier that is a pickle": ("classifier.npz", lambda _: pickle.dumps(Attack())),
    "classifier of vast shape": ("classifier.npz", lambda _: header_of((2**40, 2**20))),
    "classifier of another width": ("classifier.npz", lambda _: arrays(weights=np.ones((4, 3)), bias=np.ones(4))),
    "classifier of texts": ("classifier.npz", lambda _: arrays(weights=np.array([["a"]]), bias=np.array(["b"]))),
    "classifier cut": ("classifier.npz", lambda data: data[: len(data) // 2]),
    "graph emptied": ("graph.xml", lambda _: b""),
    "graph cut": ("graph.xml", lambda data: data[: len(data) // 2]),
    "graph that expands": ("graph.xml", lambda _: b'<!DOCTYPE x [<!ENTITY a "aa">]><net>&a;</net>'),
    "graph that reads elsewhere": ("graph.xml", lambda data: data.replace(b"offset=", b"offset='999999999999' x=")),
    "weights cut": ("graph.bin", lambda data: data[: len(data) // 2]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_again(
    net: Path, filled: tuple[Path, np.ndarray], cache: Path, tmp_path: Path, damage: str
) -> None:
    name, change = DAMAGES[damage]
    (path,) = cache.glob(f"backbones/*/{name}")
    path.write_bytes(change(path.read_bytes()))
    network = load_network(str(net), engine="openvino")
    assert isinstance(network, CompiledBackbone)
    np.testing.assert_allclose(network.embed(PIXELS), filled[1], atol=1e-5)
    assert network.classifier is not None
    assert network.classifier[0].shape == (4, 12)
    assert not (tmp_path / "canary").exists()


def test_what_is_whole_is_not_made_again(net: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from milvise.embeddings.runtimes import openvino_cache

    monkeypatch.setattr(openvino_cache, "load_backbone", None)
    assert isinstance(load_network(str(net), engine="openvino"), CompiledBackbone)


@pytest.mark.parametrize("kind", ["file", "link to a folder", "link to nowhere"])
def test_what_stands_in_the_place_of_a_folder_is_replaced_and_what_it_points_at_stays(
    net: Path, cache: Path, tmp_path: Path, kind: str
) -> None:
    (folder,) = cache.glob("backbones/*")
    shutil.rmtree(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    folder.write_text("") if kind == "file" else folder.symlink_to(other if kind.endswith("folder") else other / "no")
    assert load_network(str(net), engine="openvino").engine == "openvino"
    assert [path.name for path in other.iterdir()] == ["mine.txt"]


def test_a_damaged_head_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))
    model = linear_head(4, 3)
    record = {"head": "linear", "loss": "cosine", "weights": weights_hash(model), "visual": {}, "words": {}}
    save_model(model, tmp_path / "h.keras", record)
    visual = np.ones((1, 4), np.float32)
    expected = load_head(tmp_path / "h.keras")(visual)
    (kept,) = (tmp_path / "cache").glob("heads/*/record.json")
    for text in ("", "[]", "{}", json.dumps({**record, "visual": 3}), kept.read_text().replace("words", "sentences")):
        kept.write_text(text)
        head = load_head(tmp_path / "h.keras", engine="openvino")
        np.testing.assert_allclose(head(visual), expected, atol=1e-6)
        assert head.record == record


def test_the_cache_is_made_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "new"))
    KeptVectors("words_1").put([("cat", np.ones(2, np.float32))])
    for folder in (tmp_path / "new", tmp_path / "new" / "vectors"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'"a"', b"[" * 100_000, b"\xff", b"1" * 5000])
def test_an_object_is_read_or_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "record.json").write_bytes(data)
    assert read_object(tmp_path / "record.json") is None
    assert read_object(tmp_path) is None


@pytest.mark.parametrize("shape", [(2**40, 2**20), (2**62, 4), (0, 2**62), (1, 1)])
def test_arrays_are_as_long_as_they_say(tmp_path: Path, shape: tuple[int, ...]) -> None:
    (tmp_path / "a.npz").write_bytes(header_of(shape))
    assert read_arrays(tmp_path / "a.npz", KINDS) is None


# Kept vectors.


def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[KeptVectors, Path]:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))
    vectors = KeptVectors("words_1")
    vectors.put([("cat", np.float32([1, 2])), ("unheard", None)])
    return vectors, config.cache() / "vectors" / "words_1.sqlite"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vectors SET vector = x'00'",
        "UPDATE vectors SET vector = 'text'",
        "UPDATE vectors SET vector = 7",
        "UPDATE vectors SET vector = NULL",
        "UPDATE vectors SET vector = zeroblob(100000)",
    ],
)
def test_a_vector_of_another_width_counts_as_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    vectors, path = kept(tmp_path, monkeypatch)
    assert set(vectors.get(["cat", "unheard"], dim=2)) == {"cat", "unheard"}
    assert vectors.get(["cat"], dim=3) == {}
    change(path, statement)
    assert vectors.get(["cat", "unheard"], dim=2) == {}


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'cat' AS id, x'0000' AS vector FROM n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"no database " * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: change(path, "DROP TABLE vectors", f"CREATE VIEW vectors AS {ENDLESS}"),
        lambda path: change(path, "DROP TABLE vectors", "CREATE TABLE vectors (id TEXT, vector BLOB, more TEXT)"),
        lambda path: change(
            path, "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN DELETE FROM vectors WHERE id != new.id; END"
        ),
    ],
    ids=["no database", "cut", "a view without end", "another table", "a trigger"],
)
def test_another_database_is_not_read_and_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    vectors, path = kept(tmp_path, monkeypatch)
    damage(path)
    assert vectors.get(["cat"], dim=2) == {}
    vectors.put([("dog", np.float32([3, 4])), ("cat", np.float32([1, 2]))])
    found = vectors.get(["cat", "dog"], dim=2)
    np.testing.assert_array_equal([found["cat"], found["dog"]], [[1, 2], [3, 4]])


def test_a_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, path = kept(tmp_path, monkeypatch)
    other = tmp_path / "other.sqlite"
    path.rename(other)
    before = other.read_bytes()
    path.symlink_to(other)
    assert vectors.get(["cat"], dim=2) == {}
    vectors.put([("dog", np.float32([3, 4]))])
    assert other.read_bytes() == before
    assert set(vectors.get(["dog"], dim=2)) == {"dog"}
