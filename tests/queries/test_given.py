"""Pictures whose type says whether they are stored or files: nothing is guessed, and nothing else is opened or asked for."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_world import paint

import milvise
from milvise.adapter import IndexSpec, Manifest, Store
from milvise.adapter.collection import Collection
from milvise.cli.search import _weighted
from milvise.core.records import record_id
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.encoder import Devise
from milvise.errors import ImageError, NotFoundError, UsageError
from milvise.operations.database import Database
from milvise.operations.gallery import Gallery
from milvise.queries.pictures.given import given

STORED, FILE, BYTES = milvise.StoredPicture, milvise.PictureFile, milvise.PictureBytes


@pytest.fixture
def gallery(own_store: Store, nets: list[Backbone], monkeypatch: pytest.MonkeyPatch) -> Iterator[Gallery]:
    """Three stored pictures: 0.png, 1.png and one whose URI is an absolute path."""
    monkeypatch.setattr("milvise.gallery.models._encoder", lambda recipe, name: Devise(nets[0]))
    manifest = Manifest("t_visual", "visual", nets[0].dim, nets[0].fingerprint, recipe={"backbone": "net"})
    collection = own_store.build(manifest)
    rows = {"0.png": 0, "1.png": 1, "/etc/hostname": 2}
    collection.upsert(
        {"id": record_id(uri), "uri": uri, "label": "", "sha256": "", "width": 1, "height": 1, "meta": {}, "vector": vector}
        for uri, vector in zip(rows, np.eye(len(rows), manifest.dim, dtype=np.float32) + 0.1, strict=True)
    )  # fmt: skip
    own_store.publish(own_store.finish(collection, IndexSpec("flat")))
    yield Database(own_store).gallery("t")


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that anything opens or looks at, as they are named."""
    paths: list[str] = []

    def spy(module: object, name: str) -> None:
        real = getattr(module, name)

        def noting(path: object, *args: object, **kwargs: object) -> object:
            if isinstance(path, (str, bytes, os.PathLike)):
                paths.append(os.fsdecode(path))
            return real(path, *args, **kwargs)

        monkeypatch.setattr(module, name, noting)

    for module, name in ((builtins, "open"), (os, "open"), (os, "stat"), (os, "lstat")):
        spy(module, name)
    return paths


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The primary keys that Milvus is asked for."""
    keys: list[str] = []
    real = Collection.get

    def noting(self: Collection, wanted: list[str], **kwargs: object) -> dict:
        if self.manifest.alias == "t_visual":
            keys.extend(wanted)
        return real(self, wanted, **kwargs)

    monkeypatch.setattr(Collection, "get", noting)
    return keys


def requests(gallery: Gallery, name: str) -> list:
    """Every request that takes a picture, of this stored one."""
    picture = STORED(name)
    return [
        lambda: gallery.similar(picture),
        lambda: gallery.mixed([picture]),
        lambda: gallery.mixed([(picture, 2.0)]),
        lambda: gallery.complete([picture]),
        lambda: gallery.rank(pictures=[picture]),
        lambda: gallery.refine(pictures=["0.png"], liked=[name]),
        lambda: gallery.refine(pictures=["0.png"], disliked=[name]),
        lambda: gallery.rank(pictures=["0.png"], ids=[name]),
        lambda: gallery.explain(name, pictures=["0.png"]),
    ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["secret", "picture", "pipe", "locked folder"])
def test_a_stored_picture_is_never_opened_as_a_file(
    kind: str, gallery: Gallery, tmp_path: Path, touched: list[str]
) -> None:
    path = tmp_path / "here.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "locked folder":
        path.mkdir(mode=0)
    elif kind == "picture":
        paint(path, 0)
    name = "/etc/passwd" if kind == "secret" else str(path)
    assert Path(name).exists()
    touched.clear()
    for request in requests(gallery, name):
        with pytest.raises(
            NotFoundError, match=rf"is not a picture of the gallery 't'.\nExpected: .*\nReceived: '{re.escape(name)}'"
        ):
            request()
    assert name not in touched
    given(name)
    assert name in touched  # what a plain text does


def test_a_stored_picture_whose_uri_is_the_path_of_a_file_is_the_stored_one(
    gallery: Gallery, touched: list[str]
) -> None:
    hits = gallery.similar(STORED("/etc/hostname"))
    assert {hit.uri for hit in hits} == {"0.png", "1.png"}
    assert {hit.uri for hit in gallery.refine(pictures=[STORED("0.png")], liked=["/etc/hostname"])} == {"1.png"}
    assert gallery.explain("/etc/hostname", pictures=[STORED("0.png")]).hit.uri == "/etc/hostname"
    assert "/etc/hostname" not in touched


def test_a_picture_file_is_never_looked_up_in_milvus(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # Stored under this name, and no file here.
    for name in ("0.png", Path("0.png"), record_id("0.png")):
        with pytest.raises(
            ImageError, match=r"there is no picture file '.*'.*\nExpected: .*\nReceived: .*\n.*StoredPicture"
        ):
            gallery.similar(FILE(name))
    paint(tmp_path / "0.png", 0)
    assert len(gallery.similar(FILE("0.png"))) == 3
    assert len(gallery.similar(Path("0.png"))) == 3
    assert asked == []
    assert len(gallery.similar(STORED("0.png"))) == 2
    assert record_id("0.png") in asked


def test_bytes_are_a_picture_and_never_a_name(gallery: Gallery, tmp_path: Path, asked: list[str]) -> None:
    data = paint(tmp_path / "p.png", 5).read_bytes()
    ids = [hit.id for hit in gallery.similar(FILE(tmp_path / "p.png"))]
    assert [hit.id for hit in gallery.similar(BYTES(data))] == [hit.id for hit in gallery.similar(data)] == ids
    for name in (b"0.png", b"/etc/passwd"):
        with pytest.raises(ImageError, match="not a picture"):
            gallery.similar(BYTES(name))
    assert asked == []
    assert "PNG" not in repr(BYTES(data))


def test_a_plain_text_is_a_file_if_one_is_there_else_a_stored_picture(tmp_path: Path) -> None:
    path = paint(tmp_path / "p.png", 0)
    assert given(str(path)) == FILE(str(path))
    assert given(str(path) + "x") == STORED(str(path) + "x")
    assert given(str(tmp_path)) == STORED(str(tmp_path))
    assert given(path) == FILE(path)
    assert given(b"x") == BYTES(b"x")
    image = Image.new("RGB", (2, 2))
    for same in (STORED("a"), FILE("a"), BYTES(b"a"), image, np.zeros((2, 2), np.uint8)):
        assert given(same) is same


@pytest.mark.parametrize("wrong", [None, 7, ["0.png"], object()])
def test_what_is_no_picture_is_refused(wrong: object, gallery: Gallery) -> None:
    with pytest.raises(
        UsageError, match=rf"cannot be taken for a picture.\nExpected: .*\nReceived: {type(wrong).__name__}"
    ):
        gallery.similar(wrong)  # type: ignore[arg-type]
    for made in (STORED, FILE, BYTES):
        with pytest.raises(UsageError, match=rf"Expected: .*\nReceived: {type(wrong).__name__}"):
            made(wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Received: PictureFile"):
        STORED(FILE("a"))  # type: ignore[arg-type]


def test_a_single_picture_is_no_list(gallery: Gallery) -> None:
    for one in (STORED("0.png"), FILE("0.png"), BYTES(b"")):
        with pytest.raises(UsageError, match="must be a list"):
            gallery.complete(one)  # type: ignore[arg-type]


def test_the_command_line_says_which_file_it_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "a^2.png", 0)
    (tmp_path / "a^2").write_bytes(b"x")
    assert _weighted("a^2") == FILE("a^2")
    assert _weighted("b^2") == ("b", 2.0)
    assert _weighted("x" * 10_000 + "^2") == ("x" * 10_000, 2.0)
    assert _weighted("b") == "b"
