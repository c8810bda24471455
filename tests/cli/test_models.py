"""The commands that make models, as processes: train, project, export, and words of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import schemas
from jsonschema import validate
from processes import answer, milvise
from trained_world import put_trained_world

from milvise.adapter import Store, connect
from milvise.operations.demo import PackagedPhotos


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery ``g`` of real photos in folders by label, and a head trained for it."""
    folder = tmp_path_factory.mktemp("models")
    for item in PackagedPhotos():
        if item.content.path.name.startswith("cifar10"):
            (folder / "photos" / item.label).mkdir(parents=True, exist_ok=True)
            (folder / "photos" / item.label / item.content.path.name).symlink_to(item.content.path)
    answer(milvise(folder, "--json", "ingest", "words", "glove-6b-50d", "--limit", "13000", "--index", "flat"))
    answer(milvise(folder, "--json", "ingest", "images", "photos", "--gallery", "g"))
    report = answer(milvise(folder, "--json", "train", "--gallery", "g", "--out", "h.keras", "--hold-out", "frog"))
    validate(report, schemas.TRAIN)
    assert (report["head"], report["loss"], set(report["trained_on"]["held_out"])) == ("residual", "cosine", {"frog"})
    return folder


def test_a_gallery_moves_to_a_head_and_stays_with_it(world: Path) -> None:
    moved = answer(milvise(world, "--json", "project", "--gallery", "g", "--head", "h.keras", "--keep"))
    validate(moved, schemas.PROJECT)
    assert (moved["head"]["kind"], moved["projected"], moved["rows"]) == ("residual", moved["rows"], moved["rows"])
    photo = str(next((world / "photos" / "dog").iterdir()))
    tags = answer(milvise(world, "--json", "tag", photo, "--gallery", "g", "--limit", "3"))
    stored = answer(milvise(world, "--json", "tag", f"dog/{Path(photo).name}", "--gallery", "g", "--limit", "3"))
    assert [hit["word"] for hit in tags["hits"]] == [hit["word"] for hit in stored["hits"]]
    again = answer(milvise(world, "--json", "ingest", "images", "photos", "--gallery", "g"))
    assert (again["projected"], again["embedded"]) == (0, 0)
    # Zero-shot is what this head was not trained on.
    found = answer(milvise(world, "--json", "evaluate", "accuracy", "--gallery", "g", "--out", "report"))
    assert set(found["figures"]["zero_shot.p@10"]["by"]) == {"frog"}
    assert "frog" not in found["figures"]["seen.p@10"]["by"]
    dropped = answer(milvise(world, "--json", "drop", "--gallery", "g", "--kept", "--yes"))
    assert dropped == {"gallery": "g", "dropped": [moved["kept"]]}


def test_the_exported_model_agrees_with_what_stands_in_milvus(world: Path) -> None:
    import tensorflow as tf

    from milvise.embeddings.pictures.decode import decode

    written = answer(milvise(world, "--json", "export", "model", "--gallery", "g", "--out", "served"))
    assert (written["format"], written["size"], written["resize"]) == ("saved_model", 224, "crop")
    served = tf.saved_model.load(str(world / "served")).signatures["serving_default"]
    connection = connect(str(world / "milvise.db"))
    try:
        store = Store(connection)
        visual, joint = store.live("g_visual"), store.live("g_joint")
        assert visual is not None
        assert joint is not None
        rows = visual.query('id != ""', fields=["id", "uri", "vector"], limit=5)
        expected = joint.vectors([row["id"] for row in rows])
    finally:
        connection.close()
    for row in rows:
        data = (world / "photos" / row["uri"]).read_bytes()
        found = served(tf.constant(decode(data, size=224, rule="crop").pixels[np.newaxis]))
        np.testing.assert_allclose(found["visual"][0], row["vector"], atol=1e-4)
        np.testing.assert_allclose(found["joint"][0], expected[row["id"]], atol=1e-4)


