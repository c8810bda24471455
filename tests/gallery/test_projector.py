"""What TensorBoard's Embedding Projector is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_world import paint
from trained_world import VISUAL_DIM, put

from milvise.adapter import Manifest, Store
from milvise.core.records import record_id
from milvise.errors import InputError, NotFoundError, UsageError
from milvise.gallery.exports import export_projector


@pytest.fixture
def gallery(own_store: Store, tmp_path: Path) -> Store:
    rows = []
    for number in range(7):
        uri = f"cat/a\t{number}.png"
        paint(tmp_path / "photos" / uri, number)
        vector = np.random.default_rng(number).normal(size=VISUAL_DIM).astype(np.float32)
        rows.append({
            "id": record_id(uri), "uri": uri, "label": "cat", "sha256": "", "width": 1, "height": 1, "meta": {},
            "vector": vector,
        })  # fmt: skip
    (tmp_path / "photos" / "cat" / "a\t6.png").unlink()
    put(own_store, Manifest("g_visual", "visual", VISUAL_DIM, {}, sources=(str(tmp_path / "photos"),)), rows)
    return own_store


def test_rows_of_vectors_metadata_and_sprite_belong_together(gallery: Store, tmp_path: Path) -> None:
    written = export_projector(gallery, "g", tmp_path / "out")
    assert (written["pictures"], written["left_out"], written["without_thumbnail"]) == (7, 0, 1)
    vectors = np.loadtxt(tmp_path / "out/vectors.tsv", delimiter="\t")
    head, *metadata = (tmp_path / "out/metadata.tsv").read_text().splitlines()
    assert (vectors.shape, head, len(metadata)) == ((7, VISUAL_DIM), "uri\tlabel", 7)
    sprite = Image.open(tmp_path / "out/sprite.png")
    assert sprite.size == (3 * 64, 3 * 64)
    for place, line in enumerate(metadata):
        uri, label = line.split("\t")
        assert label == "cat"
        number = int(uri.removeprefix("cat/a ").removesuffix(".png"))
        expected = np.random.default_rng(number).normal(size=VISUAL_DIM)
        np.testing.assert_allclose(vectors[place], expected, rtol=1e-4)
        left, top = place % 3 * 64, place // 3 * 64
        tile = np.asarray(sprite.crop((left, top, left + 64, top + 64)))
        assert (tile.std() == 0) == (number == 6), "grey where there is no picture"


def test_the_configuration_names_the_files(gallery: Store, tmp_path: Path) -> None:
    export_projector(gallery, "g", tmp_path / "out", limit=4)
    config = (tmp_path / "out/projector_config.pbtxt").read_text()
    assert config.split() == [
        "embeddings", "{", "tensor_name:", '"g_visual"', "tensor_path:", '"vectors.tsv"', "metadata_path:",
        '"metadata.tsv"', "sprite", "{", "image_path:", '"sprite.png"', "single_image_dim:", "64", "single_image_dim:",
        "64", "}", "}",
    ]  # fmt: skip


def test_limit_filter_and_space(gallery: Store, tmp_path: Path) -> None:
    written = export_projector(gallery, "g", tmp_path / "out", limit=4)
    assert (written["pictures"], written["left_out"]) == (4, 3)
    with pytest.raises(InputError, match="no picture of the gallery fits"):
        export_projector(gallery, "g", tmp_path / "out", filter='label == "dog"')
    with pytest.raises(UsageError, match="Expected: visual, joint"):
        export_projector(gallery, "g", tmp_path / "out", space="both")
    with pytest.raises(NotFoundError, match="no joint vectors"):
        export_projector(gallery, "g", tmp_path / "out", space="joint")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to the folder"):
        export_projector(gallery, "g", tmp_path / "file")