def test_the_projector_gets_a_folder(world: Path) -> None:
    written = answer(milvise(world, "--json", "export", "projector", "--gallery", "g", "--out", "look"))
    assert (written["without_thumbnail"], written["open_with"]) == (0, "tensorboard --logdir look")
    assert {path.name for path in (world / "look").iterdir()} == {
        "vectors.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt",
    }  # fmt: skip


def test_the_wiring_check_and_the_plain_table(world: Path) -> None:
    one = answer(milvise(world, "--json", "train", "--gallery", "g", "--one", "--head", "linear"))
    assert one["similarity"] >= 0.99
    plain = milvise(world, "train", "--gallery", "g", "--out", "plain.keras", "--epochs", "2", "--hold-out", "ship")
    assert plain.returncode == 0, plain.stderr
    assert "unseen" in plain.stdout
    assert "Written to plain.keras" in plain.stderr


def test_words_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text("sea, beach, sand\ncity, street, neon\n" * 200)
    loaded = milvise(tmp_path, "--json", "ingest", "words", "--train", "tags.txt", "--dim", "16", "--epochs", "80")
    document = answer(loaded)
    validate(document, schemas.INGEST_WORDS)
    assert (document["words"], document["dim"]) == (6, 16)
    hits = answer(milvise(tmp_path, "--json", "search", "words", "sea", "--limit", "3"))["hits"]
    assert {hit["word"] for hit in hits} == {"sea", "beach", "sand"}


def test_fine_tuning_makes_a_backbone(world: Path) -> None:
    arguments = ["train", "photos", "--backbone", "efficientnet_lite0", "--out", "own.keras", "--epochs", "1"]
    report = answer(milvise(world, "--json", *arguments))
    assert set(report["classes"]) == {path.name for path in (world / "photos").iterdir()}
    loaded = answer(
        milvise(world, "--json", "ingest", "images", "photos", "--gallery", "own", "--backbone", "own.keras")
    )
    assert loaded["embedded"] == loaded["rows"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "--gallery", "t"], 2, "say where to write the head"),
        (["train", "--gallery", "t", "--out", "no/h.keras"], 1, "the folder no .* does not exist"),
        (["train", "--gallery", "t", "--out", "h.keras", "--head", "tree"], 2, "unknown head"),
        (["train", "--gallery", "t", "--one", "--out", "h.keras"], 2, "--one trains on one picture"),
        (["train", "--gallery", "t", "--one", "--loss", "hinge_rank"], 2, "ends at its margin"),
        (["train", "--gallery", "nothing", "--out", "h.keras"], 1, "no gallery 'nothing'"),
        (["train", "--backbone", "vgg16", "--out", "h.keras"], 2, "on labelled pictures: milvise train FOLDER"),
        (["train", ".", "--gallery", "t", "--out", "h.keras"], 2, "there can be none of --gallery"),
        (["project", "--gallery", "t", "--head", "tree"], 2, "unknown head"),
        (["project", "--gallery", "t", "--head", "h.keras"], 1, "no model file at"),
        (["project", "--gallery", "t", "--head", "conse", "--index", "scann"], 1, "does not have the index scann"),
        (["ingest", "words", "tags.txt", "--window", "3"], 2, "--window is for training words: add --train"),
        (["ingest", "words", "tags.txt", "--train"], 1, "no file of tag lists"),
        (["export", "projector", "--gallery", "t", "--out", "x", "--space", "both"], 2, "unknown space"),
        (["export", "model", "--gallery", "nothing", "--out", "x"], 1, "no gallery 'nothing'"),
    ],
)
def test_errors_are_messages_with_an_exit_code(small: Path, arguments: list[str], code: int, message: str) -> None:
    done = milvise(small, *arguments)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert re.search(message, done.stderr.replace("\n", " "))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that holds the gallery ``t``."""
    folder = tmp_path_factory.mktemp("small")
    connection = connect(str(folder / "milvise.db"), create=True)
    put_trained_world(Store(connection), each=3)
    connection.close()
    return folder
